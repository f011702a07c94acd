// A page of known content to be shared, and the comparison of decoded pixels with it.
//
// 1280×720 in 8×4 blocks of 160×180, each of a colour computed from its place; in the top row's lower half a counter in
// 16 cells of black and white that goes on with every frame drawn.

import { expect, type Locator, type Page } from '@playwright/test';
import { SHARED_TAB_TITLE } from './flags.ts';

/** Size of the shared surface, pixels. */
export const PATTERN = { width: 1280, height: 720 } as const;
const COLUMNS = 8;
const ROWS = 4;
const BLOCK = { width: PATTERN.width / COLUMNS, height: PATTERN.height / ROWS };
/** The counter: cells of 80×60 in the top row's lower half. */
const BITS = 16;
const CELL = { width: PATTERN.width / BITS, height: 60, top: 120 };
/**
 * How far a block's mean may be off per channel, of 255: an encoder's rounding and the way through YUV cost 5 here. Levels of
 * the pattern are 76 apart.
 */
export const COLOUR_TOLERANCE = 16;

/** Colour of a block, RGB: three levels a channel, 32 of the 125 mixes, neighbours unlike each other. */
export function blockColour(column: number, row: number): [number, number, number] {
  const levels = [48, 124, 200] as const;
  // A walk through the 27 mixes; 10 and 27 have no common divisor, so that the first 27 of 32 blocks differ.
  const mix = ((row * COLUMNS + column) * 10) % 27;
  return [levels[mix % 3] ?? 0, levels[Math.floor(mix / 3) % 3] ?? 0, levels[Math.floor(mix / 9)] ?? 0];
}

/** The page's HTML. */
export function patternPage(): string {
  const blocks = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) blocks.push([column, row, ...blockColour(column, row)]);
  }
  return `<!doctype html><title>${SHARED_TAB_TITLE}</title>
<style>html,body{margin:0;overflow:hidden;background:#000}canvas{display:block}</style>
<canvas width="${PATTERN.width}" height="${PATTERN.height}"></canvas>
<script>
const context = document.querySelector('canvas').getContext('2d');
for (const [column, row, r, g, b] of ${JSON.stringify(blocks)}) {
  context.fillStyle = 'rgb(' + r + ' ' + g + ' ' + b + ')';
  context.fillRect(column * ${BLOCK.width}, row * ${BLOCK.height}, ${BLOCK.width}, ${BLOCK.height});
}
window.counter = 0;
function draw() {
  window.counter = (window.counter + 1) & 0xffff;
  for (let bit = 0; bit < ${BITS}; bit += 1) {
    context.fillStyle = (window.counter >> bit) & 1 ? '#fff' : '#000';
    context.fillRect(bit * ${CELL.width}, ${CELL.top}, ${CELL.width}, ${CELL.height});
  }
  requestAnimationFrame(draw);
}
draw();
</script>`;
}

/** Opens the pattern as the tab that will be shared, in the profile of `beside`. */
export async function openPattern(beside: Page): Promise<Page> {
  const page = await beside.context().newPage();
  await page.setViewportSize(PATTERN);
  await page.setContent(patternPage());
  await expect(page).toHaveTitle(SHARED_TAB_TITLE);
  return page;
}

/** What was seen of the pattern. */
export interface Seen {
  /** Size of the decoded picture. */
  width: number;
  height: number;
  /** Largest difference of a block's mean to its colour, of 255, over blocks and channels. */
  worst: number;
  /** Mean of those differences. */
  mean: number;
  /** The counter in the picture; -1 when a cell is neither black nor white. */
  counter: number;
  /** The counter that the page showed when the picture was read, up to a few ms. */
  shown: number;
}

/** Reads the pattern from a playing `<video>`. */
export async function readPattern(video: Locator, pattern: Page): Promise<Seen> {
  const shown = await pattern.evaluate(() => (window as unknown as { counter: number }).counter);
  const pixels = await video.evaluate(readBlocks, { columns: COLUMNS, rows: ROWS, bits: BITS, cell: CELL });
  const differences = pixels.blocks.flatMap(([r, g, b], index) => {
    const wanted = blockColour(index % COLUMNS, Math.floor(index / COLUMNS));
    return [Math.abs(r - wanted[0]), Math.abs(g - wanted[1]), Math.abs(b - wanted[2])];
  });
  const clear = pixels.cells.every((luma) => luma < 70 || luma > 185);
  return {
    width: pixels.width,
    height: pixels.height,
    worst: Math.round(Math.max(...differences)),
    mean: Math.round((differences.reduce((sum, one) => sum + one, 0) / differences.length) * 10) / 10,
    counter: clear ? pixels.cells.reduce((sum, luma, bit) => sum + (luma > 128 ? 1 << bit : 0), 0) : -1,
    shown,
  };
}

interface Grid {
  columns: number;
  rows: number;
  bits: number;
  cell: typeof CELL;
}

/** In the page: means of the blocks' upper middle (the counter is below it) and of the counter's cells. */
function readBlocks(element: Element, grid: Grid) {
  const video = element as HTMLVideoElement;
  const { videoWidth: width, videoHeight: height } = video;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context || width === 0) return { width, height, blocks: [], cells: [] };
  context.drawImage(video, 0, 0);
  const mean = (x: number, y: number, w: number, h: number): [number, number, number] => {
    const { data } = context.getImageData(Math.round(x), Math.round(y), Math.round(w), Math.round(h));
    const sum: [number, number, number] = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) {
      sum[0] += data[at] ?? 0;
      sum[1] += data[at + 1] ?? 0;
      sum[2] += data[at + 2] ?? 0;
    }
    const count = data.length / 4;
    return [sum[0] / count, sum[1] / count, sum[2] / count];
  };
  const [bw, bh] = [width / grid.columns, height / grid.rows];
  const blocks: [number, number, number][] = [];
  for (let row = 0; row < grid.rows; row += 1) {
    for (let column = 0; column < grid.columns; column += 1) {
      blocks.push(mean((column + 0.25) * bw, (row + 0.15) * bh, bw / 2, bh * 0.4));
    }
  }
  const cells = Array.from({ length: grid.bits }, (_, bit) => {
    const [r, g, b] = mean((bit + 0.25) * grid.cell.width, grid.cell.top + 15, grid.cell.width / 2, 30);
    return 0.299 * r + 0.587 * g + 0.114 * b;
  });
  return { width, height, blocks, cells };
}
