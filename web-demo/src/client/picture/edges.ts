// Edges at the sides of macroblocks against edges inside them. What a decoder puts in a wrong place ends where macroblocks end,
// however busy the texture is; what was filmed ends anywhere. The figures are those of the bench's parts `tune` and `check`.

import type { Plane } from './planes.ts';

/** Side of a macroblock, pixels. */
const MACROBLOCK = 16;
/** Where in a macroblock edges are counted, pixels: at its side, in its middle, where smaller blocks end too, and at its quarters. */
const PHASES = [0, 8, 4, 12] as const;
/** So many times the mean step on both sides of an edge is taken off its own: textures have steps everywhere. */
const SIDES = 1.5;
/** What must be left of it, levels. 3 and 10 tell damage less well. */
const LEVEL = 6;
/** Weight of the newest frame in how often there is an edge at a place, ... */
const NEWEST = 0.15;
/** ... and the share of frames beyond which an edge there is not new. */
const OFTEN = 0.15;
/** New edges of one straight line over the picture that count: lines that were drawn lie on the grid now and then. */
const RULER = 6;
/** Blocks of a picture of 640 × 360: counts are as if there were no more. */
const BLOCKS = 760;
/** Added to counts before they are compared: few edges may lie on the grid by chance. */
const FEW = 5;

/** Keeps how often there were edges at each place of one picture. */
export class EdgeMemory {
  /** By direction and phase one after the other, then by block: share of the frames lately, 0 to 1. */
  #often = new Float32Array(0);
  #shape = '';

  /** Starts over: the next frame is of another picture. */
  startOver(): void {
    this.#shape = '';
  }

  /**
   * How many more new edges there are at the sides of macroblocks than inside them, in standard deviations of such counts: about
   * 0 where nothing is damaged, 2 and more where something is. Blocks of `columns` by `rows` are looked at, of the picture's rows
   * of blocks every `each`th, without those at its borders.
   */
  look({ bytes, stride, width, height }: Plane, columns: number, rows: number, each: number): number {
    const shape = `${width}x${height}`;
    const blocks = columns * rows;
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#often = new Float32Array(2 * PHASES.length * blocks).fill(1);
    }
    const scale = BLOCKS / Math.max(BLOCKS, blocks);
    const [side = 0, middle = 0, ...quarters] = PHASES.map((phase, n) => {
      let count = 0;
      for (const [step, across, first] of [
        [stride, 1, n],
        [1, stride, n + PHASES.length],
      ] as const) {
        const lines = new Uint16Array(step === 1 ? columns : rows);
        for (let row = 0, at = first * blocks; row < rows; row++) {
          const start = (row * each + 1) * MACROBLOCK * stride + phase * step;
          for (let column = 0; column < columns; column++, at++) {
            const edge = isEdge(bytes, start + (column + 1) * MACROBLOCK, step, across);
            const line = step === 1 ? column : row;
            if (this.#isNew(at, edge)) lines[line] = (lines[line] ?? 0) + 1;
          }
        }
        count += lines.reduce((sum, found) => sum + Math.min(RULER, found), 0);
      }
      return count * scale;
    });
    const inside = Math.max(middle, quarters.reduce((sum, count) => sum + count, 0) / quarters.length);
    return (side - inside) / Math.sqrt(side + inside + FEW);
  }

  /** Whether an edge is where there seldom was one; keeps it. */
  #isNew(at: number, edge: boolean): boolean {
    const before = this.#often[at] ?? 0;
    this.#often[at] = before + NEWEST * ((edge ? 1 : 0) - before);
    return edge && before < OFTEN;
  }
}

/** Whether the step before a row or column of a macroblock's length is beyond those beside it. */
function isEdge(bytes: Uint8Array, start: number, along: number, across: number): boolean {
  const left = stepAt(bytes, start, along, across) - (LEVEL * MACROBLOCK) / 2;
  // Most places have no step that would do.
  return left > 0 && left > (SIDES / 2) * sidesAt(bytes, start, along, across);
}

/** Sum of the steps to a row or column of a macroblock's length from the one before, at every second pixel. */
export function stepAt(bytes: Uint8Array, start: number, along: number, across: number): number {
  let step = 0;
  for (let n = 0, at = start; n < MACROBLOCK; n += 2, at += 2 * across) {
    step += Math.abs((bytes[at] ?? 0) - (bytes[at - along] ?? 0));
  }
  return step;
}

/** The same of the steps before and after that one. */
export function sidesAt(bytes: Uint8Array, start: number, along: number, across: number): number {
  let sides = 0;
  for (let n = 0, at = start; n < MACROBLOCK; n += 2, at += 2 * across) {
    const before = bytes[at - along] ?? 0;
    const here = bytes[at] ?? 0;
    sides += Math.abs(before - (bytes[at - 2 * along] ?? 0)) + Math.abs((bytes[at + along] ?? 0) - here);
  }
  return sides;
}
