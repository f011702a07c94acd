import { expect, it } from 'vitest';
import { LaneRing } from './ring.ts';
import { TroubleSense } from './trouble.ts';

it('keeps a minute of every lane in the order of time, and is empty when taken', () => {
  const ring = new LaneRing();
  for (let second = 1; second <= 100; second++) ring.push('player', { t: second * 1000 });
  ring.push('segments', { t: 99_500, n: 2 });
  ring.push('segments', { t: 98_000, n: 1 });
  const lanes = ring.take(100_500);
  expect(lanes.player).toHaveLength(60);
  expect(lanes.player?.[0]).toEqual({ t: 41_000 });
  expect(lanes.segments?.map(({ n }) => n)).toEqual([1, 2]);
  expect(ring.take(100_500)).toEqual({});
});

it('is bounded however many events there are', () => {
  const ring = new LaneRing();
  for (let n = 0; n < 5_000; n++) ring.push('segments', { t: 1_000 + n });
  expect(ring.take(6_000).segments).toHaveLength(480);
});

it('senses trouble by its signs, for a minute', () => {
  const calm = {
    t: 0,
    stalledMs: 0,
    waiting: false,
    bufferedAheadS: 6,
    currentTime: 9,
    totalVideoFrames: 30,
    droppedVideoFrames: 0,
  };
  const idle = { t: 0, blockedMs: 0 };
  const sense = new TroubleSense();
  expect(sense.second(calm, [], idle)).toBe(false);
  expect(sense.second({ ...calm, waiting: true }, [], idle)).toBe(true);
  for (let n = 0; n < 59; n++) expect(sense.second(calm, [], idle)).toBe(true);
  expect(sense.second(calm, [], idle)).toBe(false);
  expect(sense.second(calm, [{ t: 0, error: 'http' }], idle)).toBe(true);
  const dropping = new TroubleSense();
  dropping.second(calm, [], idle);
  expect(dropping.second({ ...calm, totalVideoFrames: 60, droppedVideoFrames: 4 }, [], idle)).toBe(true);
  const paused = new TroubleSense();
  expect(paused.second({ ...calm, paused: true, waiting: true }, [], idle)).toBe(false);
});

it('senses a picture that went black, is damaged or stopped, and no slides', () => {
  const idle = { t: 0 };
  const seen = (sense: TroubleSense, sample: Record<string, number>) => {
    sense.picture({ t: 0, ...sample });
    return sense.second(null, [], idle);
  };
  expect(seen(new TroubleSense(), { black: 1, frozen: 0 })).toBe(true);
  expect(seen(new TroubleSense(), { striped: 0.6, frozen: 0 })).toBe(true);
  const film = new TroubleSense();
  for (let n = 0; n < 8; n++) expect(seen(film, { frozen: 0.1 })).toBe(false);
  expect(seen(film, { frozen: 1 })).toBe(false);
  expect(seen(film, { frozen: 1 })).toBe(true);
  const slides = new TroubleSense();
  for (let n = 0; n < 30; n++) expect(seen(slides, { frozen: n % 7 === 0 ? 0.2 : 1 })).toBe(false);
});
