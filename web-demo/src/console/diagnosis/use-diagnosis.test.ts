// Tests of when a diagnosis is asked for, and of which word the headline is.

import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../client/diagnosis.ts';
import type { VerdictBrief } from '../../protocol/generated.ts';
import { headline } from './facts.ts';
import { ASK_MS, ASK_MS_MIN, dueMs } from './use-diagnosis.ts';

describe('the next question', () => {
  it('comes soon after a change and never sooner than two seconds after the last one', () => {
    expect(dueMs(10_000, 9_500, true)).toBe(ASK_MS_MIN - 500);
    expect(dueMs(10_000, 3_000, true)).toBe(0);
  });

  it('comes now and then without a change', () => {
    expect(dueMs(10_000, 9_500, false)).toBe(ASK_MS - 500);
  });

  it('is held back for who only passes by', () => {
    expect(dueMs(10_000, null, true)).toBeGreaterThan(0);
  });
});

describe('the headline', () => {
  const sentence = (en: string) => ({ en, zh: '' });
  const brief = {
    cause: 'viewer_network',
    confidence: 0.9,
    agent: sentence('live'),
    own_share: false,
  } as unknown as VerdictBrief;
  const diagnosis = {
    window: { from_ms: 0, to_ms: 1 },
    verdict: {
      cause: 'viewer_device',
      confidence: 0.7,
      summary: { agent: sentence('samples'), viewer: sentence('') },
      also: { cause: 'platform_delivery', confidence: 0.5, evidence: [] },
      own_share: true,
    },
  } as unknown as Diagnosis;

  it('is the row’s own verdict, which comes by itself, while there is one', () => {
    expect(headline(brief, diagnosis)).toMatchObject({ cause: 'viewer_network', sentence: { en: 'live' } });
    expect(headline(brief, null)).toMatchObject({ cause: 'viewer_network' });
  });

  it('is that of the samples without one', () => {
    expect(headline(undefined, diagnosis)).toMatchObject({
      cause: 'viewer_device',
      sentence: { en: 'samples' },
      also: 'platform_delivery',
      alsoConfidence: 0.5,
      own_share: true,
    });
  });

  it('is nothing before anything was measured', () => {
    expect(headline(undefined, null)).toBeNull();
    expect(headline(undefined, { ...diagnosis, window: null })).toBeNull();
  });
});
