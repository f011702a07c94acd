// Health of the page's player: its largest <video>, looked at once a second. What the library behind it knows is added by
// the caller; nothing is asked of anybody here, nothing is sent.

import type { PlayerSecond } from '../courtesy.ts';
import type { Sample } from '../lanes.ts';
import { FrameMeter } from './frames.ts';
import { StallMeter } from './stall.ts';

/** `MediaError.code` of media that could not be decoded, or not be used at all. */
const MEDIA_ERR_DECODE = 3;

/** Media that was taken away while it played is back by then when another one was chosen; later somebody waits, ms. */
const RELOAD_MS = 3_000;

/** Samples the page's player. */
export class PlayerSampler {
  /** The share of the player or the screen runs, so that its cost to the player can be told from a fault. */
  sharing = false;
  readonly #stalls = new StallMeter();
  #frames: FrameMeter | null = null;
  #video: HTMLVideoElement | null = null;
  #unwatch: () => void = () => {};
  /** When the person or the page wanted it to play, ms of `performance.now()`; null when we were not there. */
  #wantedMs: number | null = null;
  #startupMs: number | null = null;
  #mediaErrors = 0;
  /** It plays, or would if it had data. */
  #plays = false;
  /** When its media was taken away meanwhile, ms: libraries do so to get out of an error, and the element is paused then. */
  #takenMs: number | null = null;
  #dropped = 0;

  /** The page's player: the largest <video> it shows; null when there is none. */
  video(): HTMLVideoElement | null {
    const largest = largestVideo(document.querySelectorAll('video'));
    if (largest !== this.#video) this.#take(largest);
    return this.#video;
  }

  /** Lets go of the player. */
  stop(): void {
    this.#unwatch();
    this.#unwatch = () => {};
    this.#frames?.stop();
    this.#frames = null;
    this.#video = null;
  }

  /** How the player is at this moment; null when the page has none. */
  now(): PlayerSecond | null {
    const video = this.#video;
    if (!video) return null;
    return {
      stalls: this.#stalls.count,
      waiting: this.#stalls.waiting,
      bufferedAheadS: bufferedAhead(video.buffered, video.currentTime),
      playing: expectsProgress(video),
    };
  }

  /** The sample of a second; null when the page has no player. `alert`: somebody waits for a verdict. */
  sample(second: number, alert: boolean): Sample | null {
    const video = this.video();
    if (!video) return null;
    const now = performance.now();
    this.#progressed(video);
    const quality = video.getVideoPlaybackQuality?.();
    const droppedBefore = this.#dropped;
    this.#dropped = quality?.droppedVideoFrames ?? 0;
    return {
      t: second,
      currentTime: round3(video.currentTime),
      paused: video.paused,
      ended: video.ended,
      seeking: video.seeking,
      readyState: video.readyState,
      bufferedAheadS: round3(bufferedAhead(video.buffered, video.currentTime)),
      stalls: this.#stalls.count,
      stalledMs: Math.round(this.#stalls.totalMs(now)),
      waiting: this.#stalls.waiting,
      droppedVideoFrames: quality?.droppedVideoFrames ?? null,
      totalVideoFrames: quality?.totalVideoFrames ?? null,
      videoWidth: video.videoWidth,
      videoHeight: video.videoHeight,
      playbackRate: video.playbackRate,
      hidden: document.visibilityState === 'hidden',
      sharing: this.sharing,
      startupMs: this.#startupMs,
      mediaErrors: this.#mediaErrors,
      ...this.#frames?.second(expectsProgress(video), this.#dropped > droppedBefore, alert),
    };
  }

  #progressed(video: HTMLVideoElement): void {
    const now = performance.now();
    if (this.#takenMs !== null) {
      if (now - this.#takenMs < RELOAD_MS) return;
      // A page that has put its player away waits for nothing.
      if (hasMedia(video)) this.#stalls.taken(this.#takenMs);
      else this.#interrupted();
      return;
    }
    if (video.seeking && this.#stalls.waiting) return;
    if (expectsProgress(video) && video.currentTime > 0) this.#plays = true;
    this.#stalls.progressed(video.currentTime, expectsProgress(video), now);
  }

  #interrupted(): void {
    this.#plays = false;
    this.#takenMs = null;
    this.#stalls.interrupted(performance.now());
  }

  #take(video: HTMLVideoElement | null): void {
    this.stop();
    this.#video = video;
    this.#stalls.startOver();
    this.#plays = false;
    this.#takenMs = null;
    this.#wantedMs = null;
    this.#startupMs = null;
    if (!video) return;
    this.#frames = FrameMeter.of(video);
    this.#unwatch = this.#watch(video);
  }

  #watch(video: HTMLVideoElement): () => void {
    const interrupted = () => this.#interrupted();
    // Players jump to get out of a stall: the person waits on.
    const sought = () => !this.#stalls.waiting && this.#stalls.interrupted(performance.now());
    const on: Record<string, () => void> = {
      waiting: () => this.#stalls.waited(expectsProgress(video), performance.now()),
      playing: () => this.#played(),
      timeupdate: () => this.#progressed(video),
      pause: interrupted,
      seeking: sought,
      ended: interrupted,
      emptied: () => {
        if (this.#plays) this.#takenMs ??= performance.now();
        else interrupted();
        this.#wantedMs = null;
      },
      loadstart: () => video.autoplay && this.#wanted(),
      play: () => this.#wanted(),
      error: () => {
        if ((video.error?.code ?? 0) >= MEDIA_ERR_DECODE) this.#mediaErrors += 1;
      },
    };
    const events = Object.entries(on);
    for (const [name, listener] of events) video.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of events) video.removeEventListener(name, listener);
    };
  }

  #wanted(): void {
    this.#wantedMs ??= performance.now();
  }

  #played(): void {
    const now = performance.now();
    this.#plays = true;
    this.#takenMs = null;
    this.#stalls.played(now);
    if (this.#wantedMs !== null && this.#startupMs === null) this.#startupMs = Math.round(now - this.#wantedMs);
  }
}

/** True when the element has something to load or to play. */
function hasMedia({ networkState }: HTMLVideoElement): boolean {
  return networkState !== HTMLMediaElement.NETWORK_EMPTY && networkState !== HTMLMediaElement.NETWORK_NO_SOURCE;
}

/** True when the picture ought to move. */
function expectsProgress(video: HTMLVideoElement): boolean {
  return !video.paused && !video.ended && !video.seeking && video.playbackRate !== 0;
}

function largestVideo(videos: Iterable<HTMLVideoElement>): HTMLVideoElement | null {
  let best: HTMLVideoElement | null = null;
  let bestArea = -1;
  for (const video of videos) {
    const area = video.clientWidth * video.clientHeight;
    if (area > bestArea) {
      best = video;
      bestArea = area;
    }
  }
  return best;
}

/** Seconds of media after `at` that are there without a gap. */
export function bufferedAhead(ranges: Pick<TimeRanges, 'length' | 'start' | 'end'>, at: number): number {
  for (let n = 0; n < ranges.length; n++) {
    // Live streams start a little before their first buffered frame.
    if (ranges.start(n) - 0.1 <= at && at <= ranges.end(n)) return ranges.end(n) - at;
  }
  return 0;
}

function round3(n: number): number {
  return Number.isFinite(n) ? Math.round(n * 1000) / 1000 : 0;
}
