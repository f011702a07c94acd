// Detectors of the codec's grid: blockiness all over, and blocks that do not belong where they are. A codec's grid begins
// at the picture's corner; that is what tells it from the grids of games, tables and checkers.

import type { Plane } from './planes.ts';

/** Blocks of transforms, pixels. */
const BLOCK = 8;
/** Blocks of prediction, pixels: damage comes in these. */
const MACROBLOCK = 16;
/** Columns, or rows, of a macroblock that are compared to know what straight edges there are anyway. */
const ELSEWHERE = [5, 11] as const;
/** A step of a block's edge, levels: what is less nobody sees. */
const STEP_MIN = 2;
/** Steps beyond this are edges of things. */
const STEP_MAX = 60;
/** A broken edge: its mean step is this much, levels, ... */
const BROKEN_STEP = 14;
/** ... and so many times what its sides have. */
const BROKEN_TIMES = 2.5;
/** Levels that hold nearly all pixels of drawn pictures. */
const PALETTE = 24;

/** A rectangle of a plane, aligned to macroblocks. */
export interface Crop {
  readonly bytes: Uint8Array;
  readonly stride: number;
  /** Index of its first pixel. */
  readonly start: number;
  readonly width: number;
  readonly height: number;
}

/** How much of a grid there is in a crop. */
export interface Grid {
  /** Share of places on the grid that are a step, less that of the likeliest other column; rows likewise, the lesser. */
  readonly excess: number;
  /** Share of pixels in the picture's `PALETTE` most used levels: near 1 for what was drawn, not filmed. */
  readonly palette: number;
}

/** A crop of at most `size` pixels a side with its corner near (`x`, `y`), on the grid. */
export function cropOf({ bytes, stride, width, height }: Plane, x: number, y: number, size: number): Crop {
  const align = (at: number, whole: number) => Math.max(0, Math.min(at, whole - size)) & ~(MACROBLOCK - 1);
  const [left, top] = [align(x, width), align(y, height)];
  return {
    bytes,
    stride,
    start: top * stride + left,
    width: Math.min(size, width - left),
    height: Math.min(size, height - top),
  };
}

/** The transform grid in a crop. */
export function gridOf(crop: Crop): Grid {
  const columns = stepShares(crop, 1, crop.stride, crop.width, crop.height);
  const rows = stepShares(crop, crop.stride, 1, crop.height, crop.width);
  return { excess: Math.min(excessOf(columns), excessOf(rows)), palette: paletteOf(crop) };
}

/** By phase: the share of places where a step is, between flatter sides. `along` leads to the next place, `across` to the next line. */
function stepShares({ bytes, start }: Crop, along: number, across: number, length: number, lines: number): number[] {
  const found = new Array<number>(BLOCK).fill(0);
  const places = new Array<number>(BLOCK).fill(0);
  for (let line = 1; line < lines; line += 3) {
    const base = start + line * across;
    for (let n = BLOCK; n < length - BLOCK; n++) {
      const at = base + n * along;
      const before = bytes[at - along] ?? 0;
      const here = bytes[at] ?? 0;
      const step = Math.abs(here - before);
      const phase = n & (BLOCK - 1);
      places[phase] = (places[phase] ?? 0) + 1;
      if (step < STEP_MIN || step > STEP_MAX) continue;
      const sideA = Math.abs(before - (bytes[at - 2 * along] ?? 0));
      const sideB = Math.abs((bytes[at + along] ?? 0) - here);
      if (step > 2 * Math.max(sideA, sideB)) found[phase] = (found[phase] ?? 0) + 1;
    }
  }
  return found.map((count, phase) => count / Math.max(1, places[phase] ?? 0));
}

/** Half blocks are blocks too in newer codecs: their phase is not compared. */
function excessOf(shares: readonly number[]): number {
  const others = shares.filter((_, phase) => phase !== 0 && phase !== BLOCK / 2);
  return (shares[0] ?? 0) - Math.max(...others);
}

function paletteOf({ bytes, stride, start, width, height }: Crop): number {
  const counts = new Int32Array(256);
  let all = 0;
  for (let y = 0; y < height; y += 3) {
    for (let x = 0; x < width; x += 3, all++) {
      const level = bytes[start + y * stride + x] ?? 0;
      counts[level] = (counts[level] ?? 0) + 1;
    }
  }
  const most = counts.sort().subarray(256 - PALETTE);
  return most.reduce((sum, count) => sum + count, 0) / Math.max(1, all);
}

/** Broken edges of a picture. */
export interface Breaks {
  /** Share of the macroblocks' edges that are broken, beyond what is found elsewhere. */
  readonly excess: number;
  /** The share elsewhere. */
  readonly elsewhere: number;
}

/** Looks at the edges of macroblocks all over the picture, in every `each`th column and row of them. */
export function breaksOf({ bytes, stride, width, height }: Plane, each: number): Breaks {
  let [on, off, edges] = [0, 0, 0];
  const look = (x: number, y: number, along: number, across: number) => {
    const at = y * stride + x;
    edges++;
    if (isBroken(bytes, at, along, across)) on++;
    for (const phase of ELSEWHERE) if (isBroken(bytes, at + phase * along, along, across)) off++;
  };
  const step = MACROBLOCK * each;
  for (let y = MACROBLOCK; y + 2 * MACROBLOCK <= height; y += step) {
    for (let x = MACROBLOCK; x + 2 * MACROBLOCK <= width; x += MACROBLOCK) {
      look(x, y, 1, stride);
      look(x, y, stride, 1);
    }
  }
  const elsewhere = off / Math.max(1, edges * ELSEWHERE.length);
  return { excess: on / Math.max(1, edges) - elsewhere, elsewhere };
}

/** Whether an edge of a macroblock, one of `across` pixels, is a step all along. */
function isBroken(bytes: Uint8Array, start: number, along: number, across: number): boolean {
  let [step, sides] = [0, 0];
  for (let n = 0, at = start; n < MACROBLOCK; n++, at += across) {
    const before = bytes[at - along] ?? 0;
    const here = bytes[at] ?? 0;
    step += Math.abs(here - before);
    sides += Math.abs(before - (bytes[at - 2 * along] ?? 0)) + Math.abs((bytes[at + along] ?? 0) - here);
  }
  return step > BROKEN_STEP * MACROBLOCK && step > (BROKEN_TIMES * sides) / 2 + 2 * MACROBLOCK;
}
