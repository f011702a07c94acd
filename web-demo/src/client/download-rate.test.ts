import { expect, it } from 'vitest';
import { rateOf } from './download-rate.ts';

it('takes the later half, since the first one is the slow start', () => {
  // 10 KB in the first second, then 100 KB/s.
  const chunks = [
    { atMs: 1_000, bytes: 10_000 },
    ...Array.from({ length: 20 }, (_, n) => ({ atMs: 1_100 + n * 100, bytes: 10_000 })),
  ];
  expect(rateOf(chunks)?.kbps).toBeCloseTo(800, 0);
});

it('takes the whole where the halves came together', () => {
  const rate = rateOf([
    { atMs: 0, bytes: 20_000 },
    { atMs: 20, bytes: 50_000 },
    { atMs: 20.5, bytes: 50_000 },
  ]);
  expect(rate?.kbps).toBeCloseTo((100_000 * 8) / 20.5, 0);
});

it('says nothing of too little', () => {
  expect(rateOf([])).toBeNull();
  expect(rateOf([{ atMs: 5, bytes: 900 }])).toBeNull();
});
