// Judges inspected frames of one picture: takes their measures, of all of it or of lines that move over it from frame to frame,
// and says what is wrong with each. The thresholds are those of docs/diagnosis.md, Detectors.

import { type Bands, bandsOf } from './bands.ts';
import { BlockMemory, type Damage } from './blocks.ts';
import { type Comb, combOf } from './comb.ts';
import { blockiness, type Crop, cropOf, type Grid, gridOf, isDrawnOnGrid } from './grid.ts';
import { type Plane, type Planes, THUMB_HEIGHT, THUMB_WIDTH, type Thumb, thumbOf } from './planes.ts';
import { type Rows, rowsOf } from './rows.ts';
import { stripesOf } from './stripes.ts';
import { judgeWhole, type Whole } from './whole.ts';

/** Side of the part that is looked at closely, pixels. */
const CROP = 256;

/** Inspected frames for which stripes are remembered: 2 s of them. */
const STRIPES_KEPT = 8;
/** Share of the picture's rows that are stripes. */
const STRIPED = 0.03;
// These of damage by the bench's part `tune` and the five contents of the recorded runs at three sizes: among 1,440
// combinations, those that found most without any alarm where the picture was whole.
/** Share of blocks from which a picture is damaged, ... */
const DAMAGED = 0.017;
/** ... more for each with edges of things, ... */
const ELSEWHERE = 1.1;
/** ... and with the share of places that show a grid. */
const SHORT_OF_BITS = 0.8;
/** Share of blocks with texture that ends at their upper side from which a picture is damaged, ... */
const ENDED = 0.017;
/** ... more for each in which it ends in the middle. */
const ENDED_WITHIN = 1.3;
// These by its parts `tune` and `check` (own): a logistic regression of their frames, rounded. Each fifth of the sources, judged by
// weights of the others, was found as often. The same contents of recorded runs said how many frames a judgement takes.
/** How much a picture's blocks are out of their places, of new edges at their sides, standard deviations: from here it is damaged. */
const OUT_OF_PLACE = 1.8;
/** Inspected frames whose mean that is: low rates and fast motion look so in single ones, ... */
const OUT_OF_PLACE_FRAMES = 3;
/** ... of which each counts so much at most, and so little where it cannot be told. */
const OUT_OF_PLACE_MOST = 5;
const OUT_OF_PLACE_LEAST = -2;
/** It is more with each share of blocks that is broken beyond what edges of things there are, ... */
const SIDES_BROKEN = 13;
/** ... in which texture ends, ... */
const SIDES_ENDED = 16;
/** ... and that is smeared. */
const SIDES_STREAKED = 450;
/** Share of pixels in few levels from which a picture is drawn, and the share of blocks with straight edges that it may have. */
const DRAWN = 0.85;
const BROKEN_DRAWN = 0.08;

/** What was measured in a frame. */
export interface Measures {
  readonly whole: Whole;
  readonly grid: Grid;
  readonly damage: Damage;
  readonly rows: Rows;
  /** Rows in stripes. */
  readonly stripes: number;
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
  #striped = -STRIPES_KEPT;
  /** How much blocks were out of their places in the last frames. */
  #places: number[] = [];
  readonly #blocks = new BlockMemory();

  /** Starts over: the next frame is of another picture. */
  startOver(): void {
    this.#last = null;
    this.#places = [];
    this.#blocks.startOver();
  }

  /**
   * Judges a frame; `before` is the luma of the one shown just before it, if it was kept. `apart`: the frame judged before is
   * too old to be compared with.
   */
  judge(planes: Planes, before: Plane | null, apart = false): Findings {
    if (apart) this.#last = null;
    const measures = this.measure(planes, before);
    this.#places = [...this.#places, outOfPlace(measures)].slice(-OUT_OF_PLACE_FRAMES);
    const found = findingsOf(measures, {
      striped: this.#turn - this.#striped < STRIPES_KEPT,
      outOfPlace: this.#places.reduce((sum, one) => sum + one, 0) > OUT_OF_PLACE * OUT_OF_PLACE_FRAMES,
    });
    if (found.striped) this.#striped = this.#turn;
    return found;
  }

  /** What can be measured in a frame. */
  measure(planes: Planes, before: Plane | null): Measures {
    const { luma } = planes;
    const thumb = thumbOf(planes);
    const turn = this.#turn++;
    const older = before && before.width === luma.width && before.height === luma.height ? before : null;
    const measures: Measures = {
      whole: judgeWhole(thumb, this.#last),
      grid: gridOf(luma, turn),
      damage: this.#blocks.look(planes),
      rows: rowsOf(luma, older),
      stripes: stripesOf(luma),
      comb: older && combAt(luma, older, this.#last ? busiest(thumb, this.#last) : null),
      bands: bandsOf(luma, turn),
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

/** What was found in the frames before, and this one. */
interface Lately {
  /** Stripes, not long ago: they have edges like tears. */
  readonly striped: boolean;
  /** Blocks were out of their places in several frames. */
  readonly outOfPlace: boolean;
}

/** What measures mean. */
function findingsOf(measures: Measures, lately: Lately): Findings {
  const { whole, grid, damage, rows, stripes, comb, bands, height } = measures;
  const blocks = blockiness(grid);
  const blocky = blocks > 0;
  const striped = stripes >= STRIPED * height || rows.shifts.length >= 2;
  const banded = isBanded(bands);
  // All of these have edges that come and go.
  const edges = blocky || banded || striped || lately.striped || isDrawnOnGrid(grid);
  const torn = !edges && ((rows.torn ?? 0) >= 1 || rows.shifts.length === 1);
  const combed = comb !== null && comb.moving > 0.02 && comb.moving > 3 * comb.still && comb.texture < 0.75;
  return {
    motion: whole.motion,
    frozen: whole.frozen,
    black: whole.black,
    corrupt: whole.green || isDamaged(damage, blocks, grid) || lately.outOfPlace,
    // Rows shifted by blocks have the edges of blocks.
    blocky: blocky && !striped,
    striped,
    banded,
    torn: torn || combed,
  };
}

/** Whether steps are many, of one height, and not those of blocks. Low steps are also found in what was filmed. */
function isBanded({ steps, alike, height, onGrid }: Bands): boolean {
  if (steps < 0.3 || onGrid > 0.6) return false;
  return (height >= 10 && alike > 0.68) || (height >= 5.9 && alike > 0.8);
}

/** Whether so many blocks are damaged that a picture is. */
function isDamaged(damage: Damage, blocks: number, grid: Grid): boolean {
  const { broken, elsewhere, streaked, grey, ended, endedWithin } = damage;
  // Where there are many edges, as in a text that scrolls, some lie on the grid, and so does the end of some line.
  const chance = ELSEWHERE * elsewhere;
  if (ended > ENDED + ENDED_WITHIN * endedWithin + chance) return true;
  const drawn = grid.palette > DRAWN || isDrawnOnGrid(grid);
  const edges = drawn ? Math.max(0, broken - BROKEN_DRAWN) : broken;
  // Where the encoder is short of bits blocks break at their edges too.
  return edges + streaked + grey > DAMAGED + chance + SHORT_OF_BITS * blocks;
}

/**
 * How much blocks are where they do not belong, in a busy texture or a faint one: seldom is one of their edges broken beyond doubt,
 * but there are too many at their sides. Pictures that are short of bits, or drawn, have such edges as well, and what stands still
 * has no new ones: there it is not told.
 */
function outOfPlace({ damage, grid, whole }: Measures): number {
  if (blockiness(grid) > 0 || isDrawnOnGrid(grid) || whole.frozen === true) return OUT_OF_PLACE_LEAST;
  const { sides, broken, elsewhere, streaked, ended, endedWithin } = damage;
  const value =
    sides +
    SIDES_BROKEN * (broken - ELSEWHERE * elsewhere) +
    SIDES_ENDED * (ended - ENDED_WITHIN * endedWithin) +
    SIDES_STREAKED * streaked;
  return Math.min(OUT_OF_PLACE_MOST, Math.max(OUT_OF_PLACE_LEAST, value));
}
