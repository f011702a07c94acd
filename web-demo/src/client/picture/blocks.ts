// Detector of blocks that do not belong where they are: macroblocks with broken edges, smeared into streaks, or grey where
// nothing was decoded. What stays in its place is drawn that way: only blocks count that were otherwise a while ago.

import { EdgeMemory, standsOut } from './edges.ts';
import type { Plane, Planes } from './planes.ts';

/** Blocks of prediction, pixels: damage comes in these. */
const MACROBLOCK = 16;
/**
 * Columns, or rows, of a macroblock that are compared to know what straight edges there are anyway. One is on the grid of
 * smaller blocks: where these show all over, the encoder was short of bits, and nothing is damaged.
 */
const ELSEWHERE = [5, 8] as const;
/** Macroblocks looked at in a frame, about: all of 640 × 360, every second row of 1280 × 720. */
const BLOCKS = 2_000;
/** A broken edge: its mean step, levels, ... */
const BROKEN_STEP = 15;
/** ... and so many times what its sides have. */
const BROKEN_TIMES = 3;
/** Mean step along a streak, levels. */
const STREAK_ALONG = 0.35;
/** Mean step across it. */
const STREAK_ACROSS = 2.5;
/** Pixels of 15 that have a step across, so that one edge is no streak. */
const STREAK_STEPS = 4;
/** Luma and chroma of grey: what decoders take for what they do not have. */
const GREY = 128;
/** Inspected frames in which a block must have been otherwise: 10 s of them. */
const MEMORY = 40;

/** Rows of half a macroblock: where texture ends between two halves of one, nothing is damaged; between two of them, it may be. */
const HALF = 8;
/** Mean step down where there is texture, levels, ... */
const TEXTURE = 4;
/** ... and how many times that where there is none: rows that were not decoded are drawn down from those above. */
const TEXTURE_ENDS = 4;
/** Weight of the newest frame in how often texture ends at a block, ... */
const NEWEST = 0.15;
/** ... and the share of frames beyond which it is drawn so, as beside bars: what appears and stays is new for three frames. */
const DRAWN_SO = 0.35;
/** Edges of one straight line over the picture that count: bars, tables and what is drawn with a ruler lie on the grid now and then. */
const RULER = 6;
/** Small pictures are judged as if they had these many blocks, those of 640 × 360: among few, some edges lie on the grid by chance. */
const BLOCKS_LEAST = 760;

/** What is in a macroblock; bits. */
const LEFT = 1;
const TOP = 2;
const STREAK = 4;
const HOLE = 8;
const INSIDE = 16;
const BITS = 5;
/** Texture ends at its upper side, or in its middle. */
const END = 32;
const MIDDLE = 64;

/** Damaged blocks of a frame, as shares of those looked at. */
export interface Damage {
  /** With an edge that is newly broken, beyond what is found off the grid. */
  readonly broken: number;
  /** With such an edge off the grid: of things, not of damage. */
  readonly elsewhere: number;
  /** Newly smeared downward, beside others. */
  readonly streaked: number;
  /** Newly grey. */
  readonly grey: number;
  /** With texture that newly ends at its upper side. */
  readonly ended: number;
  /** The same in its middle: of things, not of damage. */
  readonly endedWithin: number;
  /** New edges at the sides of blocks beyond those inside them, standard deviations: no share. */
  readonly sides: number;
}

/** Keeps what the blocks of one picture were like. */
export class BlockMemory {
  /** By block and bit: inspected frames since it was last without it, 255 for never seen. */
  #since: Uint8Array[] = [];
  /** By block: how often texture has ended there lately, 0 to 1. */
  #ends: Float32Array[] = [];
  #shape = '';
  readonly #edges = new EdgeMemory();

  /** Starts over: the next frame is of another picture. */
  startOver(): void {
    this.#shape = '';
  }

  /** Looks at a frame. */
  look(planes: Planes): Damage {
    const { luma } = planes;
    const columns = Math.max(0, Math.floor(luma.width / MACROBLOCK) - 2);
    const rows = Math.max(0, Math.floor(luma.height / MACROBLOCK) - 2);
    const each = Math.max(1, Math.round((columns * rows) / BLOCKS));
    const looked = Math.ceil(rows / each);
    this.#fit(`${luma.width}x${luma.height}`, columns * looked);
    const found = new Uint8Array(columns * looked);
    for (let row = 0, n = 0; row < looked; row++) {
      for (let column = 0; column < columns; column++, n++) {
        found[n] = blockOf(planes, (column + 1) * MACROBLOCK, (row * each + 1) * MACROBLOCK);
      }
    }
    const lines = [new Uint8Array(columns), new Uint8Array(looked)] as const;
    let [streaked, grey, elsewhere] = [0, 0, 0];
    for (let n = 0; n < found.length; n++) {
      const fresh = this.#fresh(n, found[n] ?? 0);
      const [column, row] = [n % columns, Math.floor(n / columns)];
      if (fresh & LEFT) lines[0][column] = (lines[0][column] ?? 0) + 1;
      if (fresh & TOP) lines[1][row] = (lines[1][row] ?? 0) + 1;
      if (fresh & INSIDE) elsewhere++;
      if (fresh & HOLE) grey++;
      // One or two streaks are an edge of something; a third one beside them is none.
      if (fresh & STREAK && column > 1 && (found[n - 1] ?? 0) & (found[n - 2] ?? 0) & STREAK) streaked++;
    }
    const edges = [...lines[0], ...lines[1]].reduce((sum, count) => sum + Math.min(RULER, count), 0);
    const share = (count: number) => Math.max(0, count) / Math.max(BLOCKS_LEAST, found.length);
    return {
      broken: share(edges - elsewhere),
      elsewhere: share(elsewhere),
      streaked: share(streaked),
      grey: share(grey),
      ended: share(this.#newEnds(found, END, 0)),
      endedWithin: share(this.#newEnds(found, MIDDLE, 1)),
      sides: this.#edges.look(luma, columns, looked, each),
    };
  }

  /** Blocks at which texture ends as it seldom did before. */
  #newEnds(found: Uint8Array, bit: number, of: number): number {
    const often = this.#ends[of];
    let ends = 0;
    for (let n = 0; often && n < found.length; n++) {
      const before = often[n] ?? 0;
      const here = (found[n] ?? 0) & bit ? 1 : 0;
      if (here && before < DRAWN_SO) ends++;
      often[n] = before + NEWEST * (here - before);
    }
    return ends;
  }

  #fit(shape: string, blocks: number): void {
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#since = Array.from({ length: BITS }, () => new Uint8Array(blocks).fill(255));
    this.#ends = [0, 1].map(() => new Float32Array(blocks).fill(1));
    this.#edges.startOver();
  }

  /** Those of the bits that the block was without not long ago. */
  #fresh(n: number, bits: number): number {
    let fresh = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const since = this.#since[bit];
      if (!since) continue;
      if ((bits & (1 << bit)) === 0) {
        since[n] = 0;
        continue;
      }
      const age = since[n] ?? 255;
      if (age < MEMORY) {
        fresh |= 1 << bit;
        since[n] = age + 1;
      }
    }
    return fresh;
  }
}

/** What is in the macroblock with its corner at (`x`, `y`). */
function blockOf({ luma, chroma }: Planes, x: number, y: number): number {
  const { bytes, stride } = luma;
  const at = y * stride + x;
  let bits = 0;
  if (isBroken(bytes, at, 1, stride)) bits |= LEFT;
  if (isBroken(bytes, at, stride, 1)) bits |= TOP;
  for (const phase of ELSEWHERE) {
    if (isBroken(bytes, at + phase, 1, stride) || isBroken(bytes, at + phase * stride, stride, 1)) bits |= INSIDE;
  }
  const upper = texture(bytes, at, stride);
  if (isEnd(texture(bytes, at - HALF * stride, stride), upper)) bits |= END;
  if (isEnd(upper, texture(bytes, at + HALF * stride, stride))) bits |= MIDDLE;
  const down = steps(bytes, at, stride, 1);
  // What follows are blocks without steps down.
  if (down.mean >= STREAK_ALONG) return bits;
  const along = steps(bytes, at, 1, stride);
  // Only streaks that run down: across they are stripes, or a texture of lines.
  if (isStreak(down, along)) bits |= STREAK;
  if (
    along.mean + down.mean < 0.3 &&
    isGrey(bytes[at] ?? 0) &&
    chroma.every((plane) => isGrey(valueAt(plane, luma, x, y)))
  ) {
    bits |= HOLE;
  }
  return bits;
}

/** Whether an edge of a macroblock is a step all along. */
function isBroken(bytes: Uint8Array, start: number, along: number, across: number): boolean {
  return standsOut(bytes, start, along, across, BROKEN_STEP, BROKEN_TIMES);
}

/** Mean step down in half a macroblock. */
function texture(bytes: Uint8Array, start: number, stride: number): number {
  let sum = 0;
  for (let row = 1, at = start + stride; row < HALF; row++, at += stride) {
    for (let n = 0; n < MACROBLOCK; n += 3) sum += Math.abs((bytes[at + n] ?? 0) - (bytes[at + n - stride] ?? 0));
  }
  return sum / (6 * (HALF - 1));
}

/** Whether there is texture on one side and none on the other. */
function isEnd(above: number, below: number): boolean {
  const most = Math.max(above, below);
  return most > TEXTURE && TEXTURE_ENDS * Math.min(above, below) < most;
}

/** Steps within a macroblock along a direction: their mean, and how many of the 15 places have one, in the line where most have. */
function steps(bytes: Uint8Array, start: number, along: number, across: number): { mean: number; places: number } {
  let [sum, most] = [0, 0];
  for (let line = 0; line < MACROBLOCK; line += 3) {
    let places = 0;
    let at = start + line * across;
    let last = bytes[at] ?? 0;
    for (let n = 1; n < MACROBLOCK; n++) {
      at += along;
      const here = bytes[at] ?? 0;
      const step = Math.abs(here - last);
      sum += step;
      if (step > 1) places++;
      last = here;
    }
    most = Math.max(most, places);
  }
  return { mean: sum / (6 * (MACROBLOCK - 1)), places: most };
}

function isStreak(along: { mean: number }, across: { mean: number; places: number }): boolean {
  return along.mean < STREAK_ALONG && across.mean > STREAK_ACROSS && across.places >= STREAK_STEPS;
}

function isGrey(value: number): boolean {
  return Math.abs(value - GREY) <= 1;
}

/** The value of a smaller plane that belongs to a pixel of the luma. */
function valueAt({ bytes, stride, width, height }: Plane, luma: Plane, x: number, y: number): number {
  const [column, row] = [Math.floor((x * width) / luma.width), Math.floor((y * height) / luma.height)];
  return bytes[row * stride + column] ?? 0;
}
