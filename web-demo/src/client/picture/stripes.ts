// Detector of stripes: rows of one colour between rows that are not, as of a slice that was lost. Whole rows are looked at, so that
// a stripe shows in a faint picture too. The figures are those of the bench's parts `tune` and `check` (own).

import type { Plane } from './planes.ts';

/** Rows of a stripe: fewer may be a line that was drawn, more is a part of the picture. */
const ROWS = [4, 48] as const;
/** Points of a row that are looked at, about. */
const POINTS = 120;
/** Distance between points that have one colour in a stripe, as share of the width: a picture changes on this way, however smooth. */
const APART = 1 / 20;
/** Levels within which two points have one colour. */
const ALIKE = 2;
/** Share of a row's points that have the colour of those so far away, in a stripe: it may begin in the middle of a row. */
const EVEN = 0.65;
/** ... and how much less it is in the rows above and below. */
const ABRUPT = 0.3;
/** Share of points with the colour of the row beside above which the stripe is the ground that the rest is drawn on. */
const GROUND = 0.3;

/** How many of a picture's rows are in stripes. */
export function stripesOf(plane: Plane): number {
  const { height } = plane;
  const even = evenness(plane);
  let striped = 0;
  for (let y = 2; y < height - 2; ) {
    let [end, sum] = [y, 0];
    for (; end < height && (even[end] ?? 0) >= EVEN; end++) sum += even[end] ?? 0;
    const rows = end - y;
    if (rows >= ROWS[0] && rows <= ROWS[1] && end < height - 2) {
      const least = sum / rows - ABRUPT;
      const beside = (a: number, b: number) => Math.min(even[a] ?? 0, even[b] ?? 0);
      const abrupt = beside(y - 1, y - 2) < least && beside(end, end + 1) < least;
      if (abrupt && (isForeign(plane, y, 1) || isForeign(plane, end - 1, -1))) striped += rows;
    }
    y = end + 1;
  }
  return striped;
}

/** Of each row, the share of points that have the colour of a point further on. */
function evenness(plane: Plane): Float32Array {
  const apart = Math.max(1, Math.round(plane.width * APART));
  return Float32Array.from({ length: plane.height }, (_, y) => {
    const row = y * plane.stride;
    return alike(plane, row, row + apart, plane.width - apart);
  });
}

/** Whether the row beside a stripe has little of the colours of the stripe's first rows; these go on in steps of `by`. */
function isForeign(plane: Plane, first: number, by: number): boolean {
  const beside = (first - by) * plane.stride;
  // Two rows, since a texture of lines may lie over it all.
  return [1, 2].every((away) => alike(plane, beside, beside + away * by * plane.stride, plane.width) < GROUND);
}

/** Share of the points of `length` pixels that have the colour of those from another place on. */
function alike({ bytes, width }: Plane, from: number, other: number, length: number): number {
  const each = Math.max(1, Math.floor(width / POINTS));
  let [same, points] = [0, 0];
  for (let n = 0; n < length; n += each, points++) {
    if (Math.abs((bytes[from + n] ?? 0) - (bytes[other + n] ?? 0)) <= ALIKE) same++;
  }
  return same / Math.max(1, points);
}
