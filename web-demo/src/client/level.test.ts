import { expect, it } from 'vitest';
import { loudness } from './level.ts';

const tone = (amplitude: number) => Float32Array.from({ length: 2_048 }, (_, n) => amplitude * Math.sin(n / 7));

it('is nothing for silence, full for loud speech, and grows with the level', () => {
  expect(loudness(new Float32Array(2_048))).toBe(0);
  expect(loudness(tone(0.0005))).toBe(0);
  expect(loudness(tone(0.9))).toBe(1);
  const steps = [0.003, 0.01, 0.03, 0.1, 0.3].map((amplitude) => loudness(tone(amplitude)));
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  // Even steps of ten decibels are even steps of the meter.
  expect((steps[2] ?? 0) - (steps[1] ?? 0)).toBeCloseTo((steps[3] ?? 0) - (steps[2] ?? 0), 1);
});
