import { expect, it } from 'vitest';
import { LineTrouble } from './line-trouble.ts';

const second = (n: number, packetsLost: number, jitter = 0.01) => ({
  t: n * 1_000,
  video: { packetsReceived: n * 100, packetsLost, jitter },
});

/** Seconds at which the line is measured, of so many. */
function looks(seconds: number, at: (n: number) => ReturnType<typeof second>): number[] {
  const trouble = new LineTrouble();
  return Array.from({ length: seconds }, (_, n) => n).filter((n) => trouble.isDue(at(n)));
}

it('leaves a sound line alone', () => {
  expect(looks(60, (n) => second(n, 0))).toEqual([]);
});

it('looks when loss lasts, and again later, but not for ever', () => {
  const found = looks(300, (n) => second(n, n * 10));
  expect(found.slice(0, 3)).toEqual([3, 15, 27]);
  expect(found).toHaveLength(10);
});

it('leaves a single burst alone', () => {
  expect(looks(60, (n) => second(n, n >= 20 ? 60 : 0))).toEqual([]);
});

it('looks when packets come unevenly', () => {
  expect(looks(10, (n) => second(n, 0, 0.08))).toEqual([3]);
});
