// Detectors that compare rows: rows that are shifted, and tearing (two frames in one).

import type { Plane } from './planes.ts';

/** Pixels of a row that are compared with another one, about: spread over all of it. */
const POINTS = 240;
/** Mean step between rows that belong to different things, levels, ... */
const SEAM_STEP = 5;
/** ... and so many times that of the rows around. */
const SEAM_TIMES = 1.8;
/** Rows around a seam that say what is usual there. */
const AROUND = 8;
/** Share of its step that is left when a seam is explained. */
const EXPLAINED = 0.45;
/** Pixels that rows may be shifted by; less are slanted lines. */
const SHIFT_MIN = 4;
const SHIFT_MAX = 96;
/** Seams looked at more closely; a picture with more of them is made of lines. */
const SEAMS_MAX = 16;
/** Step between rows that is compared with the frame before: less is flat, levels. */
const TEAR_STEP = 2.5;
/** Mean step of the rows around: where there is nothing, something has appeared. */
const TEAR_AROUND = 0.4;
/** Share of a row's points that a tear moves, at least: less is an edge of something in the picture. */
const TEAR_POINTS = 0.25;
/** ... by this much, levels. */
const TEAR_POINT = 4;
/** What is left of it when the frame before continues the row. */
const TEAR_LEFT = 0.56;
/** Share of a step within which rows are the same, moved. */
const MOVED = 0.62;
/** An edge is there again with this share of its step, and so many times what is usual around it. */
const EDGE_AGAIN = 0.6;
const EDGE_STANDS_OUT = 1.3;
/** Rows that two frames share: a tear has one, two screens' worth two. More is a picture that scrolls. */
const TEARS_MAX = 2;

/** What the rows of a picture say. */
export interface Rows {
  /** Shifts that continue rows at seams, pixels, from top to bottom. */
  readonly shifts: readonly number[];
  /** Rows where the frame before continues this one; null without that frame. */
  readonly torn: number | null;
}

/** Looks at the rows; `before` is the frame shown just before. */
export function rowsOf(plane: Plane, before: Plane | null): Rows {
  const down = stepsDown(plane);
  const seams = seamsOf(down);
  const looked = seams.length > SEAMS_MAX ? [] : seams;
  const shifts = looked.map((row) => shiftAt(plane, row)).filter((shift) => shift !== 0);
  return {
    shifts,
    torn: before && tearsOf(plane, before, down),
  };
}

/** Mean step of each row from the one above, over points of all the row. */
function stepsDown({ bytes, stride, width, height }: Plane): Float32Array {
  const each = Math.max(1, Math.floor(width / POINTS));
  const down = new Float32Array(height);
  for (let y = 1; y < height; y++) {
    let [sum, points] = [0, 0];
    for (let at = y * stride, end = at + width; at < end; at += each, points++) {
      sum += Math.abs((bytes[at] ?? 0) - (bytes[at - stride] ?? 0));
    }
    down[y] = sum / points;
  }
  return down;
}

/** Rows that differ from the one above much more than the rows around do. */
function seamsOf(down: Float32Array): number[] {
  const seams: number[] = [];
  for (let y = AROUND; y < down.length - AROUND; y++) {
    const step = down[y] ?? 0;
    if (step >= SEAM_STEP && step > SEAM_TIMES * usual(down, y)) seams.push(y);
  }
  return seams;
}

/** Mean step of the rows around one. */
function usual(down: Float32Array, y: number): number {
  let sum = 0;
  for (let n = 1; n <= AROUND; n++) sum += (down[y - n] ?? 0) + (down[y + n] ?? 0);
  return sum / (2 * AROUND);
}

/** The shift that continues the rows above a seam, pixels; 0 for none. The rows further off must agree. */
function shiftAt(plane: Plane, y: number): number {
  const straight = stepBetween(plane, y - 1, y, 0, 1);
  let [best, least] = [0, straight];
  for (let shift = SHIFT_MIN; shift <= Math.min(SHIFT_MAX, plane.width / 3); shift++) {
    for (const signed of [shift, -shift]) {
      // Coarsely at first: most shifts are far from fitting.
      if (stepBetween(plane, y - 1, y, signed, 4) > 0.8 * straight) continue;
      const value = stepBetween(plane, y - 1, y, signed, 1);
      if (value < least) [best, least] = [signed, value];
    }
  }
  if (best === 0 || least > EXPLAINED * straight) return 0;
  const further = stepBetween(plane, y - 3, y + 2, best, 1) < 0.8 * stepBetween(plane, y - 3, y + 2, 0, 1);
  // What repeats itself fits in many ways.
  const other = Math.min(stepBetween(plane, y - 1, y, 2 * best, 1), stepBetween(plane, y - 1, y, -best, 1));
  return further && other > 1.5 * least ? best : 0;
}

/** Mean step from a row to another that is shifted, over points of all the row or every `each`th of them. */
function stepBetween(
  { bytes, stride, width }: Plane,
  upper: number,
  lower: number,
  shift: number,
  each: number,
): number {
  const from = Math.max(0, -shift);
  const to = Math.min(width, width - shift);
  const next = each * Math.max(1, Math.floor((to - from) / POINTS));
  const [a, b] = [upper * stride, lower * stride + shift];
  let [sum, points] = [0, 0];
  for (let n = from; n < to; n += next, points++) sum += Math.abs((bytes[a + n] ?? 0) - (bytes[b + n] ?? 0));
  return sum / points;
}

/** Rows where one of two rows taken from the frame before continues the other, as nothing does in this frame. */
function tearsOf(plane: Plane, before: Plane, down: Float32Array): number {
  let [looked, rows] = [0, 0];
  const downBefore = stepsDown(before);
  for (let y = AROUND; y < down.length - AROUND; y++) {
    const step = down[y] ?? 0;
    if (step < TEAR_STEP) continue;
    looked++;
    const around = usual(down, y);
    if (around < TEAR_AROUND || step < 1.15 * around) continue;
    const left = crossStep(plane, before, y) / step;
    if (left < TEAR_LEFT && differing(plane, y) >= TEAR_POINTS && !hasMoved(plane, before, downBefore, y, step)) {
      rows++;
    }
  }
  return rows > TEARS_MAX || looked < 4 ? 0 : rows;
}

/** The lesser step between row `y` and the one above it when one of them is taken from the frame before. */
function crossStep(plane: Plane, before: Plane, y: number): number {
  return Math.min(stepAcross(plane, before, y, y - 1), stepAcross(plane, before, y - 1, y));
}

/** Share of a row's points that differ from the row above. */
function differing({ bytes, stride, width }: Plane, y: number): number {
  const each = Math.max(1, Math.floor(width / POINTS));
  let [wide, points] = [0, 0];
  for (let at = y * stride, end = at + width; at < end; at += each, points++) {
    if (Math.abs((bytes[at] ?? 0) - (bytes[at - stride] ?? 0)) >= TEAR_POINT) wide++;
  }
  return wide / points;
}

/** Whether a row's step was in the frame before too, some rows off: an edge of something moves up or down. */
function hasMoved(plane: Plane, before: Plane, downBefore: Float32Array, y: number, step: number): boolean {
  for (let by = -AROUND + 1; by < AROUND; by++) {
    if (by === 0) continue;
    const other = downBefore[y + by] ?? 0;
    if (other > EDGE_AGAIN * step && other > EDGE_STANDS_OUT * usual(downBefore, y + by)) return true;
    if (stepAcross(plane, before, y - 1, y - 1 + by) >= MOVED * step) continue;
    if (stepAcross(plane, before, y, y + by) < MOVED * step) return true;
  }
  return false;
}

/** Mean step from a row of one frame to a row of the other. */
function stepAcross(plane: Plane, before: Plane, y: number, other: number): number {
  const each = Math.max(1, Math.floor(plane.width / POINTS));
  const [a, b] = [y * plane.stride, other * before.stride];
  let [sum, points] = [0, 0];
  for (let n = 0; n < plane.width; n += each, points++) {
    sum += Math.abs((plane.bytes[a + n] ?? 0) - (before.bytes[b + n] ?? 0));
  }
  return sum / points;
}
