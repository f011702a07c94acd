// Plays a received voice. Browsers may refuse sound before the person has clicked on the page: then a click is asked for.

import { Store } from './emitter.ts';

/** Plays one track at a time. */
export class Playback {
  /** True while the browser wants a click before it plays. */
  readonly blocked = new Store(false);
  readonly #element = new Audio();
  #track: MediaStreamTrack | null = null;

  /** Plays a track from now on; null ends it. */
  play(track: MediaStreamTrack | null): void {
    if (track === this.#track) return;
    this.#track = track;
    this.blocked.set(false);
    if (!track) {
      this.#element.pause();
      this.#element.srcObject = null;
      return;
    }
    this.#element.srcObject = new MediaStream([track]);
    this.#start();
  }

  /** The person clicked: tries again. Call it in the click's own task. */
  unblock(): void {
    if (this.#track) this.#start();
  }

  #start(): void {
    const track = this.#track;
    this.#element.play().then(
      () => this.#track === track && this.blocked.set(false),
      (error: unknown) => {
        // Another track or an end that came in between rejects as `AbortError`; only a refusal is of interest.
        const refused = error instanceof DOMException && error.name === 'NotAllowedError';
        if (refused && this.#track === track) this.blocked.set(true);
      },
    );
  }
}
