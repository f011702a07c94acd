// Detectors that compare rows: stripes (rows smeared or shifted) and tearing (the halves of two frames in one).

import type { Plane } from './planes.ts';

/** Width of the part of a row that is compared, pixels. */
export const STRIP = 192;
/** A row that is flat across: mean step to the next pixel, levels. */
const FLAT = 1.1;
/** A row that is not. */
const TEXTURED = 2.5;
/** Rows of a smear: fewer may be a line that was drawn. */
const SMEAR_ROWS = 4;
/** Mean step between rows that belong to different things, levels. */
const SEAM_STEP = 6;
/** ... and so many times that of the rows around. */
const SEAM_TIMES = 2;
/** Rows around a seam that say what is usual there. */
const AROUND = 8;
/** A seam is explained when something else continues the row with so much less of a step. */
const EXPLAINED = 0.5;
/** Pixels that rows may be shifted by. */
const SHIFT_MAX = 96;
/** Shifts less than this are slanted lines. */
const SHIFT_MIN = 3;
/** Seams looked at more closely in a strip; a picture with more of them is made of lines. */
const SEAMS_MAX = 24;

/** What the rows of a strip say. */
export interface Rows {
  /** Rows in smears. */
  readonly smeared: number;
  /** Seams where a shift continues the row. */
  readonly shifted: number;
  /** Their shifts, pixels. */
  readonly shifts: readonly number[];
  /** Seams where the frame before, or this one, continues the other; null without the frame before. */
  readonly torn: number | null;
  /** All seams. */
  readonly seams: number;
}

/** Looks at the rows of `width` pixels from column `x`; `before` is the frame shown just before. */
export function rowsOf(plane: Plane, before: Plane | null, x: number): Rows {
  const left = Math.max(0, Math.min(x, plane.width - STRIP));
  const width = Math.min(STRIP, plane.width - left);
  const { across, down } = activities(plane, left, width);
  const seams = seamsOf(down);
  const looked = seams.length > SEAMS_MAX ? [] : seams;
  const shifts = looked.map((row) => shiftAt(plane, row, left, width)).filter((shift) => shift !== 0);
  return {
    smeared: smearedRows(across, down),
    shifted: shifts.length,
    shifts,
    torn: before && tornRows(plane, before, left, width, down, looked),
    seams: seams.length,
  };
}

/** Mean steps along each row, and from the row above. */
function activities({ bytes, stride, height }: Plane, left: number, width: number) {
  const across = new Float32Array(height);
  const down = new Float32Array(height);
  for (let y = 0; y < height; y++) {
    const row = y * stride + left;
    let [along, over] = [0, 0];
    const above = y === 0 ? row : row - stride;
    let last = bytes[row] ?? 0;
    for (let n = 1; n < width; n++) {
      const here = bytes[row + n] ?? 0;
      along += Math.abs(here - last);
      over += Math.abs(here - (bytes[above + n] ?? 0));
      last = here;
    }
    across[y] = along / (width - 1);
    down[y] = over / (width - 1);
  }
  return { across, down };
}

/** Rows in runs that are flat across, not down, and next to a picture. */
function smearedRows(across: Float32Array, down: Float32Array): number {
  let smeared = 0;
  const { length } = across;
  for (let y = 1; y < length; ) {
    let end = y;
    let changes = 0;
    while (end < length && (across[end] ?? 0) < FLAT) {
      if (end > y && (down[end] ?? 0) >= TEXTURED) changes++;
      end++;
    }
    const rows = end - y;
    const beside = Math.max(across[y - 1] ?? 0, across[y - 2] ?? 0, across[end] ?? 0, across[end + 1] ?? 0);
    if (rows >= SMEAR_ROWS && changes * 3 >= rows && beside >= TEXTURED) smeared += rows;
    y = end + 1;
  }
  return smeared;
}

/** Rows that differ from the one above much more than the rows around do. */
function seamsOf(down: Float32Array): number[] {
  const seams: number[] = [];
  for (let y = 2; y < down.length - 2; y++) {
    const step = down[y] ?? 0;
    if (step < SEAM_STEP) continue;
    let [sum, count] = [0, 0];
    for (let n = Math.max(1, y - AROUND); n <= Math.min(down.length - 1, y + AROUND); n++) {
      if (n === y) continue;
      sum += down[n] ?? 0;
      count++;
    }
    if (step > (SEAM_TIMES * sum) / count) seams.push(y);
  }
  return seams;
}

/** The shift that continues the row above a seam, pixels; 0 for none. */
function shiftAt({ bytes, stride }: Plane, y: number, left: number, width: number): number {
  const upper = (y - 1) * stride + left;
  const lower = y * stride + left;
  const step = (shift: number) => {
    const from = Math.max(0, -shift);
    const to = Math.min(width, width - shift);
    let sum = 0;
    for (let n = from; n < to; n += 2) sum += Math.abs((bytes[upper + n] ?? 0) - (bytes[lower + n + shift] ?? 0));
    return (2 * sum) / (to - from);
  };
  const straight = step(0);
  let [best, least] = [0, straight];
  for (let shift = SHIFT_MIN; shift <= Math.min(SHIFT_MAX, width / 2); shift++) {
    for (const signed of [shift, -shift]) {
      const value = step(signed);
      if (value < least) [best, least] = [signed, value];
    }
  }
  return least < EXPLAINED * straight ? best : 0;
}

/** Seams where rows of two frames continue each other and the rows of this frame do not. */
function tornRows(
  plane: Plane,
  before: Plane,
  left: number,
  width: number,
  down: Float32Array,
  seams: readonly number[],
): number {
  if (before.width !== plane.width || before.height !== plane.height) return 0;
  const explained = (y: number) => crossStep(plane, before, y, left, width) < EXPLAINED * (down[y] ?? 0);
  const torn = seams.filter(explained);
  if (torn.length === 0) return 0;
  // A picture that scrolls by a row has this everywhere.
  const others: number[] = [];
  for (let y = 3; y < down.length; y += 7) if ((down[y] ?? 0) >= 1 && !seams.includes(y)) others.push(y);
  const alike = others.filter(explained).length;
  return alike > 0.1 * others.length + 1 ? 0 : torn.length;
}

/** The lesser step between row `y` and the one above it when one of them is taken from the frame before. */
function crossStep(plane: Plane, before: Plane, y: number, left: number, width: number): number {
  const a = y * plane.stride + left;
  const b = y * before.stride + left;
  let [older, newer] = [0, 0];
  for (let n = 0; n < width; n++) {
    older += Math.abs((plane.bytes[a + n] ?? 0) - (before.bytes[b - before.stride + n] ?? 0));
    newer += Math.abs((plane.bytes[a - plane.stride + n] ?? 0) - (before.bytes[b + n] ?? 0));
  }
  return Math.min(older, newer) / width;
}
