import { expect, it } from 'vitest';
import { bufferedAhead } from './player.ts';
import { StallMeter } from './stall.ts';

it('counts a wait for data with its length, one still going on included', () => {
  const meter = new StallMeter();
  meter.played(0);
  meter.waited(true, 1_000);
  expect(meter.count).toBe(1);
  expect(meter.waiting).toBe(true);
  expect(meter.totalMs(1_400)).toBe(400);
  meter.played(1_500);
  expect(meter.waiting).toBe(false);
  expect(meter.totalMs(9_000)).toBe(500);
});

it('does not count the start, a pause, or seeking', () => {
  const meter = new StallMeter();
  meter.waited(true, 0);
  meter.played(800);
  meter.interrupted(1_000);
  meter.waited(false, 1_100);
  meter.waited(true, 1_200);
  meter.played(1_500);
  expect(meter.count).toBe(0);
});

it('goes on while a library takes the media away to get out of an error', () => {
  const meter = new StallMeter();
  meter.played(0);
  meter.taken(2_000);
  meter.taken(2_000);
  expect([meter.count, meter.waiting, meter.totalMs(6_000)]).toEqual([1, true, 4_000]);
  meter.played(7_000);
  expect([meter.waiting, meter.totalMs(9_000)]).toEqual([false, 5_000]);
});

it('sees a picture that stands still without any event, from its last progress on', () => {
  const meter = new StallMeter();
  meter.played(0);
  meter.progressed(1, true, 1_000);
  meter.progressed(1, true, 1_500);
  expect(meter.count).toBe(0);
  meter.progressed(1, true, 2_000);
  expect(meter.count).toBe(1);
  expect(meter.totalMs(2_000)).toBe(1_000);
  meter.progressed(1.1, true, 2_500);
  expect(meter.totalMs(9_000)).toBe(1_500);
});

it('counts one stall once, whoever saw it first', () => {
  const meter = new StallMeter();
  meter.played(0);
  meter.progressed(1, true, 100);
  meter.waited(true, 200);
  meter.progressed(1, true, 1_000);
  meter.waited(true, 1_100);
  expect(meter.count).toBe(1);
  meter.interrupted(1_200);
  expect(meter.totalMs(5_000)).toBe(1_000);
});

it('takes a video that already plays when first seen', () => {
  const meter = new StallMeter();
  meter.progressed(50, true, 0);
  meter.progressed(51, true, 1_000);
  meter.progressed(51, true, 2_000);
  expect(meter.count).toBe(1);
});

it('measures what is buffered ahead without a gap', () => {
  const ranges = (...list: [number, number][]) => ({
    length: list.length,
    start: (n: number) => list[n]?.[0] ?? 0,
    end: (n: number) => list[n]?.[1] ?? 0,
  });
  expect(bufferedAhead(ranges([0, 4], [6, 10]), 3)).toBe(1);
  expect(bufferedAhead(ranges([0, 4], [6, 10]), 5)).toBe(0);
  expect(bufferedAhead(ranges([10.05, 12]), 10)).toBe(2);
  expect(bufferedAhead(ranges(), 1)).toBe(0);
});
