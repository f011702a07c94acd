// Owns the watch for what is still to come in a call at this end: the first frame on a hidden page, the first sound, the
// legible picture. It reads the receivers' statistics quickly, and only until all of it is there or given up.

import {
  ARRIVAL_POLL_MS,
  LEGIBLE_WITHIN_MS,
  LegibleWatch,
  type PictureReading,
  pictureIn,
  soundPlayed,
} from '../../client/agent-arrival.ts';
import { localNowMs } from '../../client/clock.ts';
import type { MediaPeer } from '../../client/media.ts';

/** What is told, at the page's own clock, ms since the Unix epoch. */
export interface ArrivalEvents {
  /** A frame of this call was decoded. */
  frame: (atMs: number) => void;
  /** Sound was played. */
  sound: (atMs: number) => void;
  /** The picture is legible since then. */
  legible: (atMs: number) => void;
}

/** What a call's watch needs. */
export interface ArrivalOptions extends ArrivalEvents {
  peer: MediaPeer;
  /** `mid` of the picture, once it is known; `null` in a call of sound alone. */
  pictureMid: () => string | null;
  /** `mid` of the sound, once it is known. */
  soundMid: () => string | null;
  /** Whether no picture is to come. */
  soundOnly: boolean;
  /** What the picture slots' counters said before the call, by `mid`. */
  before: ReadonlyMap<string, PictureReading>;
}

/** Watches one call until everything has arrived, or `stop`. */
export class Arrivals {
  readonly #options: ArrivalOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #legible: { mid: string; watch: LegibleWatch } | null = null;
  #firstFrameMs: number | null = null;
  #sound = false;
  #over = false;

  constructor(options: ArrivalOptions) {
    this.#options = options;
    void this.#look();
  }

  /** Ends it. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      if (this.#options.soundOnly) await this.#lookAtSound();
      else await this.#lookAtPicture();
    } catch {
      // A connection being closed may refuse; the call's end stops this.
    }
    if (!this.#over) this.#timer = setTimeout(() => void this.#look(), ARRIVAL_POLL_MS);
  }

  async #lookAtSound(): Promise<void> {
    const mid = this.#options.soundMid();
    const report = mid === null ? undefined : await this.#options.peer.receiver(mid)?.getStats();
    if (mid === null || report === undefined || this.#over || this.#sound) return;
    if (!soundPlayed(report, mid)) return;
    this.#sound = true;
    this.#options.sound(localNowMs());
    this.stop();
  }

  async #lookAtPicture(): Promise<void> {
    const mid = this.#options.pictureMid();
    if (mid === null) return;
    const report = await this.#options.peer.receiver(mid)?.getStats();
    const now = report === undefined ? null : pictureIn(report, mid, localNowMs());
    if (now === null || this.#over) return;
    const before = this.#options.before.get(mid) ?? null;
    if (before !== null && now.framesDecoded === before.framesDecoded) return;
    if (this.#firstFrameMs === null) {
      this.#firstFrameMs = now.atMs;
      this.#options.frame(now.atMs);
    }
    if (this.#legible?.mid !== mid) this.#legible = { mid, watch: new LegibleWatch(before) };
    const since = this.#legible.watch.take(now);
    if (since !== null) this.#options.legible(since);
    if (since !== null || now.atMs - this.#firstFrameMs > LEGIBLE_WITHIN_MS) this.stop();
  }
}

/** What the picture slots' counters say now, by `mid`: the state before a call. */
export async function readPictures(peer: MediaPeer, mids: readonly string[]): Promise<Map<string, PictureReading>> {
  const readings = new Map<string, PictureReading>();
  for (const mid of mids) {
    const report = await peer.receiver(mid)?.getStats();
    const reading = report === undefined ? null : pictureIn(report, mid, localNowMs());
    if (reading !== null) readings.set(mid, reading);
  }
  return readings;
}
