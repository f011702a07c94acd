// When a viewer is offered help without having asked: after a sustained stall. Pure; one call a second.

import type { Sample } from '../lanes.ts';

/** Waiting of this length within so many seconds, or so many waits within so many, is more than bad luck. */
const WAITED_MS = 8_000;
const WAITED_WITHIN_S = 30;
const STALLS = 3;
const STALLS_WITHIN_S = 60;

/** Looks for a sustained stall. */
export class StallOffer {
  readonly #seconds: { stalls: number; stalledMs: number }[] = [];

  /** Takes a second of the player; true when help is due now. Seconds without a visible player are none. */
  second(player: Sample | null): boolean {
    if (player === null || player.hidden === true) return false;
    const now = { stalls: Number(player.stalls), stalledMs: Number(player.stalledMs) };
    this.#seconds.push(now);
    if (this.#seconds.length > STALLS_WITHIN_S + 1) this.#seconds.shift();
    const ago = (seconds: number) => this.#seconds[Math.max(0, this.#seconds.length - 1 - seconds)] ?? now;
    const due =
      now.stalledMs - ago(WAITED_WITHIN_S).stalledMs >= WAITED_MS || now.stalls - ago(STALLS_WITHIN_S).stalls >= STALLS;
    if (due) this.#seconds.splice(0, this.#seconds.length, now);
    return due;
  }
}
