// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { type Download, downKbps, LineWatch, needsKbps, rememberUplink } from './line.ts';

/** A piece of the stream that took `ms` for `bytes` and ended at `endMs`. */
function piece(bytes: number, ms: number, endMs: number, name = 'https://cdn.test/live/7.m4s?t=1'): Download {
  return { name, encodedBodySize: bytes, transferSize: bytes + 300, responseStart: endMs - ms, responseEnd: endMs };
}

function memory(): Pick<Storage, 'getItem' | 'setItem'> {
  const map = new Map<string, string>();
  return { getItem: (name) => map.get(name) ?? null, setItem: (name, value) => void map.set(name, value) };
}

it('rates the last pieces alone, by the time their bytes took', () => {
  const old = piece(1_000_000, 80_000, 90_000);
  const fresh = Array.from({ length: 5 }, (_, n) => piece(250_000, 1_000, 100_000 + n * 2_000));
  expect(downKbps([old, ...fresh])).toBe(2_000);
  expect(downKbps([])).toBeNull();
});

it('tells what the stream needs from what came in over time, not from how fast it came', () => {
  const pieces = Array.from({ length: 6 }, (_, n) => piece(500_000, 50, 1_000 + n * 2_000));
  expect(needsKbps(pieces)).toBe(2_000);
  expect(needsKbps(pieces.slice(0, 2))).toBeNull();
});

it('leaves out what is no piece of a stream, what came from the cache, and what does not tell its size', () => {
  const watch = new LineWatch();
  watch.take([
    piece(90_000, 10, 1_000, 'https://host.test/app.js'),
    { ...piece(90_000, 10, 2_000), transferSize: 0 },
    { ...piece(0, 10, 3_000), responseStart: 0 },
    piece(2_000, 1, 4_000),
  ]);
  expect(watch.knowledge(null, null, 0)).toEqual({});
  watch.take([piece(125_000, 1_000, 5_000)]);
  expect(watch.knowledge(42, null, 0)).toEqual({ player_down_kbps: 1_000, rtt_ms: 42 });
});

it('keeps the uplink of an earlier call for ten minutes, and believes nothing odd that it finds', () => {
  const storage = memory();
  const known = (nowMs: number) => new LineWatch().knowledge(null, storage, nowMs).up_kbps;
  rememberUplink(storage, 3_456.7, 1_000_000);
  expect(known(1_000_000 + 599_000)).toBe(3_457);
  expect(known(1_000_000 + 600_000)).toBeUndefined();
  expect(known(999_999)).toBeUndefined();
  storage.setItem('sightline:uplink', '{"kbps":"many","atMs":1}');
  expect(known(2)).toBeUndefined();
  storage.setItem('sightline:uplink', '{');
  expect(known(2)).toBeUndefined();
});
