// Judges inspected frames of one picture: takes their measures, some of the whole and some of a part that moves over the
// picture from frame to frame, and says what is wrong with each. The thresholds are those of docs/diagnosis.md, Detectors.

import { type Bands, bandsOf } from './bands.ts';
import { type Comb, combOf } from './comb.ts';
import { type Breaks, breaksOf, type Crop, cropOf, type Grid, gridOf } from './grid.ts';
import { type Plane, type Planes, THUMB_HEIGHT, THUMB_WIDTH, type Thumb, thumbOf } from './planes.ts';
import { type Rows, rowsOf, STRIP } from './rows.ts';
import { judgeWhole, type Whole } from './whole.ts';

/** Side of the part that is looked at closely, pixels. */
const CROP = 256;
/** Steps of the parts over the picture, as shares of it: far apart, and all of it in the end. */
const STRIDES = [0.382, 0.618] as const;
/** Macroblocks looked at in a frame for broken edges, about. */
const MACROBLOCKS = 2_000;

/** What was measured in a frame. */
export interface Measures {
  readonly whole: Whole;
  readonly grid: Grid;
  readonly breaks: Breaks;
  readonly rows: Rows;
  /** Null without the frame before. */
  readonly comb: Comb | null;
  readonly bands: Bands;
  /** Rows of the picture. */
  readonly height: number;
}

/** What is wrong with a frame. */
export interface Findings {
  /** Mean difference to the frame inspected before, 0 to 1; null for the first. */
  readonly motion: number | null;
  readonly frozen: boolean | null;
  readonly black: boolean;
  readonly corrupt: boolean;
  readonly blocky: boolean;
  readonly striped: boolean;
  readonly banded: boolean;
  readonly torn: boolean;
}

/** Judges the frames of one picture, in their order. */
export class PictureJudge {
  #last: Thumb | null = null;
  #turn = 0;

  /** Starts over: the next frame is of another picture. */
  startOver(): void {
    this.#last = null;
  }

  /** Judges a frame; `before` is the luma of the one shown just before it, if it was kept. */
  judge(planes: Planes, before: Plane | null): Findings {
    return findingsOf(this.measure(planes, before));
  }

  /** What can be measured in a frame. */
  measure(planes: Planes, before: Plane | null): Measures {
    const { luma } = planes;
    const thumb = thumbOf(planes);
    const turn = this.#turn++;
    const place = (n: number, size: number, part: number) =>
      Math.round(((turn * (STRIDES[n] ?? 0)) % 1) * Math.max(0, size - part));
    const crop = cropOf(luma, place(0, luma.width, CROP), place(1, luma.height, CROP), CROP);
    const older = before && before.width === luma.width && before.height === luma.height ? before : null;
    const macroblocks = (luma.width * luma.height) / 256;
    const measures: Measures = {
      whole: judgeWhole(thumb, this.#last),
      grid: gridOf(crop),
      breaks: breaksOf(luma, Math.max(1, Math.round(macroblocks / MACROBLOCKS))),
      rows: rowsOf(luma, older, place(0, luma.width, STRIP)),
      comb: older && combAt(luma, older, this.#last ? busiest(thumb, this.#last) : null),
      bands: bandsOf(crop),
      height: luma.height,
    };
    this.#last = thumb;
    return measures;
  }
}

/** Combing where most moves. */
function combAt(luma: Plane, older: Plane, at: { x: number; y: number } | null): Comb {
  const [x, y] = at ? [at.x * luma.width - CROP / 2, at.y * luma.height - CROP / 2] : [0, 0];
  const part = (plane: Plane): Crop => cropOf(plane, Math.max(0, x), Math.max(0, y), CROP);
  return combOf(part(luma), part(older));
}

/** The middle of the part, of 8 by 6, that changed most, 0 to 1. */
function busiest(now: Thumb, before: Thumb): { x: number; y: number } {
  const [columns, rows] = [8, 6];
  const sums = new Float64Array(columns * rows);
  for (let y = 0, n = 0; y < THUMB_HEIGHT; y++) {
    const line = Math.floor((y * rows) / THUMB_HEIGHT) * columns;
    for (let x = 0; x < THUMB_WIDTH; x++, n++) {
      const at = line + Math.floor((x * columns) / THUMB_WIDTH);
      sums[at] = (sums[at] ?? 0) + Math.abs((now.luma[n] ?? 0) - (before.luma[n] ?? 0));
    }
  }
  const most = sums.indexOf(Math.max(...sums));
  return { x: ((most % columns) + 0.5) / columns, y: (Math.floor(most / columns) + 0.5) / rows };
}

/** What measures mean. */
export function findingsOf({ whole, grid, breaks, rows, comb, bands, height }: Measures): Findings {
  const drawn = grid.palette > 0.97;
  const blocky = grid.excess > 0.12 && !drawn;
  const broken = breaks.excess > 0.02 && breaks.excess > 3 * breaks.elsewhere;
  const bandedShifts = Math.abs(rows.shifts.reduce((sum, shift) => sum + shift, 0)) < 8 && rows.shifted >= 2;
  const striped = rows.smeared >= 0.03 * height || bandedShifts || rows.shifted >= 3;
  const combed =
    comb !== null && comb.moving > 0.03 && comb.moved > 0.01 && comb.moving > 5 * comb.still && comb.texture < 0.75;
  return {
    motion: whole.motion,
    frozen: whole.frozen,
    black: whole.black,
    corrupt: whole.green || broken,
    blocky,
    striped,
    banded: bands.stairs > 0.2 && bands.onGrid < 0.6,
    torn: combed || (!striped && ((rows.torn ?? 0) >= 1 || rows.shifted === 1)),
  };
}
