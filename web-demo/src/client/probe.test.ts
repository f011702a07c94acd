import { expect, it, vi } from 'vitest';
import { ProbeTrain, probeUplink } from './probe.ts';

/** The server's stamp for a probe that arrived at `us`. */
function stamp(probe: ArrayBuffer, us: number): ArrayBuffer {
  const answer = new Uint8Array(17);
  answer.set(new Uint8Array(probe, 0, 7));
  const view = new DataView(answer.buffer);
  view.setUint8(0, 4);
  view.setBigUint64(9, BigInt(us));
  return answer.buffer;
}

/** A line of `kbps` that loses the packets in `lost`. */
function through(train: ProbeTrain, kbps: number, lost: readonly number[] = []): void {
  let us = 1_000_000;
  for (const [index, packet] of train.packets().entries()) {
    us += ((packet.byteLength + 85) * 8 * 1000) / kbps;
    if (!lost.includes(index)) train.take(stamp(packet, Math.round(us)));
  }
}

it.each([300, 500, 1_000, 2_000, 8_000])('reads %i kbit/s from the spread', (kbps) => {
  const train = new ProbeTrain(7);
  through(train, kbps);
  const rate = train.rate();
  expect(rate?.atLeast).toBe(false);
  expect(Math.abs((rate?.kbps ?? 0) / kbps - 1)).toBeLessThan(0.02);
  expect(rate?.loss).toBe(0);
});

it('says "at least" where no limit showed', () => {
  const train = new ProbeTrain(7);
  through(train, 1_000_000);
  expect(train.rate()).toEqual({ kbps: 19_760, atLeast: true, loss: 0 });
});

it('takes one gap that stands out for a pause of the sender, not for the line', () => {
  const train = new ProbeTrain(7);
  for (const [index, packet] of train.packets().entries())
    train.take(stamp(packet, index * 5_000 + (index > 4 ? 60_000 : 0)));
  expect(train.rate()?.kbps).toBe(1_976);
});

it('never says more than the line has when packets are lost', () => {
  const train = new ProbeTrain(7);
  through(train, 1_000, [3, 4]);
  expect(train.rate()?.kbps).toBeLessThanOrEqual(1_000);
  expect(train.rate()?.loss).toBeCloseTo(0.2);
});

it('is silent with too few stamps, and hears only its own', () => {
  const train = new ProbeTrain(7);
  through(train, 1_000, [0, 1, 2, 3, 4, 5, 6]);
  expect(train.rate()).toBeNull();
  const other = new ProbeTrain(8);
  expect(other.take(stamp(train.packets()[0] as ArrayBuffer, 1))).toBe(false);
  expect(other.take(new ArrayBuffer(5))).toBe(false);
});

it('waits no longer than its patience', async () => {
  vi.useFakeTimers();
  const sent: ArrayBuffer[] = [];
  const end = vi.fn();
  const probing = probeUplink({ readyState: 'open', send: (data) => sent.push(data) }, () => end);
  vi.advanceTimersByTime(1_500);
  await expect(probing).resolves.toBeNull();
  expect(sent).toHaveLength(10);
  expect(end).toHaveBeenCalledOnce();
  await expect(probeUplink({ readyState: 'closed', send: () => {} }, () => end)).resolves.toBeNull();
  vi.useRealTimers();
});
