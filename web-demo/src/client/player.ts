// Health of the page's player: one sample a second of its largest <video>, the last minute kept. Small, since it is part
// of the loader that every page of the host carries; asks nobody, sends nothing.

import type { Sample } from './blocks.ts';
import { localNowMs } from './clock.ts';
import type { PlayerSecond } from './courtesy.ts';
import { StallMeter } from './stall.ts';
import { SecondTicker } from './ticker.ts';

/** Seconds kept before the chat is opened. */
const RING_SECONDS = 60;

/** Watches the page's player. */
export class PlayerCollector {
  /** The share of the player or the screen runs, so that its cost to the player can be told from a fault. */
  sharing = false;
  readonly #ring: Sample[] = [];
  readonly #stalls = new StallMeter();
  readonly #ticker: SecondTicker;
  #video: HTMLVideoElement | null = null;
  #unwatch: () => void = () => {};
  #offsetMs: () => number = () => 0;
  #listener: ((sample: Sample) => void) | null = null;

  constructor() {
    this.#ticker = new SecondTicker({
      nowMs: () => localNowMs() + this.#offsetMs(),
      onSecond: (second) => this.#sample(second),
    });
  }

  /** Starts watching. */
  start(): void {
    this.#ticker.start();
  }

  /** Stops watching. */
  stop(): void {
    this.#ticker.stop();
    this.#unwatch();
    this.#video = null;
  }

  /** The page's player: the largest <video> it shows; null when there is none. */
  video(): HTMLVideoElement | null {
    this.#choose();
    return this.#video;
  }

  /**
   * The last minute, with its times moved to the server's clock, and from now on every sample to `listener`. `offsetMs`
   * says what to add to our time. Returns what ends it.
   */
  follow(offsetMs: () => number, listener: (sample: Sample) => void): { history: Sample[]; end: () => void } {
    const history = onServerClock(this.#ring.splice(0), offsetMs());
    this.#offsetMs = offsetMs;
    this.#listener = listener;
    return {
      history,
      end: () => {
        this.#listener = null;
      },
    };
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

  #sample(second: number): void {
    this.#choose();
    const video = this.#video;
    if (!video) return;
    const now = performance.now();
    this.#stalls.progressed(video.currentTime, expectsProgress(video), now);
    const quality = video.getVideoPlaybackQuality?.();
    const sample: Sample = {
      t: second,
      currentTime: round3(video.currentTime),
      paused: video.paused,
      ended: video.ended,
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
    };
    if (this.#listener) {
      this.#listener(sample);
      return;
    }
    this.#ring.push(sample);
    if (this.#ring.length > RING_SECONDS) this.#ring.shift();
  }

  #choose(): void {
    const largest = largestVideo(document.querySelectorAll('video'));
    if (largest === this.#video) return;
    this.#unwatch();
    this.#video = largest;
    this.#stalls.startOver();
    if (largest) this.#unwatch = this.#watch(largest);
  }

  #watch(video: HTMLVideoElement): () => void {
    const on = {
      waiting: () => this.#stalls.waited(expectsProgress(video), performance.now()),
      playing: () => this.#stalls.played(performance.now()),
      timeupdate: () => this.#stalls.progressed(video.currentTime, expectsProgress(video), performance.now()),
      pause: () => this.#stalls.interrupted(performance.now()),
      seeking: () => this.#stalls.interrupted(performance.now()),
      ended: () => this.#stalls.interrupted(performance.now()),
      emptied: () => this.#stalls.interrupted(performance.now()),
    };
    const events = Object.entries(on);
    for (const [name, listener] of events) video.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of events) video.removeEventListener(name, listener);
    };
  }
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

/** Samples with `t` moved by `offsetMs` to whole seconds of the server's clock; of two on one second the later stays. */
export function onServerClock(samples: readonly Sample[], offsetMs: number): Sample[] {
  const bySecond = new Map<number, Sample>();
  for (const sample of samples) {
    const t = Math.round((sample.t + offsetMs) / 1000) * 1000;
    bySecond.set(t, { ...sample, t });
  }
  return [...bySecond.values()];
}

function round3(n: number): number {
  return Number.isFinite(n) ? Math.round(n * 1000) / 1000 : 0;
}
