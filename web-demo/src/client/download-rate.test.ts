import { expect, it } from 'vitest';
import { rateOf } from './download-rate.ts';

it('takes the later half, since the first one is the slow start', () => {
  // 10 KB in the first second, then 30 KB/s.
  const chunks = [
    { atMs: 1_000, bytes: 10_000 },
    ...Array.from({ length: 20 }, (_, n) => ({ atMs: 1_333 + n * 333, bytes: 10_000 })),
  ];
  expect(rateOf(chunks, 0)).toMatchObject({ kbps: expect.closeTo(240, 0), atLeast: false });
});

it('takes the whole, as the least there is, where the later half came in a burst', () => {
  // A line of 4 Mbit/s: a lost packet holds all back for a while, and then everything is there at once.
  const held = [
    { atMs: 80, bytes: 20_000 },
    { atMs: 320, bytes: 60_000 },
    { atMs: 321, bytes: 35_000 },
    { atMs: 325, bytes: 35_000 },
  ];
  expect(rateOf(held, 0)).toEqual({ kbps: (150_000 * 8) / 325, overMs: 325, atLeast: true });
  expect(rateOf([{ atMs: 40, bytes: 50_000 }], 0)).toEqual({ kbps: 10_000, overMs: 40, atLeast: true });
});

it('says nothing of too little', () => {
  expect(rateOf([], 0)).toBeNull();
  expect(rateOf([{ atMs: 5, bytes: 900 }], 0)).toBeNull();
});
