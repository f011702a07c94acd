// Measures the uplink with one short train of datagrams on the data channel `fast` (docs/protocol.md): how far a slow line
// spreads them says what it carries. 13 KB once while the consent card is read: a hundredth of what a picture costs.

/** Datagrams of a train. dcSCTP sends about ten at once; the rest leave as the first ones are acknowledged. */
const TRAIN_PACKETS = 10;
/** Size of each, bytes: with SCTP, DTLS, UDP and IP around it just below 1,280. */
const PACKET_BYTES = 1_150;
/** Bytes that a line carries for each beyond it: SCTP 28, DTLS 29, UDP 8, IP 20. */
const OVERHEAD_BYTES = 85;
/** Fewer stamps than this say nothing. */
const STAMPS_MIN = 4;
/** A train spread over less than this ran into no limit that we could tell from the noise of two clocks, ms. */
const SPREAD_MIN_MS = 4;
/** A train whose stamps are not there by then is judged by those that are, ms. */
const PATIENCE_MS = 1_500;

const PROBE = 3;
const STAMP = 4;
const STAMP_BYTES = 17;

/** What a train told. */
export interface UplinkRate {
  /** Rate of the uplink, kbit/s on the wire. */
  kbps: number;
  /** True when the line showed no limit: it carries at least this. */
  atLeast: boolean;
  /** Share of the train that did not arrive, 0 to 1. */
  loss: number;
}

/** One train: what to send, and what came of it. */
export class ProbeTrain {
  readonly #train: number;
  /** Time of arrival at the server by index, µs of its clock. */
  readonly #arrivals = new Map<number, number>();

  constructor(train: number) {
    this.#train = train >>> 0;
  }

  /** The datagrams, in order. */
  packets(): ArrayBuffer[] {
    return Array.from({ length: TRAIN_PACKETS }, (_, index) => {
      const packet = new ArrayBuffer(PACKET_BYTES);
      const view = new DataView(packet);
      view.setUint8(0, PROBE);
      view.setUint32(1, this.#train);
      view.setUint16(5, index);
      return packet;
    });
  }

  /** Takes a message of the channel; true when it was a stamp of this train. */
  take(message: ArrayBuffer): boolean {
    if (message.byteLength !== STAMP_BYTES) return false;
    const view = new DataView(message);
    if (view.getUint8(0) !== STAMP || view.getUint32(1) !== this.#train) return false;
    this.#arrivals.set(view.getUint16(5), Number(view.getBigUint64(9)));
    return true;
  }

  /** All of the train was stamped. */
  get complete(): boolean {
    return this.#arrivals.size === TRAIN_PACKETS;
  }

  /** What the stamps say; null when there are too few. */
  rate(): UplinkRate | null {
    const times = [...this.#arrivals.values()].sort((a, b) => a - b);
    if (times.length < STAMPS_MIN) return null;
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? time));
    // A slow line spreads all of them alike; one gap that stands out is a browser or a server that was busy.
    const spreadMs = (sum(gaps) - Math.max(...gaps)) / 1000;
    const bits = (gaps.length - 1) * (PACKET_BYTES + OVERHEAD_BYTES) * 8;
    const loss = 1 - times.length / TRAIN_PACKETS;
    if (spreadMs < SPREAD_MIN_MS) return { kbps: Math.round(bits / SPREAD_MIN_MS), atLeast: true, loss };
    return { kbps: Math.round(bits / spreadMs), atLeast: false, loss };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A channel as far as a probe needs it. */
export interface ProbeChannel {
  readonly readyState: string;
  send(data: ArrayBuffer): void;
}

/**
 * Sends a train on an open channel; `onMessage` registers for the channel's binary messages and returns what ends that.
 * Null when the channel is not open or too little came back.
 */
export function probeUplink(
  channel: ProbeChannel,
  onMessage: (listener: (message: ArrayBuffer) => void) => () => void,
): Promise<UplinkRate | null> {
  if (channel.readyState !== 'open') return Promise.resolve(null);
  const train = new ProbeTrain(Math.random() * 2 ** 32);
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      end();
      resolve(train.rate());
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    const end = onMessage((message) => {
      if (train.take(message) && train.complete) finish();
    });
    for (const packet of train.packets()) channel.send(packet);
  });
}
