// Detector of blockiness: the codec's grid all over the picture. Where the picture moves, the blocks
// move along with it: the grid may lie anywhere, but most steps lie on one.

import type { Plane } from './planes.ts';

/** Blocks of transforms, pixels. */
const BLOCK = 8;
/** Blocks of prediction, pixels. */
const MACROBLOCK = 16;
/** A step of a block's edge, levels: what is less nobody sees. */
const STEP_MIN = 6;
/** Steps beyond this are edges of things. */
const STEP_MAX = 60;
/** Places looked at in a frame in either direction, about. */
const PLACES = 50_000;
/** How many times the steps beside it a step of a block's edge is: between textures nobody sees it. */
const FLATTER = 4;
/** Grids that are seen: share of places beyond that of others, mean of both directions, and how many times that, in either. */
const SEEN = [
  { excess: 0.019, times: 1.7 },
  { excess: 0.0125, times: 3.8 },
];
/** The same for one direction alone. */
const ONE = { excess: 0.05, times: 6 };
/** Share of the edges of things on a grid that is drawn. */
const ON_GRID = 0.7;
/** Edges of things, of all places, that are enough to tell. */
const THINGS = 0.002;
/** Not a grid of blocks when this much of the peak is found half a block away, or beside it. */
const SHORTER = 0.6;
/** Share of pixels in few levels from which a picture is taken for drawn. */
const DRAWN = 0.92;
/** Share of places that may be a step by chance. */
const CHANCE = 0.003;
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

/** Steps of one direction, by where in a block they are: shares of the places there that are one. */
export interface Steps {
  /** Where most are. */
  readonly peak: number;
  /** Half a block from there: as many where the period is shorter than a block. */
  readonly half: number;
  /** Beside it: as many where lines are drawn, which have two edges. */
  readonly beside: number;
  /** Share of all steps beyond `STEP_MAX`, which are edges of things, at the peak; 0 when there are too few to tell. */
  readonly things: number;
  /** In the other places, on average; those beside the peak left out. */
  readonly others: number;
}

/** How much of a grid there is in a picture. */
export interface Grid {
  readonly columns: Steps;
  readonly rows: Steps;
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

/** The transform grid all over a picture, in lines that lie anywhere on it by `turn`. */
export function gridOf(plane: Plane, turn: number): Grid {
  const { stride, width, height } = plane;
  return {
    columns: stepShares(plane, 1, stride, width, height, turn),
    rows: stepShares(plane, stride, 1, height, width, turn),
    palette: paletteOf(plane),
  };
}

/** Whether things are drawn on the grid themselves, as in pictures made of large pixels. */
export function isDrawnOnGrid({ columns, rows, palette }: Grid): boolean {
  return palette > DRAWN || (columns.things > ON_GRID && rows.things > ON_GRID);
}

/** How much of a grid is seen: share of places; 0 for none. */
export function blockiness(grid: Grid): number {
  if (isDrawnOnGrid(grid)) return 0;
  const both = [grid.columns, grid.rows].map(({ peak, others, half, beside }) => ({
    excess: peak - others,
    times: Math.max(half, beside) < SHORTER * peak ? (peak + CHANCE) / (others + CHANCE) : 0,
  }));
  const excess = both.reduce((sum, one) => sum + one.excess, 0) / 2;
  const least = Math.min(...both.map((one) => one.excess));
  const times = Math.min(...both.map((one) => one.times));
  if (least > excess / 5 && SEEN.some((of) => excess > of.excess && times > of.times)) return excess;
  // A picture that moves along one direction carries the steps across it away from the grid.
  return both.some((one) => one.excess > ONE.excess && one.times > ONE.times) && times > 0 ? excess : 0;
}

/** `along` leads to the next place of a line, `across` to the next line. */
function stepShares(plane: Plane, along: number, across: number, length: number, lines: number, turn: number): Steps {
  const { bytes } = plane;
  const each = Math.max(5, Math.ceil((length * lines) / PLACES)) | 1;
  const found = new Int32Array(BLOCK);
  const things = new Int32Array(BLOCK);
  let looked = 0;
  for (let line = turn % each; line < lines; line += each, looked++) {
    const base = line * across;
    for (let n = BLOCK; n < length - BLOCK; n++) {
      const at = base + n * along;
      const before = bytes[at - along] ?? 0;
      const here = bytes[at] ?? 0;
      const step = Math.abs(here - before);
      if (step < STEP_MIN) continue;
      if (step > STEP_MAX) {
        things[n % BLOCK] = (things[n % BLOCK] ?? 0) + 1;
        continue;
      }
      const sideA = Math.abs(before - (bytes[at - 2 * along] ?? 0));
      const sideB = Math.abs((bytes[at + along] ?? 0) - here);
      if (step <= FLATTER * Math.max(sideA, sideB)) continue;
      found[n % BLOCK] = (found[n % BLOCK] ?? 0) + 1;
    }
  }
  const places = Math.max(1, (looked * (length - 2 * BLOCK)) / BLOCK);
  const peak = found.indexOf(Math.max(...found));
  const share = (phase: number) => (found[(peak + phase) % BLOCK] ?? 0) / places;
  const others = [2, 3, 5, 6].reduce((sum, phase) => sum + share(phase), 0) / 4;
  const all = things.reduce((sum, count) => sum + count, 0);
  const onGrid = all > THINGS * BLOCK * places ? Math.max(...things) / all : 0;
  return {
    peak: share(0),
    half: share(BLOCK / 2),
    beside: Math.max(share(1), share(BLOCK - 1)),
    others,
    things: onGrid,
  };
}

function paletteOf({ bytes, stride, width, height }: Plane): number {
  const counts = new Int32Array(256);
  const each = Math.max(3, Math.ceil(Math.sqrt((width * height) / 8_000)));
  let all = 0;
  for (let y = 0; y < height; y += each) {
    for (let x = 0; x < width; x += each, all++) {
      const level = bytes[y * stride + x] ?? 0;
      counts[level] = (counts[level] ?? 0) + 1;
    }
  }
  const most = counts.sort().subarray(256 - PALETTE);
  return most.reduce((sum, count) => sum + count, 0) / Math.max(1, all);
}
