// One call at the viewer's end: the connection is warmed while the card is read, the click captures, the picture goes onto
// the warm sender. Interruptions are mended as long as they can be; everything ends together however it ends.

import type {
  CallId,
  CallState,
  ContentHint,
  EndReason,
  LineKnowledge,
  SlotSide,
  SlotSource,
  Surface,
} from '../protocol/generated.ts';
import { canCall } from './able.ts';
import { BlockSender } from './blocks.ts';
import { type Capture, CaptureError, type CaptureProblem, type Way } from './capture.ts';
import { type CameraCapture, captureCamera } from './capture-camera.ts';
import { captureDisplay } from './capture-display.ts';
import { capturePlayer } from './capture-player.ts';
import type { RequestError } from './connection.ts';
import { Courtesy, type PlayerSecond } from './courtesy.ts';
import { Store } from './emitter.ts';
import type { Sample } from './lanes.ts';
import { rememberUplink } from './line.ts';
import { MediaPeer } from './media.ts';
import { Microphone } from './microphone.ts';
import { Playback } from './playback.ts';
import type { UplinkRate } from './probe.ts';
import { StatsCollector } from './stats.ts';
import { hint, START_MS, startKbps, tuneSender, tuningOf } from './tuning.ts';
import type { ViewerSession } from './viewer.ts';
import { SourcesTeller } from './viewer-sources.ts';

/** `mid` of the m-line of each sending slot (docs/protocol.md). */
const MIDS = { screen: '1', camera: '2' } as const;
/** A call whose connection is away this long is over at the server too (90 s), ms. Until then the capture is kept. */
const AWAY_MS_MAX = 95_000;
/** Media connections that one call may make anew after the first was lost; more is a fault that does not heal. */
const REBUILDS_MAX = 5;
/** Wait before a media connection is made anew, ms: the news of the call's end may be on its way. */
const REBUILD_MS = 500;

/** What kept a try from a picture. */
export interface ShareProblem {
  /** The way that was tried. */
  readonly way: Way;
  /** `path`: the capture was there, the connection could not be made. */
  readonly problem: CaptureProblem | 'path';
}

/** What trying has shown. */
export interface TriedWays {
  /** Not to be had here, however often one tries. */
  readonly gone: readonly Way[];
  /** Gave nothing when they were last tried, though nobody closed a picker. Those that are gone are among them. */
  readonly failed: readonly Way[];
}

/** Where the call stands at the viewer. */
export type ViewerCallState =
  /** The card is shown. `problem`: of the last try. */
  | ({ kind: 'invited'; problem: ShareProblem | null } & TriedWays)
  /** The browser's picker is open, or a device starts. */
  | ({ kind: 'capturing'; way: Way } & TriedWays)
  /** The picture is on its way or there. `sinceMs`: our clock, ms since the Unix epoch. */
  | { kind: 'sharing'; surface: Surface; sinceMs: number }
  /** Another tab of this viewer has the call. */
  | { kind: 'elsewhere' }
  | { kind: 'ended'; reason: EndReason | null };

/** How the picture we send stands. */
export interface PictureState {
  /** `none`: a call of voices. `muted`: the system delivers nothing for now. `lost`: the camera is gone. */
  readonly kind: 'none' | 'on' | 'muted' | 'lost';
  /** Cameras that the picture can be switched between; 0 when it is no camera's. */
  readonly cameras: number;
  /** Why the camera could not be switched or taken again. */
  readonly problem: CaptureProblem | null;
}

/** What a call needs beside the session. */
export interface ViewerCallOptions {
  /** What is known of the line when an offer leaves. */
  line: () => LineKnowledge;
  /** Connect while the card is read. Otherwise descriptions are exchanged, and nothing else before the click. */
  warm: boolean;
  /** How the page's player is now; null when there is none. */
  player: () => PlayerSecond | null;
  /** Keeps what the uplink was found to carry. */
  storage: Pick<Storage, 'setItem'> | null;
  /** The call was accepted in another tab and is brought here: nothing is accepted again. */
  continued?: boolean;
}

/** Problems that another try of the same way cannot mend. */
const FINAL: readonly (CaptureProblem | 'path')[] = ['unsupported', 'forbidden', 'protected'];

const NO_PICTURE: PictureState = { kind: 'none', cameras: 0, problem: null };

/** A call, from its invitation to its end. */
export class ViewerCall {
  /** Where it stands. */
  readonly state = new Store<ViewerCallState>({ kind: 'invited', problem: null, gone: [], failed: [] });
  /** How the picture we send stands. */
  readonly picture = new Store<PictureState>(NO_PICTURE);
  /** Since when nothing gets through to the server or back, our clock, ms; null while all is well. */
  readonly awaySinceMs = new Store<number | null>(null);
  /** The agent's camera; null while it is off. */
  readonly agentCamera = new Store<MediaStream | null>(null);
  /** Our microphone. */
  readonly microphone: Microphone;
  /** The agent's voice. */
  readonly voice = new Playback();
  /** The voice of a colleague of the agent's who joined. */
  readonly guestVoice = new Playback();
  /** The call. */
  readonly id: CallId;
  /** Brought here from another tab. */
  readonly continued: boolean;
  readonly #session: ViewerSession;
  readonly #options: ViewerCallOptions;
  readonly #sources: SourcesTeller;
  readonly #ends: (() => void)[];
  #peer: MediaPeer | null = null;
  /** What the line carries, once that was measured. */
  #uplink: UplinkRate | null = null;
  #connecting: Promise<void> = Promise.resolve();
  #capture: Capture | null = null;
  #camera: CameraCapture | null = null;
  #content: ContentHint = 'auto';
  #stats: StatsCollector | null = null;
  #blocks: BlockSender | null = null;
  #cardShown = false;
  /** Lets a connection that was only agreed on begin. */
  #go: () => void = () => {};
  readonly #courtesy = new Courtesy();
  #rebuilds = 0;
  #rebuild: ReturnType<typeof setTimeout> | undefined;
  /** The first seconds of a picture are not over, if they have begun. */
  #starting = true;
  #started: ReturnType<typeof setTimeout> | undefined;
  #away: ReturnType<typeof setTimeout> | undefined;

  constructor(session: ViewerSession, call: CallState, options: ViewerCallOptions) {
    this.id = call.id;
    this.continued = options.continued ?? false;
    this.#session = session;
    this.#options = options;
    this.#content = call.content;
    this.microphone = new Microphone((track) => this.#sendVoice(track));
    this.#sources = new SourcesTeller(session, call.id, () => ({
      microphone: this.microphone.state.get(),
      picture: this.picture.get().kind,
      slot: this.#capture?.slot ?? null,
    }));
    this.#ends = [
      session.state.subscribe(() => this.#followServer()),
      session.on('mediaRestart', () => void this.#peer?.restartIce()),
      session.on('mediaClosed', () => this.#peerLost()),
      session.connection.on('welcome', () => this.#reconnected()),
      session.connection.state.subscribe(() => this.#followLine()),
      session.connection.quiet.subscribe(() => this.#followLine()),
      this.microphone.state.subscribe(() => this.#sources.tell()),
      this.picture.subscribe(() => this.#sources.tell()),
    ];
  }

  /** The card is on the screen: reports it, and warms the connection. */
  cardShown(): void {
    if (this.#cardShown) return;
    this.#cardShown = true;
    if (!this.continued) this.#session.phase(this.id, 'card_shown');
    if (canCall()) this.#connect(this.#options.warm);
  }

  /** The viewer chose a way. Call it in the click's own task; `video` is the page's player. */
  share(way: Way, video: HTMLVideoElement | null = null): Promise<void> {
    const { connection } = this.#session;
    const now = this.state.get();
    if (now.kind !== 'invited' || !canCall()) return Promise.resolve();
    const clickMs = connection.clock.localMs();
    const capturing = this.#captureBy(way, video);
    this.state.set({ kind: 'capturing', way, gone: now.gone, failed: now.failed });
    if (!this.continued) this.#session.phase(this.id, 'click', clickMs);
    if (this.#peer === null || this.#peer.state.get() === 'failed') this.#connect(true);
    this.#go();
    return this.#share(way, capturing);
  }

  /** The server's clock, by which the invitation runs out, ms since the Unix epoch. */
  serverNowMs(): number {
    return this.#session.connection.clock.nowMs();
  }

  /** The viewer declined. */
  decline(): void {
    this.#session.decline(this.id).catch(() => {
      // It ended otherwise in the meantime.
    });
    this.#end('declined');
  }

  /** The viewer stopped sharing. */
  stop(reason: 'viewer_stopped' | 'capture_ended' = 'viewer_stopped'): void {
    this.#tellEnd(reason);
    this.#end(reason);
  }

  /** Goes on with the next camera, or with any camera after one was lost. Call it in the click's own task. */
  async nextCamera(): Promise<void> {
    const lost = this.picture.get().kind === 'lost';
    try {
      if (lost) this.#takeCamera(await captureCamera());
      else await this.#camera?.flip();
      this.picture.update((one) => ({ ...one, problem: null }));
    } catch (error) {
      const problem = error instanceof CaptureError ? error.problem : 'failed';
      this.picture.update((one) => ({ ...one, problem }));
    }
  }

  /** The page goes away, and with it the picture: says so and sends what was measured while it still can. */
  leave(): void {
    if (this.state.get().kind !== 'sharing') return;
    this.#blocks?.flushNow();
    this.#session.connection.send({ t: 'end_call', call: this.id, reason: 'viewer_left' });
  }

  /** Another tab takes the call: everything here ends, and nobody is told. */
  release(): void {
    this.#close({ kind: 'elsewhere' }, false);
  }

  async #captureBy(way: Way, video: HTMLVideoElement | null): Promise<Capture | null> {
    switch (way) {
      case 'player':
        return capturePlayer(video);
      case 'camera':
        return captureCamera();
      case 'audio':
        return this.#captureVoice();
      default: {
        const capturing = captureDisplay(way);
        this.#startRate('detail');
        return capturing;
      }
    }
  }

  async #captureVoice(): Promise<null> {
    await this.microphone.turnOn();
    const { kind, problem } = this.microphone.state.get();
    if (kind !== 'on') throw new CaptureError(problem ?? 'failed');
    return null;
  }

  async #share(way: Way, capturing: Promise<Capture | null>): Promise<void> {
    let capture: Capture | null;
    try {
      capture = await capturing;
    } catch (error) {
      this.#backToCard(way, error instanceof CaptureError ? error.problem : 'failed');
      return;
    }
    if (this.state.get().kind !== 'capturing') {
      // Withdrawn or timed out while the picker was open.
      capture?.stop();
      return;
    }
    if (!this.continued) this.#session.phase(this.id, 'capture_ready');
    if (capture) this.#take(capture);
    try {
      await this.#begin(capture?.surface ?? 'audio');
    } catch {
      this.#dropCapture();
      this.microphone.turnOff();
      this.#backToCard(way, 'path');
      this.#followServer();
    }
  }

  #take(capture: Capture): void {
    this.#capture = capture;
    hint(capture.track, tuningOf(capture.surface, this.#content));
    capture.onMuted = (muted) => {
      this.picture.update((one) => ({ ...one, kind: muted ? 'muted' : 'on' }));
      this.#blocks?.push('marks', { t: Math.round(this.serverNowMs()), kind: muted ? 'muted' : 'unmuted' });
    };
    capture.onTrack = (track) => {
      hint(track, tuningOf(capture.surface, this.#content));
      void this.#peer?.replaceTrack(capture.slot, track).catch(() => {
        // A connection that is closed has no picture to go on with.
      });
    };
    if (isCamera(capture)) this.#takeCamera(capture);
    else {
      capture.onEnded = () => this.stop('capture_ended');
      this.picture.set({ ...NO_PICTURE, kind: capture.track.muted ? 'muted' : 'on' });
    }
  }

  /** A camera's loss does not end the call: another one may be there. */
  #takeCamera(camera: CameraCapture): void {
    const before = this.#camera;
    this.#camera = camera;
    this.#capture = camera;
    if (before) {
      camera.onTrack = before.onTrack;
      camera.onMuted = before.onMuted;
      camera.onTrack?.(camera.track);
    }
    camera.onEnded = () => this.picture.update((one) => ({ ...one, kind: 'lost' }));
    this.picture.set({ ...NO_PICTURE, kind: 'on' });
    void camera.count().then((cameras) => this.picture.update((one) => ({ ...one, cameras })));
  }

  async #begin(surface: Surface): Promise<void> {
    const peer = this.#peer;
    if (!peer) throw new Error('no connection');
    void this.#tune();
    await this.#putTracks(peer);
    // Long done when the connection was warmed; else the call is accepted only when there is something to carry it.
    await this.#connecting;
    void this.#tune();
    if (!this.continued) await this.#session.accept(this.id, surface);
    if (this.state.get().kind !== 'capturing') return;
    this.#measure(peer);
    this.#session.connection.setInCall(true);
    this.state.set({ kind: 'sharing', surface, sinceMs: Date.now() });
    clearTimeout(this.#started);
    this.#started = setTimeout(() => {
      this.#starting = false;
      void this.#tune();
    }, START_MS);
    this.#sources.start();
    this.#followServer();
    this.#followLine();
  }

  async #putTracks(peer: MediaPeer): Promise<void> {
    const capture = this.#capture;
    if (capture) await peer.replaceTrack(capture.slot, capture.track);
    await peer.replaceTrack('microphone', this.microphone.track);
  }

  #measure(peer: MediaPeer): void {
    const { connection } = this.#session;
    void this.#stats?.stop();
    this.#blocks = new BlockSender(connection, { leg: 'viewer_up', call: this.id });
    this.#stats = new StatsCollector({
      pc: peer.pc,
      lane: 'viewer_up',
      mid: () => (this.#capture ? MIDS[this.#capture.slot] : null),
      clock: connection.clock,
      blocks: this.#blocks,
      onSample: (sample) => this.#learn(sample),
    });
    this.#stats.start();
  }

  /** The next call of this tab starts with what this one found the line to carry. */
  #learn(sample: Sample): void {
    this.#learnUplink(sample);
    const target = (sample.video as { targetBitrate?: number } | undefined)?.targetBitrate;
    if (this.#courtesy.second(this.#options.player(), target ? target / 1000 : null)) void this.#tune();
  }

  /** Measures the uplink while the card is read, so that the first picture is neither tiny nor late. */
  async #rateLine(peer: MediaPeer): Promise<void> {
    const rate = await peer.uplink().catch(() => null);
    if (!rate || this.#peer !== peer) return;
    rememberUplink(this.#options.storage, rate.kbps, Date.now());
    this.#uplink = rate;
    this.#startRate('motion');
  }

  /** While the card is read any picture may come; a display is asked for with more, beside the browser's own question. */
  #startRate(tuning: 'motion' | 'detail'): void {
    // A picture that is on its way already has a rate of its own.
    if (!this.#uplink || this.state.get().kind !== 'invited') return;
    this.#peer?.setStartBitrate(startKbps(this.#uplink, tuning)).catch(() => {
      // Closed in the meantime.
    });
  }

  #learnUplink({ pair }: Sample): void {
    const bps = (pair as { availableOutgoingBitrate?: number } | undefined)?.availableOutgoingBitrate;
    if (bps && bps > 0) rememberUplink(this.#options.storage, bps / 1000, Date.now());
  }

  /** Makes the connection: at once, or up to the point from which only the answer has to be applied at the click. */
  #connect(atOnce: boolean): void {
    this.#peer?.close();
    const peer = new MediaPeer({
      offer: this.#session.mediaOffers(this.id, this.#options.line),
      videoCodecs: this.#session.state.get().videoCodecs,
    });
    this.#peer = peer;
    const offered = () => {
      if (!this.continued && this.state.get().kind !== 'sharing') this.#session.phase(this.id, 'offer');
    };
    const go = atOnce ? undefined : new Promise<void>((resolve) => (this.#go = resolve));
    this.#connecting = peer.connect(offered, go).then(() => this.#tune());
    void this.#rateLine(peer);
    // Tried again at the click; nothing is lost before it.
    this.#connecting.catch(() => {});
    peer.state.subscribe(() => {
      if (this.#peer !== peer) return;
      if (peer.state.get() === 'failed') this.#peerLost();
      this.#followLine();
    });
  }

  /** While the card is read a new connection is made at the click; in a running call at once, with the same picture. */
  #peerLost(): void {
    this.#peer?.close();
    this.#peer = null;
    if (this.state.get().kind !== 'sharing') return;
    this.#followLine();
    clearTimeout(this.#rebuild);
    this.#rebuild = setTimeout(() => this.#makeAnew(), REBUILD_MS);
  }

  #makeAnew(): void {
    const { connection } = this.#session;
    // Without the server there is nobody to offer to: the next welcome comes here again.
    if (this.state.get().kind !== 'sharing' || this.#peer || connection.state.get().kind !== 'open') return;
    if (this.#rebuilds >= REBUILDS_MAX) {
      this.stop();
      return;
    }
    this.#rebuilds += 1;
    this.#connect(true);
    const peer = this.#peer as MediaPeer | null;
    if (!peer) return;
    this.#putTracks(peer).then(
      () => this.#peer === peer && this.#measure(peer),
      () => {
        // Closed in the meantime; its state tells.
      },
    );
  }

  #reconnected(): void {
    if (this.state.get().kind !== 'sharing') return;
    this.#sources.tellAgain();
    if (!this.#peer) this.#makeAnew();
    else if (this.#peer.state.get() === 'disconnected') void this.#peer.restartIce();
  }

  /** Keeps `awaySinceMs` true, and gives the call up when the server has done so too. */
  #followLine(): void {
    if (this.state.get().kind !== 'sharing') return;
    const { connection } = this.#session;
    const media = this.#peer?.state.get();
    const up = connection.state.get().kind === 'open' && !connection.quiet.get() && media === 'connected';
    const since = this.awaySinceMs.get();
    if (up === (since === null)) return;
    clearTimeout(this.#away);
    this.awaySinceMs.set(up ? null : Date.now());
    if (!up) this.#away = setTimeout(() => this.#end('viewer_lost'), AWAY_MS_MAX);
  }

  #backToCard(way: Way, problem: CaptureProblem | 'path'): void {
    const now = this.state.get();
    if (now.kind !== 'capturing') return;
    const chosen = problem === 'cancelled' || problem === 'path';
    this.state.set({
      kind: 'invited',
      problem: { way, problem },
      gone: FINAL.includes(problem) ? withWay(now.gone, way) : now.gone,
      failed: chosen ? now.failed : withWay(now.failed, way),
    });
  }

  #followServer(): void {
    const { call } = this.#session.state.get();
    if (!call) return;
    const { kind } = this.state.get();
    if (call.id !== this.id) this.#end(null);
    else if (call.stage === 'ended') this.#end(call.reason ?? null);
    // Accepted, and not by us.
    else if (kind === 'invited' && call.stage !== 'invited' && !this.continued) this.release();
    else if (kind === 'sharing') this.#followAgent(call);
  }

  #followAgent(call: CallState): void {
    if (call.content !== this.#content) {
      this.#content = call.content;
      const capture = this.#capture;
      if (capture) hint(capture.track, tuningOf(capture.surface, this.#content));
      void this.#tune();
    }
    const { slots } = this.#session.state.get();
    const { sources } = call.agent_side;
    const from = (side: SlotSide, source: SlotSource) =>
      slots
        .filter((one) => one.call === this.id && one.side === side && one.source === source)
        .map((slot) => this.#peer?.received(slot.mid) ?? null);
    const received = (source: 'audio' | 'camera') =>
      sources[source] === 'off' ? null : (from('agent', source)[0] ?? null);
    // Two voices arrive at most: the agent's and a colleague's, or those of two colleagues.
    const colleagues = from('guest', 'audio');
    this.voice.play(received('audio') ?? colleagues[1] ?? null);
    this.guestVoice.play(colleagues[0] ?? null);
    const camera = received('camera');
    if (camera !== (this.agentCamera.get()?.getVideoTracks()[0] ?? null)) {
      this.agentCamera.set(camera && new MediaStream([camera]));
    }
  }

  /** Tells the senders what gives way under shortage, and the most that they may take. */
  async #tune(): Promise<void> {
    const peer = this.#peer;
    if (!peer) return;
    // The one that is waited for comes first.
    const slots = this.#capture?.slot === 'camera' ? (['camera', 'screen'] as const) : (['screen', 'camera'] as const);
    for (const slot of slots) {
      const capture = this.#capture?.slot === slot ? this.#capture : null;
      const surface = capture?.surface ?? slot;
      const idle = this.#capture !== null && capture === null;
      await tuneSender(peer.sender(slot), surface, this.#content, this.#starting, idle, this.#courtesy.limitKbps);
    }
  }

  #sendVoice(track: MediaStreamTrack | null): void {
    void this.#peer?.replaceTrack('microphone', track).catch(() => {
      // A connection that is closed: the next one gets the track when it is made.
    });
  }

  /** Tells the server; after a break of the connection again, unless the call is over there too. */
  #tellEnd(reason: 'viewer_stopped' | 'capture_ended'): void {
    this.#session.endCall(this.id, reason).catch((error: RequestError) => {
      if (error.code !== 'disconnected') return;
      const once = this.#session.connection.on('welcome', ({ conversation }) => {
        once();
        if (conversation?.call?.id === this.id) this.#tellEnd(reason);
      });
    });
  }

  #end(reason: EndReason | null): void {
    this.#close({ kind: 'ended', reason }, true);
  }

  #close(last: Extract<ViewerCallState, { kind: 'ended' | 'elsewhere' }>, tell: boolean): void {
    const { kind } = this.state.get();
    if (kind === 'ended' || kind === 'elsewhere') return;
    for (const end of this.#ends) end();
    clearTimeout(this.#rebuild);
    clearTimeout(this.#away);
    clearTimeout(this.#started);
    this.#sources.stop();
    this.#dropCapture();
    this.microphone.close();
    this.voice.play(null);
    this.guestVoice.play(null);
    this.agentCamera.set(null);
    this.#session.connection.setInCall(false);
    const { peer, stats } = { peer: this.#peer, stats: this.#stats };
    this.#peer = null;
    this.state.set(last);
    const close = () => {
      peer?.close();
      if (peer && tell) this.#session.mediaClose();
    };
    // The last second is read from the connection before it is closed.
    if (stats) void stats.stop().then(close, close);
    else close();
  }

  #dropCapture(): void {
    const capture = this.#capture;
    this.#capture = null;
    this.#camera = null;
    this.picture.set(NO_PICTURE);
    if (!capture) return;
    capture.onEnded = null;
    capture.onTrack = null;
    capture.onMuted = null;
    capture.stop();
    void this.#peer?.replaceTrack(capture.slot, null).catch(() => {
      // The connection is closed already.
    });
  }
}

function withWay(ways: readonly Way[], way: Way): readonly Way[] {
  return ways.includes(way) ? ways : [...ways, way];
}

function isCamera(capture: Capture): capture is CameraCapture {
  return capture.surface === 'camera';
}
