// Owns the judgement whether the picture still moves: by the time since the last frame, not by counters that grow only when
// a freeze is over. Pure; the time is passed in.

/** Without a frame for this long the picture counts as frozen, ms. A still screen is repeated about once a second. */
export const FROZEN_AFTER_MS = 2_000;

/** Watches the frames of one picture. Times are ms of any steady clock. */
export class FrameWatch {
  #lastMs: number | null = null;

  /** A frame was shown. */
  frame(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** Starts waiting anew: the page was hidden, where no frame is shown, or the picture is another one. */
  restart(nowMs: number): void {
    if (this.#lastMs !== null) this.#lastMs = nowMs;
  }

  /** Forgets the picture: until the first frame nothing can be frozen. */
  clear(): void {
    this.#lastMs = null;
  }

  /** For how long the picture has not moved, ms; `null` while it does, and before the first frame. */
  frozenFor(nowMs: number): number | null {
    if (this.#lastMs === null) return null;
    const silent = nowMs - this.#lastMs;
    return silent > FROZEN_AFTER_MS ? silent : null;
  }
}
