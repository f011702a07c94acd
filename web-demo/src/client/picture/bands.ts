// Detector of banding: stairs where a gradient should be, from too few bits.

import type { Crop } from './grid.ts';

/** Pixels of a plateau that must be flat on either side of a step. */
const PLATEAU = 4;
/** How flat: largest difference, levels. */
const FLAT = 1.5;
/** Height of a step: less than this an eye takes for a gradient, ... */
const STEP_MIN = 3;
/** ... more is an edge of something. */
const STEP_MAX = 24;
/** Distance to the next step of the same stairs, pixels. */
const RUN_MAX = 96;
/** Block size of transforms: steps on this grid are blocks. */
const BLOCK = 8;

/** Banding in a crop. */
export interface Bands {
  /** Stairs of at least three steps per line that was looked at. */
  readonly stairs: number;
  /** Share of their steps that lie on the transform grid. */
  readonly onGrid: number;
}

/** Looks for stairs along rows and columns of a crop. */
export function bandsOf({ bytes, stride, start, width, height }: Crop): Bands {
  const count = { stairs: 0, steps: 0, onGrid: 0 };
  let lines = 0;
  for (let y = 2; y < height; y += 6, lines++) stairsOf(bytes, start + y * stride, 1, width, count);
  for (let x = 2; x < width; x += 6, lines++) stairsOf(bytes, start + x, stride, height, count);
  return { stairs: count.stairs / Math.max(1, lines), onGrid: count.onGrid / Math.max(1, count.steps) };
}

/** Counts, in a line of pixels, steps that go on in the same direction by about the same height from a flat plateau. */
function stairsOf(
  bytes: Uint8Array,
  start: number,
  along: number,
  length: number,
  count: { stairs: number; steps: number; onGrid: number },
): void {
  let last = { at: -RUN_MAX, height: 0, level: 0, links: 0 };
  for (let n = PLATEAU + 1; n < length - PLATEAU - 1; n++) {
    const at = start + n * along;
    // Cheap look first: most places have no step at all.
    const rough = (bytes[at + along] ?? 0) - (bytes[at - along] ?? 0);
    if (Math.abs(rough) < STEP_MIN || Math.abs(rough) > STEP_MAX) continue;
    const left = plateau(bytes, at - along * (PLATEAU + 1), along);
    const right = plateau(bytes, at + along, along);
    if (left === null || right === null) continue;
    const height = right - left;
    if (Math.abs(height) < STEP_MIN) continue;
    const linked =
      n - last.at <= RUN_MAX &&
      last.height * height > 0 &&
      Math.abs(left - last.level) <= FLAT &&
      Math.max(height / last.height, last.height / height) <= 2.2;
    const links = linked ? last.links + 1 : 0;
    if (links >= 2) count.stairs++;
    if (links >= 1) {
      count.steps++;
      const phase = n % BLOCK;
      if (phase <= 1 || phase === BLOCK - 1) count.onGrid++;
    }
    last = { at: n, height, level: right, links };
    n += PLATEAU - 1;
  }
}

/** The mean of a plateau's pixels; null when they are not flat. */
function plateau(bytes: Uint8Array, start: number, along: number): number | null {
  let [least, most, sum] = [255, 0, 0];
  for (let n = 0, at = start; n < PLATEAU; n++, at += along) {
    const value = bytes[at] ?? 0;
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return most - least <= FLAT ? sum / PLATEAU : null;
}
