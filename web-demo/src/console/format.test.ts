// Tests of how measured quantities are written.

import { expect, it } from 'vitest';
import { ABSENT, bitrate, bytes, languageName, milliseconds, percent, resolution } from './format.ts';

it('writes what was not measured as a dash, never as 0', () => {
  for (const write of [milliseconds, bitrate, percent, bytes]) {
    expect(write(null)).toBe(ABSENT);
    expect(write(undefined)).toBe(ABSENT);
    expect(write(Number.NaN)).toBe(ABSENT);
  }
  expect(resolution(0, 0)).toBe(ABSENT);
  expect(resolution(1920, null)).toBe(ABSENT);
});

it('changes units where a reader would', () => {
  expect([8, 999.4, 2_400, 61_000].map(milliseconds)).toEqual(['8 ms', '999 ms', '2.4 s', '61 s']);
  expect([0, 840, 2_400].map(bitrate)).toEqual(['0 kbit/s', '840 kbit/s', '2.4 Mbit/s']);
  expect([0, 0.42, 12].map(percent)).toEqual(['0 %', '0.4 %', '12 %']);
  expect([900, 88_080_384].map(bytes)).toEqual(['900 B', '84 MiB']);
  expect(resolution(1280, 720)).toBe('1280 × 720');
});

it('names languages, and leaves nonsense as it is', () => {
  expect(languageName('zh', 'en-GB')).toBe('Chinese');
  expect(languageName('!!', 'en-GB')).toBe('!!');
  expect(languageName('', 'en-GB')).toBe(ABSENT);
});
