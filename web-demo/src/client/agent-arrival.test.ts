// Tests of the judgement when a call's picture is legible and when its first sound was played.

import { expect, it } from 'vitest';
import { LEGIBLE_HOLD_MS, LegibleWatch, type PictureReading, pictureIn, soundPlayed } from './agent-arrival.ts';

/** What a picture does in one stretch of its life. */
interface Stretch {
  ms: number;
  width: number;
  height: number;
  fps: number;
  qp: number;
  /** Of each frame. */
  bytes: number;
  codec?: string;
}

/** Feeds a watch a reading every 100 ms; returns what it said and when it said so. */
function run(...stretches: Stretch[]): { since: number; told: number } | null {
  const watch = new LegibleWatch();
  let [atMs, frames, qpSum, bytes] = [0, 0, 0, 0];
  for (const { ms, width, height, fps, qp, bytes: each, codec = 'VP8' } of stretches) {
    let due = 0;
    for (let passed = 0; passed < ms; passed += 100) {
      atMs += 100;
      due += fps / 10;
      const decoded = Math.floor(due);
      due -= decoded;
      frames += decoded;
      qpSum += decoded * qp;
      bytes += decoded * each;
      if (frames === 0) continue;
      const since = watch.take({ atMs, width, height, framesDecoded: frames, qpSum, bytesReceived: bytes, codec });
      if (since !== null) return { since, told: atMs };
    }
  }
  return null;
}

const HD = { width: 1280, height: 720 };

it('is legible from the first sharp reading of full size, and says so when it has lasted', () => {
  expect(
    run({ ms: 500, ...HD, fps: 30, qp: 60, bytes: 9_000 }, { ms: 5_000, ...HD, fps: 30, qp: 12, bytes: 9_000 }),
  ).toEqual({ since: 600, told: 600 + LEGIBLE_HOLD_MS });
});

it('does not take a small first picture for the full size', () => {
  const small = { ms: 2_900, width: 320, height: 180, fps: 30, qp: 8, bytes: 3_000 };
  expect(run(small, { ms: 5_000, ...HD, fps: 30, qp: 15, bytes: 9_000 })?.since).toBe(3_000);
});

it('starts anew when the picture gets smaller', () => {
  const large = { ms: 1_000, ...HD, fps: 30, qp: 10, bytes: 9_000 };
  const small = { ms: 10_000, width: 640, height: 360, fps: 30, qp: 10, bytes: 4_000 };
  expect(run(large, small)).toBeNull();
  expect(run(large, { ...small, ms: 400 }, { ...large, ms: 4_000 })?.since).toBe(1_500);
});

it('wants 15 frames a second of a picture that moves, and none of one that stands', () => {
  expect(run({ ms: 9_000, ...HD, fps: 8, qp: 12, bytes: 30_000 })).toBeNull();
  // The first frame carries the picture, the following ones next to nothing.
  expect(
    run({ ms: 200, ...HD, fps: 5, qp: 12, bytes: 90_000 }, { ms: 9_000, ...HD, fps: 1, qp: 12, bytes: 700 })?.since,
  ).toBe(200);
});

it('gives up a stretch whose sharpness was a moment only', () => {
  const sharp = { ms: 300, ...HD, fps: 30, qp: 15, bytes: 9_000 };
  const soft = { ms: 4_000, ...HD, fps: 30, qp: 45, bytes: 9_000 };
  expect(run(sharp, soft)).toBeNull();
});

it('knows each codec’s own scale, and says nothing of one it does not know', () => {
  const at = (codec: string, qp: number) => run({ ms: 6_000, ...HD, fps: 30, qp, bytes: 9_000, codec }) !== null;
  expect([at('VP8', 20), at('VP8', 21)]).toEqual([true, false]);
  expect([at('VP9', 89), at('VP9', 90)]).toEqual([true, false]);
  expect([at('AV1', 89), at('AV1', 90)]).toEqual([true, false]);
  expect([at('H264', 25), at('H264', 26)]).toEqual([true, false]);
  expect(at('H265', 1)).toBe(false);
});

it('leaves out what the slot showed in an earlier call', () => {
  const reading = (atMs: number, framesDecoded: number, qpSum: number): PictureReading => ({
    atMs,
    ...HD,
    framesDecoded,
    qpSum,
    bytesReceived: framesDecoded * 9_000,
    codec: 'VP8',
  });
  const watch = new LegibleWatch(reading(0, 100, 9_000));
  watch.take(reading(100, 103, 9_030));
  expect(watch.take(reading(100 + LEGIBLE_HOLD_MS, 193, 9_930))).toBe(100);
  const fresh = new LegibleWatch(reading(0, 100, 9_000));
  fresh.take(reading(100, 3, 30));
  expect(fresh.take(reading(100 + LEGIBLE_HOLD_MS, 93, 930))).toBe(100);
});

it('reads a picture of a report', () => {
  const report = new Map<string, unknown>([
    ['C', { type: 'codec', mimeType: 'video/vp8' }],
    ['A', { type: 'inbound-rtp', kind: 'video', mid: '6', framesDecoded: 0 }],
    [
      'B',
      {
        type: 'inbound-rtp',
        kind: 'video',
        mid: '5',
        codecId: 'C',
        frameWidth: 640,
        frameHeight: 360,
        framesDecoded: 3,
        qpSum: 30,
        bytesReceived: 900,
      },
    ],
  ]);
  const expected: PictureReading = {
    atMs: 7,
    width: 640,
    height: 360,
    framesDecoded: 3,
    qpSum: 30,
    bytesReceived: 900,
    codec: 'VP8',
  };
  expect(pictureIn(report, '5', 7)).toEqual(expected);
  expect(pictureIn(report, '6', 7)).toBeNull();
});

it('takes samples that came for sound, and not those that fill a gap', () => {
  const report = (row: object) => new Map([['A', { type: 'inbound-rtp', kind: 'audio', mid: '3', ...row }]]);
  expect(soundPlayed(report({ packetsReceived: 9, totalSamplesReceived: 960, concealedSamples: 960 }), '3')).toBe(
    false,
  );
  expect(soundPlayed(report({ packetsReceived: 9, totalSamplesReceived: 961, concealedSamples: 960 }), '3')).toBe(true);
  expect(soundPlayed(report({ packetsReceived: 0, totalSamplesReceived: 961, concealedSamples: 0 }), '3')).toBe(false);
  expect(soundPlayed(report({ packetsReceived: 9, totalSamplesReceived: 961 }), '4')).toBe(false);
});
