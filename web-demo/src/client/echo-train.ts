// A train of small datagrams sent evenly, each stamped by the server (docs/protocol.md, channel `fast`): round trip, and loss and
// jitter of each direction. Pure but for `runEchoes`.

import type { ProbeChannel } from './probe.ts';

/** Time between two probes, ms: fifty a second. */
const EACH_MS = 20;
/** Size of a probe, bytes: that of a frame of speech. */
const PROBE_BYTES = 80;
/** Probes that are sent at once when timers were late; more would be a burst that fills a queue by itself. */
const AT_ONCE_MAX = 5;
/** Probes of a train: twenty seconds. */
const PROBES_MAX = 1_000;
/** Fewer stamps say nothing of jitter and loss. */
const STAMPS_MIN = 8;

const PROBE = 3;
const STAMP = 4;
const STAMP_BYTES = 17;

/** One direction. */
export interface EchoDirection {
  /** Share of packets lost, 0 to 1. */
  loss: number;
  /** Mean difference of the ways of two packets in a row, ms. */
  jitterMs: number;
}

/** What a train told. */
export interface EchoFacts {
  /** Median, ms. */
  rttMs: number;
  up: EchoDirection;
  down: EchoDirection;
}

interface Stamp {
  sentMs: number;
  /** By the server's clock, which begins anywhere, ms. */
  arrivedMs: number;
  backMs: number;
  /** Probes of the train that had arrived by then, this one included. */
  count: number;
}

/** One train. Times are ms of a steady clock of ours. */
export class EchoTrain {
  readonly #train: number;
  readonly #sent: number[] = [];
  readonly #stamps = new Map<number, Stamp>();

  constructor(train: number) {
    this.#train = train >>> 0;
  }

  /** Probes sent so far: the index of the next. */
  get sent(): number {
    return this.#sent.length;
  }

  /** Stamps that came back. */
  get received(): number {
    return this.#stamps.size;
  }

  /** The next probe, sent now. */
  probe(nowMs: number): ArrayBuffer {
    const view = new DataView(new ArrayBuffer(PROBE_BYTES));
    view.setUint8(0, PROBE);
    view.setUint32(1, this.#train);
    view.setUint16(5, this.#sent.length);
    this.#sent.push(nowMs);
    return view.buffer;
  }

  /** Takes a message of the channel that came now. */
  take(message: ArrayBuffer, nowMs: number): void {
    if (message.byteLength !== STAMP_BYTES) return;
    const view = new DataView(message);
    if (view.getUint8(0) !== STAMP || view.getUint32(1) !== this.#train) return;
    const index = view.getUint16(5);
    const sentMs = this.#sent[index];
    if (sentMs === undefined || this.#stamps.has(index)) return;
    const arrivedMs = Number(view.getBigUint64(9)) / 1000;
    this.#stamps.set(index, { sentMs, arrivedMs, backMs: nowMs, count: view.getUint16(7) });
  }

  /** Median round trip of the probes from index `from` on, ms; null when too few came back. */
  rttMs(from = 0, to = Number.POSITIVE_INFINITY): number | null {
    const times = [...this.#stamps].filter(([index]) => index >= from && index < to);
    const sorted = times.map(([, { sentMs, backMs }]) => backMs - sentMs).sort((a, b) => a - b);
    return sorted.length < STAMPS_MIN / 2 ? null : (sorted[Math.floor(sorted.length / 2)] ?? null);
  }

  /**
   * Loss and jitter of the probes before index `to`; null when too few came back. How many arrived is told by the newest stamp
   * that came back: what was lost after it can be said of neither direction.
   */
  directions(to = Number.POSITIVE_INFINITY): Pick<EchoFacts, 'up' | 'down'> | null {
    const stamps = [...this.#stamps].filter(([index]) => index < to).sort(([a], [b]) => a - b);
    if (stamps.length < STAMPS_MIN) return null;
    const [lastIndex] = stamps.at(-1) ?? [0];
    const arrived = stamps.reduce((most, [, { count }]) => Math.max(most, count), 0);
    const share = (missing: number, of: number) => (of > 0 ? Math.max(0, missing) / of : 0);
    return {
      up: {
        loss: share(lastIndex + 1 - arrived, lastIndex + 1),
        jitterMs: jitter(stamps, (one) => one.arrivedMs - one.sentMs),
      },
      down: {
        loss: share(arrived - stamps.length, arrived),
        jitterMs: jitter(stamps, (one) => one.backMs - one.arrivedMs),
      },
    };
  }
}

/** Mean difference of the ways of neighbours; the offset of the two clocks falls out. */
function jitter(stamps: readonly [number, Stamp][], way: (one: Stamp) => number): number {
  let sum = 0;
  let pairs = 0;
  for (let n = 1; n < stamps.length; n++) {
    const [before, now] = [stamps[n - 1], stamps[n]];
    if (!before || !now || now[0] !== before[0] + 1) continue;
    sum += Math.abs(way(now[1]) - way(before[1]));
    pairs += 1;
  }
  return pairs === 0 ? 0 : Math.round((sum / pairs) * 100) / 100;
}

/** Sends probes of a train evenly until stopped. Returns what stops it. */
export function runEchoes(channel: ProbeChannel, train: EchoTrain): () => void {
  const beganMs = performance.now();
  const first = train.sent;
  const due = () => {
    if (channel.readyState !== 'open') return;
    const now = performance.now();
    const wanted = Math.min(PROBES_MAX, first + Math.floor((now - beganMs) / EACH_MS) + 1);
    for (let n = 0; n < AT_ONCE_MAX && train.sent < wanted; n++) channel.send(train.probe(now));
  };
  due();
  const timer = setInterval(due, EACH_MS);
  return () => clearInterval(timer);
}
