// What the player's picture looks like: keeps the detectors on the page's player. Their code comes when there is one.

import type { Sample } from '../lanes.ts';
import type { PictureSecond, PictureWatch } from '../picture/watch.ts';

/** Time between inspected frames while somebody waits for a verdict, ms. */
const ALERT_MS = 250;
/** While nobody does two frames are compared, and then none is looked at for so long, ms: the host's page is not ours. */
const PAIR_MS = 500;
const CALM_MS = 4_000;
/** A player's first looks come sooner, so many, ms apart: damage is told from what the picture was like before. */
const FIRST_LOOKS = 16;
const FIRST_MS = 750;
/** After a second with something odd it is looked at as if somebody waited, for so long, ms: who opens the chat then finds it seen. */
const ODD_FOR_MS = 20_000;
/** Not again before this, ms: slides stand still all day. */
const ODD_APART_MS = 60_000;

/** Detectors for the page's player, whichever element that is. */
export class PlayerPictures {
  readonly #nowMs: () => number;
  readonly #onSample: (sample: Sample) => void;
  readonly #alert: () => boolean;
  #video: HTMLVideoElement | null = null;
  #watch: PictureWatch | null = null;
  #looks = 0;
  #oddSinceMs = Number.NEGATIVE_INFINITY;

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
    this.#looks = 0;
    this.#watch?.stop();
    if (video) this.#start(video).catch(() => undefined);
  }

  /** Somebody waits for a verdict from now on: the next look comes at once. */
  hurry(): void {
    this.#watch?.hurry();
  }

  async #start(video: HTMLVideoElement): Promise<void> {
    const { PictureWatch } = await import('../picture/watch.ts');
    if (video !== this.#video) return;
    this.#watch ??= new PictureWatch({ nowMs: this.#nowMs, eachMs: () => this.#eachMs() });
    this.#watch.start(video, (sample) => {
      const now = performance.now();
      if (isOdd(sample) && now - this.#oddSinceMs > ODD_APART_MS) this.#oddSinceMs = now;
      this.#onSample({ ...sample });
    });
  }

  #eachMs(): number {
    if (this.#alert() || performance.now() - this.#oddSinceMs < ODD_FOR_MS) return ALERT_MS;
    this.#looks += 1;
    if (this.#looks <= FIRST_LOOKS) return FIRST_MS;
    return this.#looks % 2 === 1 ? PAIR_MS : CALM_MS;
  }
}

/** A second that needs a closer look: any frame stood still, was black or damaged. */
function isOdd({ frozen, black, corrupt, blocky, striped, banded, torn }: PictureSecond): boolean {
  return [frozen, black, corrupt, blocky, striped, banded, torn].some((share) => share);
}
