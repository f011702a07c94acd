// Detectors that look at the whole picture, small: stands still, black, green.

import { THUMB_HEIGHT, THUMB_WIDTH, type Thumb } from './planes.ts';

const CELLS = THUMB_WIDTH * THUMB_HEIGHT;
/** A cell has changed when its mean moved by this much of 255: beyond what encoders do to a picture that stands still. */
const CHANGED = 4;
/** So many changed cells are a motion: a mouth in a small face. */
const CHANGED_CELLS = 8;
/** Nothing but black: the brightest cells but these few. */
const BRIGHT_CELLS = CELLS / 500;
/** Brightness up to which black is black: beyond what noise adds to it. */
const BLACK_MAX = 20;
/** How uneven black may be (standard deviation): a night scene has shapes. */
const BLACK_UNEVEN = 2.2;
/** Cells, a side, whose noise is averaged away: what is left is a shape. */
const SHAPE_CELLS = 10;
/**
 * How uneven black may be without its noise: something very dark is shown beyond this, such as a wallpaper. By the bench's parts
 * `tune` and `check` (own): the most of 34 black clips, noise in half of them, is 0.04, the least of the nights 1.3.
 */
const BLACK_SHAPES = 0.2;
/** Chroma of planes that nobody wrote: no colour of a real picture has both this low. */
const VOID_CHROMA = 20;
/** Greens that unwritten planes turn into when they have been through RGB: BT.601 and BT.709. */
const VOID_GREENS = [135, 77] as const;
/** How far from them a cell may be. */
const VOID_NEAR = 4;
/** Difference within one colour, levels. */
const EVEN = 0.5;
/** Share of a picture that is unwritten before it is damage: a few rows of blocks. */
const VOID_SHARE = 0.04;
/** Share of a picture of one strong green that is a failure, not a meadow. */
const ALL_GREEN_SHARE = 0.97;

/** What the whole picture is like. */
export interface Whole {
  /** Mean difference to the picture before, 0 to 1 of full scale; null for the first. */
  readonly motion: number | null;
  /** Like the picture before; null for the first. */
  readonly frozen: boolean | null;
  readonly black: boolean;
  /** Green where nothing was decoded. */
  readonly green: boolean;
}

/** Judges a picture against the one that was inspected before. */
export function judgeWhole(now: Thumb, before: Thumb | null): Whole {
  const change = before ? changeOf(now.luma, before.luma) : null;
  return {
    motion: change ? change.mean / 255 : null,
    frozen: change ? change.cells < CHANGED_CELLS : null,
    black: isBlack(now.luma),
    green: isGreen(now),
  };
}

function changeOf(now: Float32Array, before: Float32Array): { mean: number; cells: number } {
  let sum = 0;
  let cells = 0;
  for (let n = 0; n < CELLS; n++) {
    const change = Math.abs((now[n] ?? 0) - (before[n] ?? 0));
    sum += change;
    if (change >= CHANGED) cells++;
  }
  return { mean: sum / CELLS, cells };
}

function isBlack(luma: Float32Array): boolean {
  let [sum, squares, bright] = [0, 0, 0];
  for (let n = 0; n < CELLS; n++) {
    const value = luma[n] ?? 0;
    sum += value;
    squares += value * value;
    if (value > BLACK_MAX) bright++;
  }
  const mean = sum / CELLS;
  const even = bright <= BRIGHT_CELLS && squares / CELLS - mean * mean < BLACK_UNEVEN * BLACK_UNEVEN;
  return even && shapes(luma) < BLACK_SHAPES;
}

/** How uneven a picture is when its noise is averaged away: standard deviation of the means of large cells. */
function shapes(luma: Float32Array): number {
  const columns = THUMB_WIDTH / SHAPE_CELLS;
  const means = new Float32Array(CELLS / SHAPE_CELLS ** 2);
  luma.forEach((value, n) => {
    const row = Math.floor(n / THUMB_WIDTH / SHAPE_CELLS);
    const at = row * columns + Math.floor((n % THUMB_WIDTH) / SHAPE_CELLS);
    means[at] = (means[at] ?? 0) + value / SHAPE_CELLS ** 2;
  });
  return evenness(means);
}

function isGreen({ luma, u, v }: Thumb): boolean {
  let [unwritten, green] = [0, 0];
  for (let n = 0; n < CELLS; n++) {
    const [y, cb, cr] = [luma[n] ?? 0, (u[n] ?? 128) - 128, (v[n] ?? 128) - 128];
    const g = y - 0.344 * cb - 0.714 * cr;
    const other = Math.max(y + 1.402 * cr, y + 1.772 * cb);
    // Through RGB: one even colour, as no gradient has it.
    const even = n > 0 && Math.abs(y - (luma[n - 1] ?? 0)) < EVEN && u[n] === u[n - 1] && v[n] === v[n - 1];
    const written = cb + 128 > VOID_CHROMA || cr + 128 > VOID_CHROMA;
    if (!written || (even && other < 12 && VOID_GREENS.some((of) => Math.abs(g - of) <= VOID_NEAR))) unwritten++;
    if (g > 60 && g - other > 60) green++;
  }
  return unwritten >= VOID_SHARE * CELLS || (green >= ALL_GREEN_SHARE * CELLS && evenness(luma) < 4);
}

function evenness(luma: Float32Array): number {
  let [sum, squares] = [0, 0];
  for (const value of luma) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / luma.length;
  return Math.sqrt(Math.max(0, squares / luma.length - mean * mean));
}
