// The agent's media: one warm connection for all calls, made again whenever it is lost, with a picture per call and its
// statistics.

import type { CallId, CallState, ConversationId } from '../protocol/generated.ts';
import type { AgentSession } from './agent.ts';
import { backoffMs } from './backoff.ts';
import type { Sample } from './blocks.ts';
import { Store } from './emitter.ts';
import { MediaPeer, type MediaState } from './media.ts';
import { StatsCollector } from './stats.ts';

interface RunningStats {
  collector: StatsCollector;
  peer: MediaPeer;
}

/** The agent's end of every call. */
export class AgentMedia {
  /** Where the connection stands. */
  readonly state = new Store<MediaState>('new');
  /** The picture of each call. A stream object stays the same as long as its tracks do. */
  readonly streams = new Store<ReadonlyMap<CallId, MediaStream>>(new Map());
  /** The newest sample of each running call. */
  readonly samples = new Store<ReadonlyMap<CallId, Sample>>(new Map());
  readonly #session: AgentSession;
  readonly #stats = new Map<CallId, RunningStats>();
  readonly #firstFrames = new Set<CallId>();
  #peer: MediaPeer | null = null;
  #boot = '';
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ends: (() => void)[] = [];

  constructor(session: AgentSession) {
    this.#session = session;
  }

  /** Starts: connects now or as soon as the session does. */
  start(): void {
    if (this.#ends.length > 0) return;
    const { connection } = this.#session;
    this.#ends = [
      connection.on('welcome', ({ boot }) => this.#welcomed(boot)),
      this.#session.on('mediaRestart', () => void this.#peer?.restartIce()),
      this.#session.on('mediaClosed', () => this.#rebuild()),
      this.#session.state.subscribe(() => this.#follow()),
    ];
    if (connection.state.get().kind === 'open') this.#welcomed(this.#session.state.get().boot);
  }

  /** Ends everything. */
  stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
    clearTimeout(this.#retry);
    for (const { collector } of this.#stats.values()) void collector.stop();
    this.#stats.clear();
    this.#peer?.close();
    this.#peer = null;
    this.streams.set(new Map());
  }

  /** Round trip of a datagram to the server, ms; null when there is none. */
  echo(): Promise<number | null> {
    return this.#peer?.echo() ?? Promise.resolve(null);
  }

  /** True while both data channels to the server are open. */
  get channelsOpen(): boolean {
    return this.#peer?.channelsOpen ?? false;
  }

  /** Reports `first_frame` at the next frame that `video`, which shows the call's stream, presents. Returns what ends it. */
  watchFirstFrame(call: CallId, video: HTMLVideoElement): () => void {
    if (this.#firstFrames.has(call)) return () => {};
    const handle = video.requestVideoFrameCallback((now) => this.#firstFrame(call, performance.timeOrigin + now));
    return () => video.cancelVideoFrameCallback(handle);
  }

  #firstFrame(call: CallId, localMs?: number): void {
    if (this.#firstFrames.has(call)) return;
    this.#firstFrames.add(call);
    this.#session.phase(call, 'first_frame', localMs);
  }

  #welcomed(boot: string): void {
    const restarted = boot !== this.#boot;
    this.#boot = boot;
    this.#attempt = 0;
    // The server forgets a connection with its process; otherwise it is looked after by ICE.
    if (restarted || !this.#peer || this.#peer.state.get() === 'failed') this.#rebuild();
  }

  #rebuild(): void {
    clearTimeout(this.#retry);
    this.#peer?.close();
    this.#peer = null;
    if (this.#session.connection.state.get().kind !== 'open') return;
    const peer = new MediaPeer({
      offer: this.#session.mediaOffers(),
      videoCodecs: this.#session.state.get().videoCodecs,
    });
    this.#peer = peer;
    peer.state.subscribe(() => {
      if (this.#peer !== peer) return;
      const now = peer.state.get();
      this.state.set(now);
      if (now === 'connected') this.#attempt = 0;
      if (now === 'failed') this.#rebuildLater();
    });
    peer.connect().then(
      () => this.#follow(),
      () => {
        // Told by the state `failed`.
      },
    );
  }

  #rebuildLater(): void {
    clearTimeout(this.#retry);
    this.#attempt += 1;
    this.#retry = setTimeout(() => this.#rebuild(), backoffMs(this.#attempt));
  }

  /** Brings pictures and statistics in line with slots and calls. */
  #follow(): void {
    const { slots, calls } = this.#session.state.get();
    const before = this.streams.get();
    const streams = new Map<CallId, MediaStream>();
    for (const call of new Set(slots.map((slot) => slot.call))) {
      const tracks = slots.filter((slot) => slot.call === call).flatMap((slot) => this.#peer?.received(slot.mid) ?? []);
      if (tracks.length > 0) streams.set(call, sameStream(before.get(call), tracks));
    }
    const same = streams.size === before.size && [...streams].every(([call, stream]) => before.get(call) === stream);
    if (!same) this.streams.set(streams);
    for (const [conversation, call] of calls) this.#followStats(conversation, call);
  }

  #followStats(conversation: ConversationId, call: CallState): void {
    const running = this.#stats.get(call.id);
    const wanted = (call.stage === 'connecting' || call.stage === 'live') && this.#peer !== null;
    if (running && (!wanted || running.peer !== this.#peer)) {
      void running.collector.stop();
      this.#stats.delete(call.id);
    }
    if (call.stage === 'ended') this.#forget(call.id);
    if (!wanted || !this.#peer || this.#stats.has(call.id)) return;
    const collector = new StatsCollector({
      pc: this.#peer.pc,
      leg: 'agent_down',
      mid: () => this.#midOf(call.id),
      clock: this.#session.connection.clock,
      blocks: this.#session.callBlocks(conversation, call.id),
      onSample: (sample) => this.#sampled(call.id, sample),
    });
    this.#stats.set(call.id, { collector, peer: this.#peer });
    collector.start();
  }

  #sampled(call: CallId, sample: Sample): void {
    const before = this.samples.get().get(call);
    this.samples.set(new Map(this.samples.get()).set(call, sample));
    // A hidden page presents no frames; that one was decoded is then seen here, up to a second late.
    if (document.visibilityState === 'hidden' && before && framesDecoded(sample) > framesDecoded(before)) {
      this.#firstFrame(call);
    }
  }

  #forget(call: CallId): void {
    this.#firstFrames.delete(call);
    if (!this.samples.get().has(call)) return;
    const samples = new Map(this.samples.get());
    samples.delete(call);
    this.samples.set(samples);
  }

  #midOf(call: CallId): string | null {
    const { slots } = this.#session.state.get();
    return slots.find((slot) => slot.call === call && slot.source !== 'audio')?.mid ?? null;
  }
}

function framesDecoded(sample: Sample): number {
  return Number((sample.video as { framesDecoded?: number } | undefined)?.framesDecoded ?? 0);
}

function sameStream(before: MediaStream | undefined, tracks: MediaStreamTrack[]): MediaStream {
  const held = before?.getTracks() ?? [];
  const same = held.length === tracks.length && tracks.every((track) => held.includes(track));
  return before && same ? before : new MediaStream(tracks);
}
