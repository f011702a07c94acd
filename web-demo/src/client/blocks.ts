// Telemetry blocks on their way: five samples each, numbered, kept until the server has them on disk, bounded.

import { BLOCK_BYTES_MAX, type Block, type Leg } from '../protocol/generated.ts';
import { base64, randomId } from './base64.ts';
import type { Connection } from './connection.ts';

/** Samples in a block: five seconds (docs/protocol.md). */
const SAMPLES_PER_BLOCK = 5;
/** Blocks kept while the server is away: ten minutes. The oldest go first; the newest seconds explain a complaint best. */
const BLOCKS_KEPT_MAX = 120;

/** Blocks that may be under way at once, so that a long outage's telemetry does not crowd out the chat. */
const IN_FLIGHT_MAX = 8;

/** One second of measurements. `t` is a whole second of the server's clock, in ms. */
export interface Sample {
  readonly t: number;
  readonly [member: string]: unknown;
}

/** Cuts samples of one leg into blocks and sees them to the server. */
export class BlockSender {
  readonly #connection: Connection;
  readonly #header: Pick<Block, 'leg' | 'call' | 'conversation'>;
  readonly #source = randomId();
  #samples: Sample[] = [];
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

  /** Takes a sample; a full block is sent. */
  push(sample: Sample): void {
    this.#samples.push(sample);
    if (this.#samples.length >= SAMPLES_PER_BLOCK) this.flush();
  }

  /** Takes samples of the past, such as a ring buffer's, and sends them. */
  pushAll(samples: readonly Sample[]): void {
    for (const sample of samples) this.push(sample);
  }

  /** Sends what is there, full or not: the call ended, or the page is going away. */
  flush(): void {
    const first = this.#samples[0];
    if (!first) return;
    const bytes = new TextEncoder().encode(JSON.stringify(this.#samples));
    this.#samples = [];
    // Never so large with our own samples; a block over the bound would be refused for ever.
    if (bytes.length > BLOCK_BYTES_MAX) return;
    const block: Block = {
      ...this.#header,
      source: this.#source,
      seq: this.#seq++,
      t0_ms: first.t,
      codec: 'json1',
      bytes: base64(bytes),
    };
    this.#unacked.push(block);
    if (this.#unacked.length > BLOCKS_KEPT_MAX) this.#inFlight.delete(this.#unacked.shift()?.seq ?? -1);
    this.pump();
  }

  /** Blocks that the server has not confirmed. */
  get unackedCount(): number {
    return this.#unacked.length;
  }

  /** Flushes; what is unacknowledged is still sent again over breaks until it is acknowledged, then this ends itself. */
  finish(): void {
    this.flush();
    this.#finished = true;
    this.#endWhenDone();
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

  #acked(seq: number): void {
    this.#unacked = this.#unacked.filter((block) => block.seq !== seq);
    this.#inFlight.delete(seq);
    this.pump();
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#finished && this.#unacked.length === 0) for (const end of this.#ends) end();
  }

  #resend(): void {
    this.#inFlight.clear();
    this.pump();
  }
}
