// One call at the viewer's end: the connection is warmed while the card is read, the click captures, the picture goes onto
// the warm sender, and everything ends together however it ends.

import type { CallId, CallState, EndReason } from '../protocol/generated.ts';
import { BlockSender } from './blocks.ts';
import { type Capture, CaptureError, type CaptureProblem, capturePlayer, captureScreen } from './capture.ts';
import type { RequestError } from './connection.ts';
import { Store } from './emitter.ts';
import { MediaPeer } from './media.ts';
import { StatsCollector } from './stats.ts';
import type { ViewerSession } from './viewer.ts';

/** `mid` of the m-line that carries screen or player (docs/protocol.md). */
const SCREEN_MID = '1';

/** Where the call stands at the viewer. */
export type ViewerCallState =
  /** The card is shown. `problem`: what kept the last try from a picture, `path` when the connection could not be made. */
  | { kind: 'invited'; problem: CaptureProblem | 'path' | null }
  /** The browser's picker is open, or the player is being captured. */
  | { kind: 'capturing' }
  /** The picture is on its way or there. `sinceMs`: our clock, ms since the Unix epoch. */
  | { kind: 'sharing'; surface: Capture['surface']; sinceMs: number }
  | { kind: 'ended'; reason: EndReason | null };

/** A call, from its invitation to its end. */
export class ViewerCall {
  /** Where it stands. */
  readonly state = new Store<ViewerCallState>({ kind: 'invited', problem: null });
  /** The call. */
  readonly id: CallId;
  readonly #session: ViewerSession;
  readonly #ends: (() => void)[];
  #peer: MediaPeer | null = null;
  #connecting: Promise<void> = Promise.resolve();
  #capture: Capture | null = null;
  #stats: StatsCollector | null = null;
  #blocks: BlockSender | null = null;
  #cardShown = false;

  constructor(session: ViewerSession, call: CallState) {
    this.id = call.id;
    this.#session = session;
    this.#ends = [
      session.state.subscribe(() => this.#followServer()),
      session.on('mediaRestart', () => void this.#peer?.restartIce()),
      session.on('mediaClosed', () => this.#peerLost()),
    ];
  }

  /** The card is on the screen: reports it, and warms the connection. */
  cardShown(): void {
    if (this.#cardShown) return;
    this.#cardShown = true;
    this.#session.phase(this.id, 'card_shown');
    this.#warm();
  }

  /** The viewer clicked to share the screen. Call it in the click's own task. */
  shareScreen(): Promise<void> {
    return this.#share(captureScreen());
  }

  /** The viewer clicked to share the page's player. */
  sharePlayer(video: HTMLVideoElement | null): Promise<void> {
    return this.#share(capturePlayer(video));
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

  /** The page goes away, and with it the picture: says so and sends what was measured while it still can. */
  leave(): void {
    if (this.state.get().kind !== 'sharing') return;
    this.#blocks?.flush();
    this.#session.connection.send({ t: 'end_call', call: this.id, reason: 'viewer_left' });
  }

  async #share(capturing: Promise<Capture>): Promise<void> {
    const { connection } = this.#session;
    const clickMs = connection.clock.localMs();
    if (this.state.get().kind !== 'invited') {
      capturing.then(
        (capture) => capture.stop(),
        () => {},
      );
      return;
    }
    this.state.set({ kind: 'capturing' });
    this.#session.phase(this.id, 'click', clickMs);
    if (this.#peer === null || this.#peer.state.get() === 'failed') this.#warm();
    let capture: Capture;
    try {
      capture = await capturing;
    } catch (error) {
      this.#backToCard(error instanceof CaptureError ? error.problem : 'failed');
      return;
    }
    if (this.state.get().kind !== 'capturing') {
      // Withdrawn or timed out while the picker was open.
      capture.stop();
      return;
    }
    this.#session.phase(this.id, 'capture_ready');
    this.#capture = capture;
    capture.onEnded = () => this.stop('capture_ended');
    try {
      await this.#begin(capture);
    } catch {
      this.#dropCapture();
      this.#backToCard('path');
    }
  }

  async #begin(capture: Capture): Promise<void> {
    const peer = this.#peer;
    if (!peer) throw new Error('no connection');
    await peer.replaceTrack('screen', capture.track);
    capture.onTrack = (track) => void peer.replaceTrack('screen', track);
    // Long done when the connection was warmed; else the call is accepted only when there is something to carry it.
    await this.#connecting;
    await this.#session.accept(this.id, capture.surface);
    if (this.state.get().kind !== 'capturing') return;
    this.#measure(peer);
    this.state.set({ kind: 'sharing', surface: capture.surface, sinceMs: Date.now() });
  }

  #measure(peer: MediaPeer): void {
    const { connection } = this.#session;
    this.#blocks = new BlockSender(connection, { leg: 'viewer_up', call: this.id });
    this.#stats = new StatsCollector({
      pc: peer.pc,
      leg: 'viewer_up',
      mid: () => SCREEN_MID,
      clock: connection.clock,
      blocks: this.#blocks,
    });
    this.#stats.start();
  }

  #warm(): void {
    this.#peer?.close();
    const peer = new MediaPeer({
      offer: this.#session.mediaOffers(this.id),
      videoCodecs: this.#session.state.get().videoCodecs,
    });
    this.#peer = peer;
    this.#connecting = peer.connect(() => this.#session.phase(this.id, 'offer')).then(() => keepResolution(peer));
    // Tried again at the click; nothing is lost before it.
    this.#connecting.catch(() => {});
    peer.state.subscribe(() => {
      if (this.#peer === peer && peer.state.get() === 'failed') this.#peerLost();
    });
  }

  /** While the card is read a new one is made at the click; in a running call the server is told by our end. */
  #peerLost(): void {
    this.#peer?.close();
    this.#peer = null;
    if (this.state.get().kind === 'sharing') this.stop();
  }

  #backToCard(problem: CaptureProblem | 'path'): void {
    if (this.state.get().kind === 'capturing') this.state.set({ kind: 'invited', problem });
  }

  #followServer(): void {
    const { call } = this.#session.state.get();
    if (!call) return;
    if (call.id !== this.id) this.#end(null);
    else if (call.stage === 'ended') this.#end(call.reason ?? null);
  }

  #end(reason: EndReason | null): void {
    if (this.state.get().kind === 'ended') return;
    for (const end of this.#ends) end();
    this.#dropCapture();
    const { peer, stats } = { peer: this.#peer, stats: this.#stats };
    this.#peer = null;
    this.state.set({ kind: 'ended', reason });
    const close = () => {
      peer?.close();
      if (peer) this.#session.mediaClose();
    };
    // The last second is read from the connection before it is closed.
    if (stats) void stats.stop().then(close, close);
    else close();
  }

  #dropCapture(): void {
    const capture = this.#capture;
    this.#capture = null;
    if (!capture) return;
    capture.onEnded = null;
    capture.onTrack = null;
    capture.stop();
    void this.#peer?.replaceTrack('screen', null).catch(() => {
      // The connection is closed already.
    });
  }
}

/** Under shortage the picture gets slower before it gets smaller: what is looked for is in the detail. */
async function keepResolution(peer: MediaPeer): Promise<void> {
  const sender = peer.sender('screen');
  const parameters: RTCRtpSendParameters & { degradationPreference?: string } = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  try {
    await sender.setParameters(parameters);
  } catch {
    // Not every browser lets it be chosen; contentHint says the same for screens.
  }
}
