import { expect, it } from 'vitest';
import { EchoTrain } from './echo-train.ts';

/** The server's answer to a probe, by the protocol. */
function stamp(probe: ArrayBuffer, count: number, atMs: number): ArrayBuffer {
  const from = new DataView(probe);
  expect(from.getUint8(0)).toBe(3);
  const view = new DataView(new ArrayBuffer(17));
  view.setUint8(0, 4);
  view.setUint32(1, from.getUint32(1));
  view.setUint16(5, from.getUint16(5));
  view.setUint16(7, count);
  view.setBigUint64(9, BigInt(Math.round(atMs * 1000)));
  return view.buffer;
}

/** Sends `probes` probes; `lost` says which way loses one, `upMs` how long one takes up. */
function run(
  probes: number,
  lost: (n: number) => 'up' | 'down' | null,
  upMs: (n: number) => number = () => 10,
): EchoTrain {
  const train = new EchoTrain(7);
  let arrived = 0;
  for (let n = 0; n < probes; n++) {
    const sentMs = n * 20;
    const probe = train.probe(sentMs);
    const way = lost(n);
    if (way === 'up') continue;
    arrived += 1;
    if (way === null) train.take(stamp(probe, arrived, 5_000 + sentMs + upMs(n)), sentMs + upMs(n) + 10);
  }
  return train;
}

it('tells a clean line from its round trips', () => {
  const train = run(50, () => null);
  expect(train.rttMs()).toBe(20);
  expect(train.directions()).toEqual({ up: { loss: 0, jitterMs: 0 }, down: { loss: 0, jitterMs: 0 } });
});

it('tells the directions of loss apart', () => {
  const up = run(50, (n) => (n % 10 === 4 ? 'up' : null)).directions();
  expect(up?.up.loss).toBeCloseTo(0.1, 5);
  expect(up?.down.loss).toBe(0);
  const down = run(50, (n) => (n % 5 === 2 ? 'down' : null)).directions();
  expect(down?.up.loss).toBe(0);
  expect(down?.down.loss).toBeCloseTo(0.2, 5);
});

it('tells the directions of jitter apart, whatever the offset of the clocks', () => {
  const facts = run(
    50,
    () => null,
    (n) => (n % 2 === 0 ? 10 : 40),
  ).directions();
  expect(facts?.up.jitterMs).toBeCloseTo(30, 3);
  expect(facts?.down.jitterMs).toBeCloseTo(0, 3);
});

it('tells parts of a train apart', () => {
  const train = run(
    60,
    () => null,
    (n) => (n < 30 ? 10 : 190),
  );
  expect(train.rttMs(0, 30)).toBe(20);
  expect(train.rttMs(30)).toBe(200);
});

it('leaves out what was lost later', () => {
  const train = run(60, (n) => (n >= 30 && n % 2 === 0 ? 'down' : null));
  expect(train.directions(30)?.down.loss).toBe(0);
  expect(train.directions()?.down.loss).toBeGreaterThan(0.2);
});

it('says nothing when too little came back, and believes no stranger', () => {
  const train = run(20, (n) => (n < 15 ? 'down' : null));
  expect(train.directions()).toBeNull();
  const other = new EchoTrain(8);
  other.take(stamp(new EchoTrain(9).probe(0), 1, 0), 5);
  other.take(stamp(run(1, () => null).probe(1), 1, 0), 5);
  other.take(new ArrayBuffer(3), 5);
  expect(other.received).toBe(0);
});
