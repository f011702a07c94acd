// Tests of precision and recall by the agents' words.

import { describe, expect, it } from 'vitest';
import type { Accuracy } from '../protocol/generated.ts';
import { CAUSE_WORDS_MIN, causeShares, macro } from './accuracy.ts';

const accuracy: Accuracy = {
  judged: 26,
  causes: [
    { cause: 'viewer_network', said: 10, right: 9, was: 12 },
    { cause: 'viewer_device', said: 10, right: 5, was: 5 },
    { cause: 'platform_source', said: CAUSE_WORDS_MIN - 1, right: 1, was: 0 },
    { cause: 'media_server', said: 0, right: 0, was: 0 },
  ],
};

describe('shares', () => {
  it('are of what was said and of what it was', () => {
    expect(causeShares(accuracy)[0]).toMatchObject({ precision: 0.9, recall: 0.75 });
    expect(causeShares(accuracy)[1]).toMatchObject({ precision: 0.5, recall: 1 });
  });

  it('are left out where there are too few words, and so are causes nobody spoke of', () => {
    const rows = causeShares(accuracy);
    expect(rows.map(({ cause }) => cause)).toEqual(['viewer_network', 'viewer_device', 'platform_source']);
    expect(rows[2]).toMatchObject({ said: 4, precision: null, recall: null });
  });

  it('have means over the causes, not over the verdicts', () => {
    expect(macro(causeShares(accuracy), 'precision')).toBeCloseTo(0.7);
    expect(macro(causeShares(accuracy), 'recall')).toBeCloseTo(0.875);
    expect(macro([], 'recall')).toBeNull();
  });
});
