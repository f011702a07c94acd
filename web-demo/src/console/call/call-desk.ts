// Owns the agent's end of calls: which call runs here, its picture on the element made for it, the reports of the first frame
// and of the legible picture, the samples of this end and the notice when the picture stands still. It never touches the
// layout.

import type { AgentSession } from '../../client/agent.ts';
import type { PictureReading } from '../../client/agent-arrival.ts';
import { readTicket } from '../../client/api.ts';
import type { BlockSender } from '../../client/blocks.ts';
import { Store } from '../../client/emitter.ts';
import type { MediaPeer, MediaState } from '../../client/media.ts';
import { StatsCollector } from '../../client/stats.ts';
import { DeviceSampler } from '../../client/watch/device.ts';
import type { CallId, CallState, ConversationId, SlotAssignment, SlotSource } from '../../protocol/generated.ts';
import type { Sample } from '../telemetry/rates.ts';
import { AgentPeer } from './agent-peer.ts';
import { Arrivals, readPictures } from './arrivals.ts';
import { FrameWatch } from './frame-watch.ts';
import { Hearing } from './hearing.ts';
import { LineTrouble } from './line-trouble.ts';
import { withSample } from './live-facts.ts';
import { runningHere, waitingHere } from './own-calls.ts';
import { PICTURE_SOURCES, PictureElements, type PictureSource, pictureSource } from './picture-elements.ts';
import { Speaking } from './speaking.ts';
import { SurfaceWatch } from './surface-watch.ts';

/** How often the freeze notice is reconsidered, ms. */
const WATCH_MS = 250;
/** How often and how far apart the ticket is asked for the connect times, which the server computes. */
const CONNECT_TRIES_MAX = 12;
const CONNECT_TRY_MS = 1_500;
/** The agent's line is measured for so long when a call begins and when packets are lost in it, ms: a hundred echoes. */
const ECHOES_MS = 2_000;
/** `mid`s of the m-lines that receive pictures (docs/protocol.md). */
const PICTURE_MIDS = ['5', '6'] as const;

/** What the console shows of the own call. */
export interface CallView {
  /** The call that runs here: accepted, and its media comes to this page. */
  readonly call: CallState | null;
  /** Whether this call's picture was seen, or, in a call of sound alone, its sound heard. */
  readonly shown: boolean;
  /** For how long the picture has not moved, ms; `null` while it does. */
  readonly frozen_ms: number | null;
  /** Where the media connection stands. */
  readonly media: MediaState;
  /** The last minute's samples of this end. */
  readonly samples: readonly Sample[];
  /** `consent_to_first_frame_ms` of the ticket, once known. */
  readonly first_frame_ms: number | null;
  /** `consent_to_legible_ms` of the ticket, once known. */
  readonly legible_ms: number | null;
}

const NO_CALL: Omit<CallView, 'call' | 'media'> = {
  shown: false,
  frozen_ms: null,
  samples: [],
  first_frame_ms: null,
  legible_ms: null,
};

/** The agent's end of calls. */
export class CallDesk {
  /** What is shown. */
  readonly view = new Store<CallView>({ call: null, media: 'new', ...NO_CALL });
  /** The agent's microphone and camera. */
  readonly speaking: Speaking;
  /** The viewer's voice. */
  readonly hearing = new Hearing();
  readonly #session: AgentSession;
  readonly #peer: AgentPeer;
  readonly #frames = new FrameWatch();
  readonly #ends: (() => void)[] = [];
  readonly #pictures = new PictureElements();
  readonly #surface: SurfaceWatch;
  readonly #device = new DeviceSampler();
  #collector: { call: CallId; peer: MediaPeer; stats: StatsCollector; blocks: BlockSender } | null = null;
  #arrivals: Arrivals | null = null;
  /** What the picture slots had counted before the call that runs or is awaited. */
  #before: ReadonlyMap<string, PictureReading> = new Map();
  #awaited: CallId | null = null;
  /** The first frame or sound: of which call, when by our clock, and whether the server knows. */
  #first: { call: CallId; atMs: number; told: boolean } | null = null;
  /** Frames received before this moment belong to an earlier call, ms of `performance.now()`. */
  #ignoreBeforeMs = 0;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #watchTimer: ReturnType<typeof setInterval> | undefined;

  constructor(session: AgentSession) {
    this.#session = session;
    this.#surface = new SurfaceWatch(() => session.connection.clock.nowMs());
    this.#peer = new AgentPeer(session, () => this.#collector !== null);
    this.speaking = new Speaking(session, this.#peer);
    const onVisible = () => this.#frames.restart(performance.now());
    document.addEventListener('visibilitychange', onVisible);
    this.#device.start();
    this.#ends.push(
      () => this.#device.stop(),
      () => document.removeEventListener('visibilitychange', onVisible),
      session.state.subscribe(() => this.#follow()),
      this.#peer.state.subscribe(() => this.#set({ media: this.#peer.state.get() })),
      this.#peer.peer.subscribe(() => this.#follow()),
    );
  }

  /** Takes the video element of a slot's picture, when it appears, and lets it go with `null`. */
  attach(source: PictureSource, video: HTMLVideoElement | null): void {
    this.#pictures.attach(source, video);
    this.#showPicture();
    this.#watchSurface();
  }

  /** Ends everything. */
  close(): void {
    for (const end of this.#ends) end();
    this.#callOver();
    this.speaking.close();
    this.#peer.close();
  }

  /** The session's state changed: is there another call, another stage, another slot? */
  #follow(): void {
    const before = this.view.get().call;
    const call = runningHere(this.#session.state.get());
    if (call?.id !== before?.id) {
      if (before !== null) this.#callOver();
      this.#set({ call, ...NO_CALL });
      this.speaking.setCall(call?.id ?? null);
    } else if (call !== before) {
      this.#set({ call });
    }
    this.#await();
    this.#showPicture();
    if (call === null) return;
    this.#hear(call);
    this.#collect(call);
    this.#tellFirst();
    this.#watchSurface();
    if (call.stage === 'live' && before?.stage !== 'live') this.#askConnectTimes(call, 0);
  }

  /** An invitation is open while no call runs: what the slots have counted so far is not of the call to come. */
  #await(): void {
    if (this.view.get().call !== null) return;
    const awaited = waitingHere(this.#session.state.get())[0]?.id ?? null;
    if (awaited === this.#awaited) return;
    this.#awaited = awaited;
    if (awaited !== null) this.#readBefore();
  }

  #readBefore(): void {
    const peer = this.#peer.peer.get();
    if (peer === null) return;
    readPictures(peer, PICTURE_MIDS).then(
      (readings) => {
        if (this.#peer.peer.get() === peer) this.#before = readings;
      },
      () => {
        // A connection that is being closed has nothing to say of the next call.
      },
    );
  }

  #callOver(): void {
    this.#surface.stop();
    void this.#collector?.stats.stop();
    this.#collector = null;
    this.#arrivals?.stop();
    this.#arrivals = null;
    clearTimeout(this.#connectTimer);
    clearInterval(this.#watchTimer);
    this.#frames.clear();
    this.hearing.play(null);
    this.#readBefore();
    this.#ignoreBeforeMs = performance.now();
    this.#pictures.clear();
  }

  /** Plays the viewer's voice from acceptance on, and those of colleagues who joined. */
  #hear(call: CallState): void {
    const mid = this.#mid(call.id, 'audio');
    const peer = this.#peer.peer.get();
    const colleagues = this.#session.state
      .get()
      .slots.filter((slot) => slot.call === call.id && slot.side === 'guest' && slot.source === 'audio')
      .map((slot) => peer?.received(slot.mid) ?? null)
      .filter((track) => track !== null);
    this.hearing.play(mid === null ? null : (peer?.received(mid) ?? null), colleagues);
  }

  #collect(call: CallState): void {
    const peer = this.#peer.peer.get();
    if (peer === null) return;
    if (this.#collector?.call === call.id && this.#collector.peer === peer) return;
    // Another connection counts from 0.
    if (this.#collector?.call === call.id) this.#before = new Map();
    void this.#collector?.stats.stop();
    this.#arrivals?.stop();
    const { clock } = this.#session.connection;
    const blocks = this.#session.callBlocks(call.conversation, call.id);
    const trouble = new LineTrouble();
    // The agent's own line, so that loss after the server can be told from the server's.
    const measure = () =>
      void peer.echoes(ECHOES_MS).then((facts) => {
        if (facts)
          blocks.push('preflights', { t: Math.round(clock.nowMs()), side: 'agent', udpReachable: true, ...facts });
      });
    const stats = new StatsCollector({
      pc: peer.pc,
      lane: 'agent_down',
      mid: () => this.#pictureMid(call.id),
      clock,
      blocks,
      onSecond: (second) => blocks.push('agent_device', this.#device.sample(second, null, clock.takeNewestRtt())),
      onSample: (sample) => {
        this.#sampled(call.id, sample);
        if (trouble.isDue(sample)) measure();
      },
    });
    this.#collector = { call: call.id, peer, stats, blocks };
    stats.start();
    measure();
    clearInterval(this.#watchTimer);
    this.#watchTimer = setInterval(() => this.#watch(), WATCH_MS);
    this.#arrivals = new Arrivals({
      peer,
      pictureMid: () => this.#pictureMid(call.id),
      soundMid: () => this.#mid(call.id, 'audio'),
      soundOnly: call.surface === 'audio',
      before: this.#before,
      // A hidden page is told of no frames; there the decoder's count is the witness.
      frame: (atMs) => document.hidden && this.#firstSeen(call.id, atMs),
      sound: (atMs) => this.#firstSeen(call.id, atMs),
      legible: (atMs) => this.#session.phase(call.id, 'legible', atMs),
    });
  }

  /** The slot of one of the viewer's sources. */
  #mid(call: CallId, source: SlotSource): string | null {
    const slots = this.#session.state.get().slots;
    const is = (slot: SlotAssignment) => slot.call === call && slot.side === 'viewer' && slot.source === source;
    return slots.find(is)?.mid ?? null;
  }

  /** The slot of what is shared. Until the viewer has chosen it is that of screen, window, tab or player, the likelier one. */
  #pictureMid(call: CallId): string | null {
    const running = this.view.get().call;
    return this.#mid(call, running?.id === call ? pictureSource(running) : 'screen');
  }

  /**
   * Puts the call's tracks on their elements. Of an invitation they are put there ahead, that of a screen and that of a
   * camera, so that the first frame waits neither for the word that the viewer accepted nor for a player to be made.
   */
  #showPicture(): void {
    const state = this.#session.state.get();
    const running = this.view.get().call;
    const call = running ?? waitingHere(state).find((one) => this.#pictureMid(one.id) !== null);
    if (call === undefined || call.surface === 'audio') return;
    for (const source of running === null ? PICTURE_SOURCES : [pictureSource(running)]) {
      const mid = this.#mid(call.id, source);
      const track = mid === null ? null : (this.#peer.peer.get()?.received(mid) ?? null);
      if (track !== null) this.#pictures.show(source, track, (now, frame) => this.#frame(call.id, source, now, frame));
    }
  }

  /** A frame was presented; false when no more are waited for. */
  #frame(call: CallId, source: PictureSource, now: number, frame: VideoFrameCallbackMetadata): boolean {
    const running = this.view.get().call;
    if (!this.#mayShow(call) || (running !== null && source !== pictureSource(running))) return false;
    const old = frame.receiveTime !== undefined && frame.receiveTime < this.#ignoreBeforeMs;
    if (!old) {
      this.#frames.frame(now);
      this.#firstSeen(call, performance.timeOrigin + Math.min(now, frame.presentationTime));
    }
    return true;
  }

  /** Whether frames may be a call's: it runs here, or may in a moment. */
  #mayShow(call: CallId): boolean {
    const running = this.view.get().call;
    if (running !== null) return running.id === call;
    return waitingHere(this.#session.state.get()).some((one) => one.id === call);
  }

  #firstSeen(call: CallId, atMs: number): void {
    if (this.#first?.call !== call) this.#first = { call, atMs, told: false };
    this.#tellFirst();
  }

  /** Told once the call is accepted and the server can be reached. */
  #tellFirst(): void {
    const first = this.#first;
    const { call, shown } = this.view.get();
    if (first === null || call === null || first.call !== call.id) return;
    if (!shown) this.#set({ shown: true });
    this.#watchSurface();
    if (first.told || this.#session.connection.state.get().kind !== 'open') return;
    first.told = true;
    this.#session.phase(call.id, 'first_frame', first.atMs);
  }

  /** Once the picture was seen, so that looking at it takes nothing from its arrival. */
  #watchSurface(): void {
    const { call, shown } = this.view.get();
    const blocks = this.#collector?.blocks;
    const video = call === null || call.surface === 'audio' ? null : this.#pictures.video(pictureSource(call));
    if (video && blocks && shown && this.#collector?.call === call?.id) this.#surface.follow(video, blocks);
    else this.#surface.stop();
  }

  #sampled(call: CallId, sample: Sample): void {
    if (this.view.get().call?.id !== call) return;
    this.#set({ samples: withSample(this.view.get().samples, sample) });
  }

  #watch(): void {
    const { call } = this.view.get();
    // A picture that the viewer's end says it cannot deliver is explained by that.
    const expected = call !== null && pictureExpected(call) && !document.hidden;
    const frozen = expected ? this.#frames.frozenFor(performance.now()) : null;
    const shown = frozen === null ? null : Math.floor(frozen / 1000) * 1000;
    if (shown !== this.view.get().frozen_ms) this.#set({ frozen_ms: shown });
  }

  /** The server puts the connect times together from both ends; they are on the ticket a moment after they were reported. */
  #askConnectTimes(call: CallState, tries: number): void {
    const ticket = this.#ticketOf(call.conversation);
    if (ticket === undefined || tries >= CONNECT_TRIES_MAX) return;
    this.#connectTimer = setTimeout(
      async () => {
        const still = () => this.view.get().call?.id === call.id;
        if (!still()) return;
        const connect = await readTicket(ticket)
          .then((answer) => answer.calls.find((one) => one.id === call.id)?.connect)
          .catch(() => undefined);
        if (!still()) return;
        const first_frame_ms = connect?.consent_to_first_frame_ms ?? null;
        const legible_ms = connect?.consent_to_legible_ms ?? null;
        this.#set({ first_frame_ms, legible_ms });
        if (first_frame_ms === null || (legible_ms === null && call.surface !== 'audio')) {
          this.#askConnectTimes(call, tries + 1);
        }
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

/** Whether the viewer's end delivers a picture, by its own word. */
function pictureExpected({ surface, viewer }: CallState): boolean {
  if (surface === 'audio' || viewer.away_since_ms !== undefined) return false;
  // A player in a page that nobody sees is slowed down by its browser; a screen goes on.
  if (surface === 'player' && viewer.sources.page_hidden) return false;
  return viewer.sources.screen !== 'interrupted' && viewer.sources.camera !== 'interrupted';
}
