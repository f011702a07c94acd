// What the player's picture looks like: keeps the detectors on the page's player. Their code comes when there is one.

import type { Sample } from '../lanes.ts';
import type { PictureWatch } from '../picture/watch.ts';

/** Time between inspected frames while somebody waits for a verdict, ms. */
const ALERT_MS = 250;
/** While nobody does two frames are compared, and then none is looked at for so long, ms: the host's page is not ours. */
const PAIR_MS = 500;
const CALM_MS = 6_000;

/** Detectors for the page's player, whichever element that is. */
export class PlayerPictures {
  readonly #nowMs: () => number;
  readonly #onSample: (sample: Sample) => void;
  readonly #alert: () => boolean;
  #video: HTMLVideoElement | null = null;
  #watch: PictureWatch | null = null;
  #half = false;

  /** `nowMs`: the clock of the lanes; `alert`: the chat is open; `onSample` gets a sample of the lane `picture` for every second that can be judged. */
  constructor(of: { nowMs: () => number; onSample: (sample: Sample) => void; alert: () => boolean }) {
    this.#nowMs = of.nowMs;
    this.#onSample = of.onSample;
    this.#alert = of.alert;
  }

  /** Looks at this player from now on; null: at none. The same again changes nothing. */
  of(video: HTMLVideoElement | null): void {
    if (video === this.#video) return;
    this.#video = video;
    this.#watch?.stop();
    if (video) this.#start(video).catch(() => undefined);
  }

  async #start(video: HTMLVideoElement): Promise<void> {
    const { PictureWatch } = await import('../picture/watch.ts');
    if (video !== this.#video) return;
    this.#watch ??= new PictureWatch({ nowMs: this.#nowMs, eachMs: () => this.#eachMs() });
    this.#watch.start(video, (sample) => this.#onSample({ ...sample }));
  }

  #eachMs(): number {
    if (this.#alert()) return ALERT_MS;
    this.#half = !this.#half;
    return this.#half ? PAIR_MS : CALM_MS;
  }
}
