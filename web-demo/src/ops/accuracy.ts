// Owns the arithmetic of how often verdicts were right by the agents' words: precision and recall of each cause. Pure.

import type { Accuracy, CauseAccuracy } from '../protocol/generated.ts';

/** Words below which the means say little: with 30 of them and 90 % right, the truth lies between 74 and 97 % (Wilson). */
export const WORDS_MIN = 30;
/** Words on one cause below which its share is not shown: with four, a single one moves it by a quarter. */
export const CAUSE_WORDS_MIN = 5;

/** A cause with its shares, 0 to 1; `null` where there are too few words for one. */
export interface CauseShares extends CauseAccuracy {
  readonly precision: number | null;
  readonly recall: number | null;
}

/** The causes of which there is any word, with their shares. */
export function causeShares({ causes }: Accuracy): CauseShares[] {
  return causes
    .filter(({ said, was }) => said > 0 || was > 0)
    .map((one) => ({ ...one, precision: share(one.right, one.said), recall: share(one.right, one.was) }));
}

/** Means over the causes that have a share; `null` when none has. */
export function macro(rows: readonly CauseShares[], of: 'precision' | 'recall'): number | null {
  const known = rows.map((row) => row[of]).filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function share(right: number, all: number): number | null {
  return all < CAUSE_WORDS_MIN ? null : right / all;
}
