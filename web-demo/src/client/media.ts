// One RTCPeerConnection with the slots of docs/protocol.md: made once, offered by us, never renegotiated but for ICE
// restarts. What is put on the senders and what is done with received tracks is the business of the caller.

import { isChromium } from './able.ts';
import { RequestError } from './connection.ts';
import { type EchoFacts, EchoTrain, runEchoes } from './echo-train.ts';
import { Emitter, Store } from './emitter.ts';
import { probeUplink, type UplinkRate } from './probe.ts';
import { withStartBitrate } from './sdp.ts';
import type { OfferMedia } from './signaling.ts';
import { SLOTS } from './slots.ts';

/** Index of each sender among the slots. */
const SENDERS = { microphone: 0, screen: 1, camera: 2 } as const;
/** A sending slot. */
export type SendSlot = keyof typeof SENDERS;

/** First byte of an echo request and of its answer on `fast`. */
const ECHO_REQUEST = 1;
const ECHO_ANSWER = 2;
/** Echoes that may be under way; more are a loop. */
const ECHOES_MAX = 32;
/** An echo that is not back by then is lost, ms. */
const ECHO_TIMEOUT_MS = 3_000;
/** Echoes that are under way when the last was sent are waited for, ms. */
const STRAGGLERS_MS = 500;
/** `disconnected` often heals by itself; after this long we ask for an ICE restart, ms. */
const DISCONNECTED_PATIENCE_MS = 2_500;
/** A start bitrate that differs by less is left, as a share. */
const START_RATE_NEAR = 0.15;
/** Wait before the next ICE restart when the last one could not be told to the server, ms. */
const RESTART_AGAIN_MS = 2_000;

/** Where a peer connection stands. `failed`: it cannot be helped, make a new one. */
export type MediaState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

/** What a peer tells. */
export interface MediaEvents {
  /** A reliable message of the server or the other side. */
  control: string;
}

/** What a peer needs. */
export interface MediaOptions {
  /** Gets the answers. */
  offer: OfferMedia;
  /** `welcome.video_codecs`: preferred codecs, best first. */
  videoCodecs: readonly string[];
}

/** A media connection to the server. */
export class MediaPeer {
  /** Where it stands. */
  readonly state = new Store<MediaState>('new');
  /** The connection itself, for statistics. */
  readonly pc: RTCPeerConnection;
  readonly #options: MediaOptions;
  readonly #events = new Emitter<MediaEvents>();
  readonly #control: RTCDataChannel;
  readonly #fast: RTCDataChannel;
  readonly #echoes = new Map<number, { sentMs: number; done: (rttMs: number) => void }>();
  #echoSeq = 0;
  readonly #fastListeners = new Set<(message: ArrayBuffer) => void>();
  /** The server's last answer, and the start bitrate that we put into it. */
  #answered: { sdp: string; startKbps: number | null } | null = null;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #restarting = false;

  constructor(options: MediaOptions) {
    this.#options = options;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (const { kind, direction } of SLOTS) {
      const transceiver = this.pc.addTransceiver(kind, { direction });
      if (kind === 'video') preferCodecs(transceiver, direction, options.videoCodecs);
    }
    this.#control = this.pc.createDataChannel('control', { ordered: true });
    this.#fast = this.pc.createDataChannel('fast', { ordered: false, maxRetransmits: 0 });
    this.#fast.binaryType = 'arraybuffer';
    this.#fast.onmessage = (event) => this.#fastMessage(event.data);
    this.#control.onmessage = (event) => {
      if (typeof event.data === 'string') this.#events.emit('control', event.data);
    };
    this.pc.onconnectionstatechange = () => this.#connectionChanged();
  }

  /** Calls `listener` at each `event`; returns what ends it. */
  on<K extends keyof MediaEvents>(event: K, listener: (value: MediaEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Offers and applies the answer. `sent` is told when the offer leaves. With `go` descriptions are exchanged at once, and
   * the path is looked for when it is done: until then nothing but this exchange has crossed the line. @throws RequestError
   * when the server refuses, or what the browser throws; the peer is `failed` then.
   */
  async connect(sent?: () => void, go?: Promise<void>): Promise<void> {
    try {
      await this.#negotiate(false, sent, go);
    } catch (error) {
      this.#fail();
      throw error;
    }
  }

  /**
   * New ICE credentials and candidates, after the path was lost or the server asked. While the server cannot be reached it
   * is tried again until it can, or until the owner closes the peer; a refusal of the server is the end.
   */
  async restartIce(): Promise<void> {
    if (this.#restarting || this.#over()) return;
    clearTimeout(this.#restartTimer);
    this.#restarting = true;
    try {
      this.pc.restartIce();
      await this.#negotiate(true);
    } catch (error) {
      if (error instanceof RequestError && error.code === 'disconnected') this.#restartLater(RESTART_AGAIN_MS);
      else this.#fail();
    } finally {
      this.#restarting = false;
    }
  }

  #restartLater(afterMs: number): void {
    clearTimeout(this.#restartTimer);
    if (!this.#over()) this.#restartTimer = setTimeout(() => void this.restartIce(), afterMs);
  }

  /** Puts a track on a sender, or null takes it off. No negotiation. */
  async replaceTrack(slot: SendSlot, track: MediaStreamTrack | null): Promise<void> {
    await this.sender(slot).replaceTrack(track);
  }

  /** The sender of a slot. */
  sender(slot: SendSlot): RTCRtpSender {
    const sender = this.pc.getTransceivers()[SENDERS[slot]]?.sender;
    if (!sender) throw new Error(`no sender for ${slot}`);
    return sender;
  }

  /** The track received on a slot; null when there is no such slot. */
  received(mid: string): MediaStreamTrack | null {
    return this.pc.getTransceivers()[Number(mid)]?.receiver.track ?? null;
  }

  /** The receiver of a slot, for statistics. */
  receiver(mid: string): RTCRtpReceiver | null {
    return this.pc.getTransceivers()[Number(mid)]?.receiver ?? null;
  }

  /** True while both data channels are open. */
  get channelsOpen(): boolean {
    return this.#control.readyState === 'open' && this.#fast.readyState === 'open';
  }

  /** Sends a reliable message; false when the channel is not open. */
  sendControl(text: string): boolean {
    if (this.#control.readyState !== 'open') return false;
    this.#control.send(text);
    return true;
  }

  /** Round trip of a datagram to the server and back on `fast`, ms; null when it was lost or the channel is not open. */
  echo(): Promise<number | null> {
    if (this.#fast.readyState !== 'open' || this.#echoes.size >= ECHOES_MAX) return Promise.resolve(null);
    this.#echoSeq = (this.#echoSeq + 1) >>> 0;
    const seq = this.#echoSeq;
    const message = new DataView(new ArrayBuffer(5));
    message.setUint8(0, ECHO_REQUEST);
    message.setUint32(1, seq);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#echoes.delete(seq);
        resolve(null);
      }, ECHO_TIMEOUT_MS);
      this.#echoes.set(seq, {
        sentMs: performance.now(),
        done: (rttMs) => {
          clearTimeout(timer);
          resolve(rttMs);
        },
      });
      this.#fast.send(message.buffer);
    });
  }

  /** Ends it. Tracks on the senders are not stopped: they belong to whoever put them there. */
  close(): void {
    clearTimeout(this.#restartTimer);
    this.pc.onconnectionstatechange = null;
    this.pc.close();
    this.state.set('closed');
  }

  /** What the uplink carries, by one train of datagrams; null when it cannot be told. Waits for the connection first. */
  async uplink(): Promise<UplinkRate | null> {
    await this.#fastOpen();
    return probeUplink(this.#fast, (listener) => {
      this.#fastListeners.add(listener);
      return () => this.#fastListeners.delete(listener);
    });
  }

  /** Echoes for so long: round trip, and loss and jitter by direction; null when it cannot be told. */
  async echoes(forMs: number): Promise<EchoFacts | null> {
    await this.#fastOpen();
    if (this.#fast.readyState !== 'open') return null;
    const train = new EchoTrain(Math.random() * 2 ** 32);
    const take = (message: ArrayBuffer) => train.take(message, performance.now());
    this.#fastListeners.add(take);
    const stop = runEchoes(this.#fast, train);
    await new Promise((done) => setTimeout(done, forMs));
    stop();
    await new Promise((done) => setTimeout(done, STRAGGLERS_MS));
    this.#fastListeners.delete(take);
    const [rttMs, directions] = [train.rttMs(), train.directions()];
    return rttMs === null || directions === null ? null : { rttMs, ...directions };
  }

  /**
   * Sets what the first picture may use, kbit/s, after the connection is up and before anything is sent: the same
   * descriptions are applied once more here, and the server hears nothing of it. Without effect where the browser does not
   * read the rate from a description (all but Chromium's kind).
   */
  async setStartBitrate(kbps: number): Promise<void> {
    const answered = this.#answered;
    if (!answered || this.#over() || this.#restarting || this.pc.signalingState !== 'stable') return;
    const known = answered.startKbps;
    if (!isChromium() || (known && Math.abs(kbps / known - 1) < START_RATE_NEAR)) return;
    answered.startKbps = kbps;
    await this.pc.setLocalDescription(await this.pc.createOffer());
    await this.pc.setRemoteDescription({ type: 'answer', sdp: withStartBitrate(answered.sdp, kbps) });
  }

  #fastOpen(): Promise<void> {
    if (this.#fast.readyState !== 'connecting') return Promise.resolve();
    return new Promise((resolve) => {
      for (const event of ['open', 'close', 'error'])
        this.#fast.addEventListener(event, () => resolve(), { once: true });
    });
  }

  async #negotiate(restart: boolean, sent?: () => void, go?: Promise<void>): Promise<void> {
    if (this.state.get() === 'new') this.state.set('connecting');
    const offer = await this.pc.createOffer();
    await this.pc.setLocalDescription(offer);
    // The offer goes without candidates: the server learns ours from their checks.
    const answer = this.#options.offer(this.pc.localDescription?.sdp ?? offer.sdp ?? '', restart);
    sent?.();
    const { sdp, startBitrateKbps } = await answer;
    await go;
    if (this.#over()) return;
    this.#answered = { sdp, startKbps: startBitrateKbps ?? null };
    await this.pc.setRemoteDescription({ type: 'answer', sdp: withStartBitrate(sdp, startBitrateKbps) });
  }

  #connectionChanged(): void {
    clearTimeout(this.#restartTimer);
    if (this.#over()) return;
    const now = this.pc.connectionState;
    if (now === 'connected') this.state.set('connected');
    if (now === 'disconnected') {
      this.state.set('disconnected');
      this.#restartLater(DISCONNECTED_PATIENCE_MS);
    }
    if (now === 'failed') {
      this.state.set('disconnected');
      void this.restartIce();
    }
  }

  #fastMessage(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return;
    for (const listener of this.#fastListeners) listener(data);
    if (data.byteLength !== 5) return;
    const message = new DataView(data);
    if (message.getUint8(0) !== ECHO_ANSWER) return;
    const seq = message.getUint32(1);
    const echo = this.#echoes.get(seq);
    this.#echoes.delete(seq);
    echo?.done(performance.now() - echo.sentMs);
  }

  #over(): boolean {
    const state = this.state.get();
    return state === 'closed' || state === 'failed';
  }

  #fail(): void {
    if (this.#over()) return;
    clearTimeout(this.#restartTimer);
    this.pc.onconnectionstatechange = null;
    this.pc.close();
    this.state.set('failed');
  }
}

/** Orders a transceiver's codecs by the server's preference; those it does not name stay behind, in the browser's order. */
function preferCodecs(
  transceiver: RTCRtpTransceiver,
  direction: RTCRtpTransceiverDirection,
  preferred: readonly string[],
): void {
  const able =
    direction === 'sendonly' ? RTCRtpSender.getCapabilities('video') : RTCRtpReceiver.getCapabilities('video');
  if (!able || preferred.length === 0 || !('setCodecPreferences' in transceiver)) return;
  transceiver.setCodecPreferences(orderCodecs(able.codecs, preferred));
}

/** Codecs in the order of `preferred` (names such as `VP8`, any case), the others after them, all in stable order. */
export function orderCodecs<T extends { mimeType: string }>(codecs: readonly T[], preferred: readonly string[]): T[] {
  const names = preferred.map((name) => `video/${name}`.toLowerCase());
  const rank = (codec: T) => {
    const at = names.indexOf(codec.mimeType.toLowerCase());
    return at < 0 ? names.length : at;
  };
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}
