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
  #often: Float32Array | null = null;

  /** Starts over: the next frame is of another picture, or of another size. */
  startOver(): void {
    this.#often = null;
  }

  /**
   * How many more new edges there are at the sides of macroblocks than inside them, in standard deviations of such counts: about
   * 0 where nothing is damaged, 2 and more where something is. Blocks of `columns` by `rows` are looked at, of the picture's rows
   * of blocks every `each`th, without those at its borders.
   */
  look({ bytes, stride }: Plane, columns: number, rows: number, each: number): number {
    const blocks = columns * rows;
    this.#often ??= new Float32Array(2 * PHASES.length * blocks).fill(1);
    const often = this.#often;
    const scale = BLOCKS / Math.max(BLOCKS, blocks);
    const [side = 0, middle = 0, a = 0, b = 0] = PHASES.map((phase, n) => {
      let count = 0;
      for (const [step, across, first] of [
        [stride, 1, n],
        [1, stride, n + PHASES.length],
      ] as const) {
        const lines = new Uint16Array(step === 1 ? columns : rows);
        for (let row = 0, place = first * blocks; row < rows; row++) {
          const start = (row * each + 1) * MACROBLOCK * stride + phase * step;
          for (let column = 0; column < columns; column++, place++) {
            const at = start + (column + 1) * MACROBLOCK;
            const edge = standsOut(bytes, at, step, across, LEVEL, SIDES, LEVEL);
            const before = often[place] ?? 0;
            const line = step === 1 ? column : row;
            if (edge && before < OFTEN) lines[line] = (lines[line] ?? 0) + 1;
            often[place] = before + NEWEST * (Number(edge) - before);
          }
        }
        count += lines.reduce((sum, found) => sum + Math.min(RULER, found), 0);
      }
      return count * scale;
    });
    const inside = Math.max(middle, (a + b) / 2);
    return (side - inside) / Math.sqrt(side + inside + FEW);
  }
}

/**
 * Whether the mean step before a row or column of a macroblock's length is beyond `least` levels, and without `off` beyond `times`
 * those before and after it.
 */
export function standsOut(
  bytes: Uint8Array,
  start: number,
  along: number,
  across: number,
  least: number,
  times: number,
  off = 0,
): boolean {
  let step = 0;
  for (let n = 0, at = start; n < MACROBLOCK; n += 2, at += 2 * across) {
    step += Math.abs((bytes[at] ?? 0) - (bytes[at - along] ?? 0));
  }
  // Most places have no step that would do.
  if (step <= (least * MACROBLOCK) / 2) return false;
  let sides = 0;
  for (let n = 0, at = start; n < MACROBLOCK; n += 2, at += 2 * across) {
    sides += Math.abs((bytes[at - along] ?? 0) - (bytes[at - 2 * along] ?? 0));
    sides += Math.abs((bytes[at + along] ?? 0) - (bytes[at] ?? 0));
  }
  return step - (off * MACROBLOCK) / 2 > (times * sides) / 2;
}
