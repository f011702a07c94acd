import { expect, it } from 'vitest';
import { holdsBack, rateOf } from './frames.ts';

it('finds the rate of the stream though frames were left out', () => {
  expect(rateOf([0.033, 0.033, 0.034, 0.067, 0.033, 0.1, 0.033, 0.034])).toBeCloseTo(30.3, 1);
  expect(rateOf(new Array(10).fill(0.02))).toBe(50);
  expect(rateOf([0.033, 0.033])).toBeNull();
});

it('tells a decoder that holds frames back from one that is slow', () => {
  expect(holdsBack(33.3, 30)).toBe(true);
  expect(holdsBack(100.2, 30)).toBe(true);
  expect(holdsBack(2, 30)).toBe(false);
  expect(holdsBack(48, 30)).toBe(false);
  expect(holdsBack(33.3, null)).toBe(false);
});
