// Watches a page: its player, the requests for media, the device, and what explains them. Keeps the last minute of every lane
// in the page; whoever opens the chat follows it, and from then on gets every second.

import { localNowMs } from '../clock.ts';
import type { PlayerSecond } from '../courtesy.ts';
import { type LaneName, type Lanes, moved, type Sample } from '../lanes.ts';
import { SecondTicker } from '../ticker.ts';
import { DeviceSampler } from './device.ts';
import type { Engine, EngineReading, TellSegment } from './engine.ts';
import { engineOf, videoOf } from './engines.ts';
import { candidatesFor } from './find-engine.ts';
import { PlayerPictures } from './pictures.ts';
import { PlayerSampler } from './player.ts';
import { LaneRing } from './ring.ts';
import { type ResourceEntry, SegmentBook } from './segments.ts';
import { StallOffer } from './stall-offer.ts';
import { TroubleSense } from './trouble.ts';

/** Time between two looks for the player's library while none is known, s. */
const SEARCH_S = 5;

/** A piece older than this may be gone from its host, ms. */
const PIECE_MS_MAX = 30_000;

/** What a mark says (docs/diagnosis.md). */
export type MarkKind =
  | 'share_started'
  | 'share_ended'
  | 'muted'
  | 'unmuted'
  | 'hidden'
  | 'visible'
  | 'help_offered'
  | 'help_withheld'
  | 'help_taken';

/** Who follows. All times are those of the server's clock. */
export interface Follower {
  /** What to add to our time, ms. */
  offsetMs(): number;
  /** Round trip of the page's socket, when one came back since this was asked last, ms. */
  pingMs(): number | null;
  /** A sample or an event. */
  sample(lane: LaneName, sample: Sample): void;
  /** The samples of a second are complete. `troubled`: there are signs of trouble, in it or shortly before; `began`: for the first time in a while. */
  endSecond(troubled: boolean, began: boolean): void;
}

/** Watches the page. Nothing of it leaves the page. */
export class PageWatch {
  /** Called when the player has waited so much that help ought to be offered. */
  onSustainedStall: (() => void) | null = null;
  readonly #stallOffer = new StallOffer();
  readonly #player = new PlayerSampler();
  readonly #device = new DeviceSampler();
  readonly #segments = new SegmentBook();
  readonly #ring = new LaneRing();
  readonly #trouble = new TroubleSense();
  readonly #pictures = new PlayerPictures({
    nowMs: () => this.nowMs(),
    onSample: (sample) => {
      this.note('picture', sample);
      this.#trouble.picture(sample);
    },
    alert: () => this.#follower !== null,
  });
  readonly #ticker: SecondTicker;
  #observer: PerformanceObserver | null = null;
  #follower: Follower | null = null;
  #engine: { engine: Engine; of: unknown; handed: boolean } | null = null;
  #handed: unknown = null;
  #searchIn = 0;
  #needsKbps: number | null = null;
  readonly #onVisibility = () => this.mark(document.visibilityState === 'hidden' ? 'hidden' : 'visible');

  constructor() {
    this.#ticker = new SecondTicker({
      nowMs: () => localNowMs() + this.#offsetMs(),
      onSecond: (second) => this.#second(second),
    });
  }

  /** Starts watching. */
  start(): void {
    this.#device.start();
    this.#player.video();
    this.#observeRequests();
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#ticker.start();
  }

  /** Stops watching. */
  stop(): void {
    this.#ticker.stop();
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#observer?.disconnect();
    this.#device.stop();
    this.#player.stop();
    this.#pictures.of(null);
    this.#dropEngine();
  }

  /** The page's player: the largest <video> it shows; null when there is none. */
  video(): HTMLVideoElement | null {
    return this.#player.video();
  }

  /** How the player is at this moment; null when the page has none. */
  now(): PlayerSecond | null {
    return this.#player.now();
  }

  /** The newest piece of media that the player fetched; null when there is none of the last half minute. */
  newestPiece(): { url: string; readable: boolean } | null {
    const { newest } = this.#segments;
    return newest && performance.now() - newest.endMs < PIECE_MS_MAX ? newest : null;
  }

  /** We fetch this now: it is no request of the player's. */
  ownFetch(url: string): void {
    this.#segments.own = { url, fromMs: performance.now() };
  }

  /** What the stream needs, kbit/s; null while unknown. */
  needsKbps(): number | null {
    return this.#needsKbps;
  }

  /** Whether something of this page is being shared. */
  set sharing(on: boolean) {
    if (on === this.#player.sharing) return;
    this.#player.sharing = on;
    this.mark(on ? 'share_started' : 'share_ended');
  }

  get sharing(): boolean {
    return this.#player.sharing;
  }

  /** The host hands its player over: an object of a known library. Anything else is as good as none. */
  setPlayer(player: unknown): void {
    this.#handed = player;
    this.#searchIn = 0;
  }

  /** Notes a moment that explains what follows. */
  mark(kind: MarkKind): void {
    this.note('marks', { t: Math.round(localNowMs() + this.#offsetMs()), kind });
  }

  /** Takes a sample of another collector; its `t` is of `nowMs`. */
  note(lane: LaneName, sample: Sample): void {
    if (this.#follower) this.#follower.sample(lane, sample);
    else this.#ring.push(lane, sample);
  }

  /** The lanes' time, ms: the server's while somebody follows, else our own. */
  nowMs(): number {
    return localNowMs() + this.#offsetMs();
  }

  /** The last minute, with its times on the server's clock, and from now on every sample to `follower`. */
  follow(follower: Follower): { history: Lanes; end: () => void } {
    const history = moved(this.#ring.take(localNowMs()), follower.offsetMs());
    this.#follower = follower;
    this.#pictures.hurry();
    return {
      history,
      end: () => {
        if (this.#follower === follower) this.#follower = null;
      },
    };
  }

  #offsetMs(): number {
    return this.#follower?.offsetMs() ?? 0;
  }

  #second(second: number): void {
    const video = this.#player.video();
    this.#findEngine(video);
    this.#pictures.of(video);
    const reading = this.#read();
    const player = this.#player.sample(second, this.#follower !== null);
    const sample = player && withReading(player, this.#engine?.engine.name, reading);
    if (sample) this.note('player', sample);
    this.#needsKbps = typeof sample?.bitrateKbps === 'number' ? sample.bitrateKbps : null;
    if (this.#stallOffer.second(sample)) this.onSustainedStall?.();
    const origin = performance.timeOrigin + this.#offsetMs();
    const told = this.#engine !== null && this.#engine.engine.name !== 'mpegts.js';
    const segments = this.#segments.due(performance.now(), (steadyMs) => Math.round(origin + steadyMs), told);
    for (const segment of segments) this.note('segments', segment);
    const device = this.#device.sample(second, this.#playing(video, sample), this.#follower?.pingMs() ?? null);
    this.note('device', device);
    const troubled = this.#trouble.second(sample, segments, device);
    this.#follower?.endSecond(troubled, this.#trouble.began);
  }

  #playing(video: HTMLVideoElement | null, sample: Sample | null) {
    const contentType = this.#engine?.engine.contentType() ?? null;
    if (!video || !contentType) return null;
    return {
      contentType,
      width: video.videoWidth,
      height: video.videoHeight,
      // Asked for the kind of stream, not for this second's rate.
      bitrate: Number(sample?.bitrateKbps ?? 2_000) * 1_000,
      framerate: Number(sample?.frameRate ?? 30),
    };
  }

  #read(): EngineReading {
    try {
      return this.#engine?.engine.read() ?? {};
    } catch {
      // Destroyed: the next look finds another, or none.
      this.#dropEngine();
      return {};
    }
  }

  /** The library's object: what the host hands over before what is found. */
  #findEngine(video: HTMLVideoElement | null): void {
    const handed = this.#handed ?? (globalThis as { sightlinePlayer?: unknown }).sightlinePlayer ?? null;
    if (handed !== null && this.#engine?.of === handed) return;
    if (handed !== null && this.#take(handed, true)) return;
    const known = this.#engine;
    if (known && (known.handed || videoOf(known.of) !== video)) this.#dropEngine();
    if (this.#engine || !video) return;
    this.#searchIn -= 1;
    if (this.#searchIn > 0) return;
    this.#searchIn = SEARCH_S;
    for (const candidate of candidatesFor(video)) if (this.#take(candidate, false)) return;
  }

  #take(candidate: unknown, handed: boolean): boolean {
    const tell = (segment: TellSegment) => this.#segments.tell(segment, performance.now());
    const engine = engineOf(candidate, tell);
    if (!engine) return false;
    this.#dropEngine();
    this.#engine = { engine, of: candidate, handed };
    return true;
  }

  #dropEngine(): void {
    this.#engine?.engine.close();
    this.#engine = null;
  }

  #observeRequests(): void {
    if (typeof PerformanceObserver === 'undefined') return;
    try {
      this.#observer = new PerformanceObserver((list) =>
        this.#segments.take(list.getEntries() as (PerformanceEntry & ResourceEntry)[], performance.now()),
      );
      this.#observer.observe({ type: 'resource', buffered: true });
    } catch {
      this.#observer = null;
    }
  }
}

/** A player's sample with what its library says. Errors of both are counted together. */
function withReading(player: Sample, engine: string | undefined, reading: EngineReading): Sample {
  const rounded = Object.fromEntries(
    Object.entries(reading).map(([name, value]) => [
      name,
      value === undefined ? value : Math.round(value * 1000) / 1000,
    ]),
  );
  const mediaErrors = Number(player.mediaErrors ?? 0) + (reading.mediaErrors ?? 0);
  return {
    ...player,
    ...rounded,
    frameRate: reading.frameRate ?? player.frameRate,
    ...(rounded.pendingMs !== undefined && { pendingMs: Math.round(rounded.pendingMs) }),
    mediaErrors,
    engine,
  };
}
