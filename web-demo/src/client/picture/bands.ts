// Detector of banding: stairs where a gradient should be, from too few bits.

import type { Plane } from './planes.ts';

/** Pixels of a plateau that must be flat on either side of a step. */
const PLATEAU = 4;
/** How flat: largest difference, levels. */
const FLAT = 2;
/** Height of a step: less than this an eye takes for a gradient, ... */
const STEP_MIN = 4;
/** ... more is an edge of something. */
const STEP_MAX = 40;
/** Share of its height that a step takes within two pixels. */
const SHARP = 0.6;
/** Steps of about the same height, levels. */
const ALIKE = 2;
/** Places looked at in a frame in either direction, about. */
const PLACES = 40_000;
/** Block size of transforms: steps on this grid are blocks. */
const BLOCK = 8;

/** Banding in a picture. */
export interface Bands {
  /** Steps between plateaus, per line that was looked at. */
  readonly steps: number;
  /** Share of them that have about the most frequent height: the bits that are missing. */
  readonly alike: number;
  /** Share of them that lie on the transform grid. */
  readonly onGrid: number;
  /** The most frequent height, levels. */
  readonly height: number;
}

/** Looks for steps in rows and columns of a picture, which lie anywhere on it by `turn`. */
export function bandsOf({ bytes, stride, width, height }: Plane, turn: number): Bands {
  const heights = new Float64Array(STEP_MAX + 2 * ALIKE + 2);
  const count = { steps: 0, onGrid: 0, heights };
  const each = Math.max(7, Math.ceil((width * height) / PLACES));
  let lines = 0;
  for (let y = turn % each; y < height; y += each, lines++) stepsOf(bytes, y * stride, 1, width, count);
  for (let x = turn % each; x < width; x += each, lines++) stepsOf(bytes, x, stride, height, count);
  let [most, at] = [0, 0];
  for (let n = STEP_MIN; n <= STEP_MAX; n++) {
    let [near, sum] = [0, 0];
    for (let m = n - ALIKE; m <= n + ALIKE; m++) {
      near += heights[m] ?? 0;
      sum += m * (heights[m] ?? 0);
    }
    if (near > most) [most, at] = [near, sum / near];
  }
  const steps = Math.max(1, count.steps);
  return { steps: count.steps / Math.max(1, lines), alike: most / steps, onGrid: count.onGrid / steps, height: at };
}

/** Counts, in a line of pixels, steps from one plateau to another, by height. */
function stepsOf(
  bytes: Uint8Array,
  start: number,
  along: number,
  length: number,
  count: { steps: number; onGrid: number; heights: Float64Array },
): void {
  for (let n = PLATEAU + 1; n < length - PLATEAU - 1; n++) {
    const at = start + n * along;
    // Cheap look first: most places have no step at all.
    const rough = Math.abs((bytes[at + along] ?? 0) - (bytes[at - along] ?? 0));
    if (rough < STEP_MIN || rough > STEP_MAX) continue;
    const left = plateau(bytes, at - along * (PLATEAU + 1), along);
    const right = left < 0 ? -1 : plateau(bytes, at + along, along);
    if (right < 0) continue;
    const height = Math.round(Math.abs(right - left));
    // A wave goes from one plateau to the next as well, but not within two pixels.
    if (height < STEP_MIN || height > STEP_MAX || rough < SHARP * height) continue;
    count.steps++;
    count.heights[height] = (count.heights[height] ?? 0) + 1;
    const phase = n % BLOCK;
    if (phase <= 1 || phase === BLOCK - 1) count.onGrid++;
    n += PLATEAU - 1;
  }
}

/** The mean of a plateau's pixels; -1 when they are not flat. */
function plateau(bytes: Uint8Array, start: number, along: number): number {
  let [least, most, sum] = [255, 0, 0];
  for (let n = 0, at = start; n < PLATEAU; n++, at += along) {
    const value = bytes[at] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
  }
  return most - least <= FLAT ? sum / PLATEAU : -1;
}
