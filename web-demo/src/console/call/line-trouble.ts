// When the agent's line is worth another look: packets of the call are lost on the way here, or come very unevenly.

import { numberAt, type Sample } from '../telemetry/rates.ts';

/** Share lost in a second that is trouble, as in the verdict's rules (docs/diagnosis.md). */
const LOSS_MIN = 0.05;
/** Jitter that is trouble, s. */
const JITTER_MIN_S = 0.05;
/** So many bad seconds of so many are trouble. */
const [NEED, OF] = [3, 5];
/** Time between two looks, ms: each is a hundred datagrams on a line that has trouble. */
const BETWEEN_MS = 12_000;
/** Looks of a call at most. */
const LOOKS_MAX = 10;

/** The seconds of one call at the agent. */
export class LineTrouble {
  readonly #bad: boolean[] = [];
  #before: Sample | null = null;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looks = 0;

  /** Takes a second's sample; true when the line is to be measured now. */
  isDue(sample: Sample): boolean {
    const before = this.#before;
    this.#before = sample;
    if (before === null) return false;
    this.#bad.push(isBad(before, sample));
    if (this.#bad.length > OF) this.#bad.shift();
    const troubled = this.#bad.filter(Boolean).length >= NEED;
    if (!troubled || this.#looks >= LOOKS_MAX || sample.t - this.#lookedMs < BETWEEN_MS) return false;
    this.#lookedMs = sample.t;
    this.#looks += 1;
    return true;
  }
}

function isBad(before: Sample, now: Sample): boolean {
  const grown = (path: string) => Math.max(0, (numberAt(now, path) ?? 0) - (numberAt(before, path) ?? 0));
  const lost = grown('video.packetsLost');
  const all = lost + grown('video.packetsReceived');
  return (all > 0 && lost / all >= LOSS_MIN) || (numberAt(now, 'video.jitter') ?? 0) >= JITTER_MIN_S;
}
