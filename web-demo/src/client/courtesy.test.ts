import { expect, it } from 'vitest';
import { Courtesy, type PlayerSecond } from './courtesy.ts';

const well: PlayerSecond = { stalls: 1, waiting: false, bufferedAheadS: 6, playing: true };

it('takes less when the player stalls, and more again only after some calm', () => {
  const courtesy = new Courtesy();
  expect(courtesy.second(well, 2_000)).toBe(false);
  expect(courtesy.second({ ...well, stalls: 2, waiting: true, bufferedAheadS: 0 }, 2_000)).toBe(true);
  expect(courtesy.limitKbps).toBe(1_200);
  for (let n = 0; n < 7; n++) expect(courtesy.second({ ...well, stalls: 2 }, 1_200)).toBe(false);
  expect(courtesy.second({ ...well, stalls: 2 }, 1_200)).toBe(true);
  expect(courtesy.limitKbps).toBe(1_500);
});

it('takes less before the stall, when the buffer melts', () => {
  const courtesy = new Courtesy();
  for (let n = 0; n < 3; n++) courtesy.second(well, 1_000);
  expect(courtesy.second({ ...well, bufferedAheadS: 1.5 }, 1_000)).toBe(true);
  expect(courtesy.limitKbps).toBe(600);
});

it('lets a player alone whose buffer was always short, or that is paused', () => {
  const courtesy = new Courtesy();
  for (let n = 0; n < 30; n++) courtesy.second({ ...well, bufferedAheadS: 0.8 }, 1_000);
  for (let n = 0; n < 30; n++) courtesy.second({ ...well, stalls: 1 + n, playing: false }, 1_000);
  courtesy.second(null, 1_000);
  expect(courtesy.limitKbps).toBeNull();
});

it('never falls below what a picture needs, and is free again in the end', () => {
  const courtesy = new Courtesy();
  for (let n = 0; n < 20; n++) courtesy.second({ ...well, stalls: n }, 300);
  expect(courtesy.limitKbps).toBe(150);
  for (let n = 0; n < 300; n++) courtesy.second({ ...well, stalls: 19 }, 4_000);
  expect(courtesy.limitKbps).toBeNull();
});
