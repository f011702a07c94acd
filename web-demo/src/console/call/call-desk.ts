// Owns the agent's end of calls: the warm media connection, the picture on the one video element, the report of the first
// frame, the samples of this end and the notice when the picture stands still. It never touches the layout.

import type { AgentSession } from '../../client/agent.ts';
import { readTicket } from '../../client/api.ts';
import { backoffMs } from '../../client/backoff.ts';
import { localNowMs } from '../../client/clock.ts';
import { Store } from '../../client/emitter.ts';
import { MediaPeer, type MediaState } from '../../client/media.ts';
import { StatsCollector } from '../../client/stats.ts';
import type { CallId, CallState, ConversationId } from '../../protocol/generated.ts';
import { numberAt, type Sample } from '../telemetry/rates.ts';
import { FrameWatch } from './frame-watch.ts';
import { withSample } from './live-facts.ts';

/** How often the freeze notice is reconsidered, ms. */
const WATCH_MS = 250;
/** How often and how far apart the ticket is asked for the connect time, which the server computes. */
const CONNECT_TRIES_MAX = 4;
const CONNECT_TRY_MS = 1_200;

/** What the console shows of the own call. */
export interface CallView {
  /** The own call that is invited, connecting or live. */
  readonly call: CallState | null;
  /** Whether this call's picture was seen. */
  readonly shown: boolean;
  /** For how long the picture has not moved, ms; `null` while it does. */
  readonly frozen_ms: number | null;
  /** Where the media connection stands. */
  readonly media: MediaState;
  /** The last minute's samples of this end. */
  readonly samples: readonly Sample[];
  /** `consent_to_first_frame_ms` of the ticket, once known. */
  readonly first_frame_ms: number | null;
}

const NO_CALL: Pick<CallView, 'shown' | 'frozen_ms' | 'samples' | 'first_frame_ms'> = {
  shown: false,
  frozen_ms: null,
  samples: [],
  first_frame_ms: null,
};

/** The agent's end of calls. */
export class CallDesk {
  /** What is shown. */
  readonly view = new Store<CallView>({ call: null, media: 'new', ...NO_CALL });
  readonly #session: AgentSession;
  readonly #frames = new FrameWatch();
  readonly #ends: (() => void)[] = [];
  #video: HTMLVideoElement | null = null;
  #peer: MediaPeer | null = null;
  #boot = '';
  #collector: { call: CallId; peer: MediaPeer; stats: StatsCollector } | null = null;
  #decodedAtStart: number | null = null;
  #reported: CallId | null = null;
  #frameRequest = 0;
  /** Frames received before this moment belong to an earlier call, ms of `performance.now()`. */
  #ignoreBeforeMs = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #watchTimer: ReturnType<typeof setInterval> | undefined;
  #failures = 0;

  constructor(session: AgentSession) {
    this.#session = session;
    const onVisible = () => this.#frames.restart(performance.now());
    document.addEventListener('visibilitychange', onVisible);
    this.#ends.push(
      () => document.removeEventListener('visibilitychange', onVisible),
      session.connection.on('welcome', (welcome) => this.#welcomed(welcome.boot)),
      session.state.subscribe(() => this.#follow()),
      session.on('mediaRestart', () => void this.#peer?.restartIce()),
      session.on('mediaClosed', () => this.#remakeSoon()),
    );
  }

  /** Takes the one video element, when it appears, and lets it go with `null`. */
  attach(video: HTMLVideoElement | null): void {
    if (video === this.#video) return;
    this.#video = video;
    this.#showPicture();
  }

  /** Ends everything. */
  close(): void {
    for (const end of this.#ends) end();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#connectTimer);
    this.#callOver();
    this.#peer?.close();
    this.#peer = null;
  }

  #welcomed(boot: string): void {
    const running = this.#collector !== null && this.#peer?.state.get() === 'connected';
    const kept = running && boot === this.#boot;
    this.#boot = boot;
    if (!kept) this.#makePeer();
  }

  #makePeer(): void {
    clearTimeout(this.#retryTimer);
    this.#peer?.close();
    const { videoCodecs } = this.#session.state.get();
    const peer = new MediaPeer({ offer: this.#session.mediaOffers(), videoCodecs });
    this.#peer = peer;
    peer.state.subscribe(() => {
      if (this.#peer !== peer) return;
      const media = peer.state.get();
      this.#set({ media });
      if (media === 'connected') this.#failures = 0;
      if (media === 'failed') this.#remakeSoon();
    });
    this.#set({ media: peer.state.get() });
    // A refusal ends in `failed`, which is answered above.
    peer.connect().catch(() => {});
    this.#showPicture();
  }

  /** Tries again by and by; without a connection the next welcome does it. */
  #remakeSoon(): void {
    clearTimeout(this.#retryTimer);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => {
      if (this.#session.connection.state.get().kind === 'open') this.#makePeer();
    }, backoffMs(this.#failures));
  }

  /** The session's state changed: is there another call, another stage, another slot? */
  #follow(): void {
    const before = this.view.get().call;
    const call = this.#ownCall();
    if (call?.id !== before?.id) {
      this.#callOver();
      this.#set({ call, ...NO_CALL });
    } else if (call !== before) {
      this.#set({ call });
    }
    if (call === null || call.stage === 'invited') return;
    this.#collect(call);
    this.#showPicture();
    if (call.stage === 'live' && before?.stage !== 'live') this.#askConnectTime(call, 0);
  }

  #ownCall(): CallState | null {
    const { calls, user } = this.#session.state.get();
    for (const call of calls.values()) {
      if (call.agent === user && user !== '' && call.stage !== 'ended') return call;
    }
    return null;
  }

  #callOver(): void {
    void this.#collector?.stats.stop();
    this.#collector = null;
    this.#decodedAtStart = null;
    clearTimeout(this.#connectTimer);
    clearInterval(this.#watchTimer);
    this.#frames.clear();
    this.#ignoreBeforeMs = performance.now();
    if (this.#video !== null) {
      this.#video.cancelVideoFrameCallback?.(this.#frameRequest);
      this.#video.srcObject = null;
    }
    this.#frameRequest = 0;
  }

  #collect(call: CallState): void {
    const peer = this.#peer;
    if (peer === null) return;
    if (this.#collector?.call === call.id && this.#collector.peer === peer) return;
    void this.#collector?.stats.stop();
    const stats = new StatsCollector({
      pc: peer.pc,
      leg: 'agent_down',
      mid: () => this.#mid(call.id),
      clock: this.#session.connection.clock,
      blocks: this.#session.callBlocks(call.conversation, call.id),
      onSample: (sample) => this.#sampled(call.id, sample),
    });
    this.#collector = { call: call.id, peer, stats };
    this.#decodedAtStart = null;
    stats.start();
    clearInterval(this.#watchTimer);
    this.#watchTimer = setInterval(() => this.#watch(), WATCH_MS);
  }

  #mid(call: CallId): string | null {
    const slots = this.#session.state.get().slots.filter((slot) => slot.call === call);
    return (
      (slots.find((slot) => slot.source === 'screen') ?? slots.find((slot) => slot.source === 'camera'))?.mid ?? null
    );
  }

  /** Puts the call's track on the video element, once: putting it there again would blank it. */
  #showPicture(): void {
    const { call } = this.view.get();
    const video = this.#video;
    if (video === null || call === null || call.stage === 'invited') return;
    const mid = this.#mid(call.id);
    const track = mid === null ? null : (this.#peer?.received(mid) ?? null);
    if (track === null) return;
    const stream = video.srcObject instanceof MediaStream ? video.srcObject : null;
    if (stream?.getVideoTracks()[0] !== track) video.srcObject = new MediaStream([track]);
    // Refused only where a page may not play at all; the element's own autoplay then tries again.
    void video.play().catch(() => {});
    if (this.#frameRequest === 0) this.#awaitFrame(video, call.id);
  }

  #awaitFrame(video: HTMLVideoElement, call: CallId): void {
    if (!('requestVideoFrameCallback' in video)) return;
    this.#frameRequest = video.requestVideoFrameCallback((now, frame) => {
      if (this.view.get().call?.id !== call || this.#video !== video) return;
      const old = frame.receiveTime !== undefined && frame.receiveTime < this.#ignoreBeforeMs;
      if (!old) {
        this.#frames.frame(now);
        this.#firstFrame(call, performance.timeOrigin + Math.min(now, frame.presentationTime));
      }
      this.#awaitFrame(video, call);
    });
  }

  #firstFrame(call: CallId, atLocalMs: number): void {
    if (!this.view.get().shown) this.#set({ shown: true });
    if (this.#reported === call) return;
    if (this.#session.connection.state.get().kind !== 'open') return;
    this.#reported = call;
    this.#session.phase(call, 'first_frame', atLocalMs);
  }

  #sampled(call: CallId, sample: Sample): void {
    if (this.view.get().call?.id !== call) return;
    this.#set({ samples: withSample(this.view.get().samples, sample) });
    const decoded = numberAt(sample, 'video.framesDecoded');
    if (decoded === null) return;
    this.#decodedAtStart ??= decoded;
    // A hidden page is told of no frames; there the decoder's count is the witness, at most a second late.
    if (document.hidden && decoded > this.#decodedAtStart) this.#firstFrame(call, localNowMs());
  }

  #watch(): void {
    const frozen = document.hidden ? null : this.#frames.frozenFor(performance.now());
    const shown = frozen === null ? null : Math.floor(frozen / 1000) * 1000;
    if (shown !== this.view.get().frozen_ms) this.#set({ frozen_ms: shown });
  }

  /** The server puts the connect time together from both ends; it is on the ticket a moment after the first frame. */
  #askConnectTime(call: CallState, tries: number): void {
    const ticket = this.#ticketOf(call.conversation);
    if (ticket === undefined || tries >= CONNECT_TRIES_MAX) return;
    this.#connectTimer = setTimeout(
      async () => {
        if (this.view.get().call?.id !== call.id) return;
        const known = await readTicket(ticket)
          .then((answer) => answer.calls.find((one) => one.id === call.id)?.connect.consent_to_first_frame_ms ?? null)
          .catch(() => null);
        if (this.view.get().call?.id !== call.id) return;
        if (known === null) this.#askConnectTime(call, tries + 1);
        else this.#set({ first_frame_ms: known });
      },
      CONNECT_TRY_MS * (tries === 0 ? 0.5 : 1),
    );
  }

  #ticketOf(conversation: ConversationId): number | undefined {
    return this.#session.state.get().conversations.get(conversation)?.ticket;
  }

  #set(change: Partial<CallView>): void {
    this.view.update((view) => ({ ...view, ...change }));
  }
}
