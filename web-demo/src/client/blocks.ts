// Telemetry blocks on their way: the lanes of one leg, cut by seconds, packed, numbered, kept until the server has them on
// disk, bounded.

import { BLOCK_BYTES_MAX, type Block, type Leg } from '../protocol/generated.ts';
import { base64, randomId } from './base64.ts';
import type { Connection } from './connection.ts';
import { firstTime, halves, type LaneName, type Lanes, type Packed, pack, packPlain, type Sample } from './lanes.ts';

/** Seconds in a block (docs/protocol.md). */
export const SECONDS_PER_BLOCK = 5;
/** Blocks kept while the server is away: ten minutes. The oldest go first; the newest seconds explain a complaint best. */
const BLOCKS_KEPT_MAX = 120;

/** Blocks that may be under way at once, so that a long outage's telemetry does not crowd out the chat. */
const IN_FLIGHT_MAX = 8;

/** Cuts the lanes of one leg into blocks and sees them to the server. */
export class BlockSender {
  /** Seconds in a block from now on. */
  seconds = SECONDS_PER_BLOCK;
  readonly #connection: Connection;
  readonly #header: Pick<Block, 'leg' | 'call' | 'conversation'>;
  readonly #source = randomId();
  #lanes: Partial<Record<LaneName, Sample[]>> = {};
  #secondsHeld = 0;
  /** Lanes that are being deflated, in their order. */
  #packing: Lanes[] = [];
  #packed: Promise<void> = Promise.resolve();
  #unacked: Block[] = [];
  #inFlight = new Set<number>();
  #seq = 0;
  #finished = false;
  readonly #ready: () => boolean;
  readonly #ends: (() => void)[];

  /** `ready`: whether the server would take blocks now; until then they are held. Call `pump` when that changes. */
  constructor(
    connection: Connection,
    header: { leg: Leg; call?: string; conversation?: string },
    ready: () => boolean = () => true,
  ) {
    this.#connection = connection;
    this.#header = header;
    this.#ready = ready;
    this.#ends = [
      connection.on('welcome', () => this.#resend()),
      connection.on('message', (message) => {
        if (message.t === 'block_ack' && message.source === this.#source && message.leg === header.leg) {
          this.#acked(message.seq);
        }
      }),
    ];
  }

  /** Takes a sample or an event of a lane. */
  push(lane: LaneName, sample: Sample): void {
    let samples = this.#lanes[lane];
    if (!samples) {
      samples = [];
      this.#lanes[lane] = samples;
    }
    samples.push(sample);
  }

  /** All samples of a second were pushed: a full block is sent. */
  endSecond(): void {
    this.#secondsHeld += 1;
    if (this.#secondsHeld >= this.seconds) void this.flush();
  }

  /** Takes what was kept before, such as a ring buffer, and sends it. */
  pushAll(lanes: Lanes): void {
    for (const [lane, samples] of Object.entries(lanes) as [LaneName, readonly Sample[]][]) {
      for (const sample of samples) this.push(lane, sample);
    }
    void this.flush();
  }

  /** Sends what is there, full or not. Settled when it is on its way, or held as the server is not there. */
  flush(): Promise<void> {
    const lanes = this.#taken();
    if (!lanes) return this.#packed;
    this.#packing.push(lanes);
    // One after another, so that blocks are numbered in the order of their times.
    this.#packed = this.#packed.then(async () => {
      const packed = await pack(lanes);
      // Taken out meanwhile by a page that goes.
      if (this.#packing[0] !== lanes) return;
      this.#packing.shift();
      if (packed.bytes.length <= BLOCK_BYTES_MAX) this.#add(lanes, packed);
      else this.#addPlain(lanes);
    });
    return this.#packed;
  }

  /** Sends what is there in this very task, since there may be none after it: the page goes away. */
  flushNow(): void {
    const lanes = this.#taken();
    const waiting = this.#packing.splice(0);
    for (const one of lanes ? [...waiting, lanes] : waiting) this.#addPlain(one);
  }

  /** Blocks that the server has not confirmed. */
  get unackedCount(): number {
    return this.#unacked.length + this.#packing.length;
  }

  /** Flushes; what is unacknowledged is still sent again over breaks until it is acknowledged, then this ends itself. */
  finish(): void {
    this.#finished = true;
    void this.flush().then(() => this.#endWhenDone());
  }

  /** Sends what may be sent. */
  pump(): void {
    if (!this.#ready()) return;
    for (const block of this.#unacked) {
      if (this.#inFlight.size >= IN_FLIGHT_MAX) return;
      if (this.#inFlight.has(block.seq)) continue;
      if (!this.#connection.send({ t: 'block', ...block })) return;
      this.#inFlight.add(block.seq);
    }
  }

  #taken(): Lanes | null {
    const lanes = this.#lanes;
    this.#lanes = {};
    this.#secondsHeld = 0;
    return Object.keys(lanes).length === 0 ? null : lanes;
  }

  /** Lanes that do not fit into one block, which happens after long outages alone, are cut in two until they do. */
  #addPlain(lanes: Lanes): void {
    const packed = packPlain(lanes);
    if (packed.bytes.length <= BLOCK_BYTES_MAX) {
      this.#add(lanes, packed);
      return;
    }
    for (const half of halves(lanes) ?? []) this.#addPlain(half);
  }

  #add(lanes: Lanes, { codec, bytes }: Packed): void {
    const t0_ms = firstTime(lanes);
    if (t0_ms === null) return;
    this.#unacked.push({ ...this.#header, source: this.#source, seq: this.#seq++, t0_ms, codec, bytes: base64(bytes) });
    if (this.#unacked.length > BLOCKS_KEPT_MAX) this.#inFlight.delete(this.#unacked.shift()?.seq ?? -1);
    this.pump();
  }

  #acked(seq: number): void {
    this.#unacked = this.#unacked.filter((block) => block.seq !== seq);
    this.#inFlight.delete(seq);
    this.pump();
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#finished && this.unackedCount === 0) for (const end of this.#ends) end();
  }

  #resend(): void {
    this.#inFlight.clear();
    this.pump();
  }
}
