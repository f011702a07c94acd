import { expect, it } from 'vitest';
import { EdgeMemory } from './edges.ts';
import { changed, frameOf, HEIGHT, noise, type Scene, texture, WIDTH } from './scenes.ts';

/** A busy texture: few edges stand out of it. */
const busy: Scene = (x, y) => texture(3 * x, 3 * y) + 12 * noise(x, y, 1);
/** Frames that are looked at; what is new is known after some of them. */
const FRAMES = 24;
const [COLUMNS, ROWS] = [WIDTH / 16 - 2, HEIGHT / 16 - 2];

/** What is found in the last frames of a scene that moves; every so many blocks are of another place, cut out `off` the grid. */
function sides(share: number, off: number, shift = 7): number[] {
  const memory = new EdgeMemory();
  return Array.from({ length: FRAMES }, (_, turn) => {
    const frame = changed(frameOf(busy, turn * shift), (at, x, y) => {
      const wrong = noise((x + off) >> 4, (y + off) >> 4, turn + 2) > 1 - 2 * share;
      return wrong ? at((x + 160) % WIDTH, (y + 96) % HEIGHT) : at(x, y);
    });
    return memory.look(frame.luma, COLUMNS, ROWS, 1);
  }).slice(-8);
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

it('finds blocks of other places in a busy texture', () => {
  expect(mean(sides(0.1, 0))).toBeGreaterThan(2);
});

it('finds nothing where nothing is damaged, nor where what is wrong ends anywhere', () => {
  expect(Math.abs(mean(sides(0, 0)))).toBeLessThan(1);
  expect(mean(sides(0.1, 5))).toBeLessThan(1);
});

it('takes what stays for drawn', () => {
  const memory = new EdgeMemory();
  const board = frameOf((x, y) => (((x >> 4) + (y >> 4)) & 1 ? 60 : 180));
  for (let turn = 0; turn < FRAMES; turn++) expect(memory.look(board.luma, COLUMNS, ROWS, 1)).toBeLessThan(1);
});
