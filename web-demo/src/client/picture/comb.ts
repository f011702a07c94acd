// Detector of combing: every other row is of another moment, as in interlaced pictures that are shown whole.

import type { Crop } from './grid.ts';

/** A tooth stands out from the rows above and below by this, levels. */
const TOOTH = 10;
/** ... while these differ by less than this share of it. */
const ALIKE = 0.4;
/** A pixel that has moved, levels. */
const MOVED = 6;

/** Combing in a crop. */
export interface Comb {
  /** Teeth, as a share of the pixels that moved. */
  readonly moving: number;
  /** Teeth, as a share of the pixels that did not. */
  readonly still: number;
  /** 0: odd rows are as often the lighter as the darker ones; 1: always the same, as in a texture of lines. */
  readonly texture: number;
}

/** Looks for teeth in a crop; `before` is the same crop of the frame before. */
export function combOf(crop: Crop, before: Crop): Comb {
  const { bytes, stride, start, width, height } = crop;
  const count = { moving: 0, still: 0, moved: 0, all: 0, signs: 0 };
  for (let y = 2; y < height - 2; y++) {
    const row = start + y * stride;
    const old = before.start + y * before.stride;
    let run = 0;
    for (let x = 0; x < width; x++) {
      const at = row + x;
      const moved = Math.abs((bytes[at] ?? 0) - (before.bytes[old + x] ?? 0)) > MOVED;
      count.all++;
      if (moved) count.moved++;
      const sign = tooth(bytes, at, stride);
      // Teeth are as wide as the motion; single pixels are noise and checkers.
      run = sign !== 0 && Math.sign(run) === sign ? run + sign : sign;
      if (Math.abs(run) < 2) continue;
      if (moved) count.moving++;
      else count.still++;
      count.signs += y % 2 === 0 ? sign : -sign;
    }
  }
  const teeth = count.moving + count.still;
  return {
    moving: count.moving / Math.max(1, count.moved),
    still: count.still / Math.max(1, count.all - count.moved),
    texture: Math.abs(count.signs) / Math.max(1, teeth),
  };
}

/** 1 when a pixel is lighter than the rows above and below, which are alike; -1 when darker; else 0. */
function tooth(bytes: Uint8Array, at: number, stride: number): -1 | 0 | 1 {
  const here = bytes[at] ?? 0;
  const above = here - (bytes[at - stride] ?? 0);
  const below = here - (bytes[at + stride] ?? 0);
  if (above * below <= 0) return 0;
  const least = Math.min(Math.abs(above), Math.abs(below));
  if (least < TOOTH || Math.abs(above - below) > ALIKE * least) return 0;
  // The rows after the next are of the same moment as this one.
  const same = (other: number) => Math.abs(here - (bytes[other] ?? 0)) <= ALIKE * least;
  if (!same(at - 2 * stride) && !same(at + 2 * stride)) return 0;
  return above > 0 ? 1 : -1;
}
