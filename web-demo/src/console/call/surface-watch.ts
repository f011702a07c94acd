// Owns the watch over the shared picture as the agent sees it: what the detectors find becomes the lane `surface`. They are
// loaded when a picture is there, and no earlier.

import type { BlockSender } from '../../client/blocks.ts';
import type { PictureCost, PictureWatch } from '../../client/picture/watch.ts';

/** Watches the picture of the call that runs. */
export class SurfaceWatch {
  readonly #nowMs: () => number;
  #watch: PictureWatch | null = null;
  #video: HTMLVideoElement | null = null;
  #blocks: BlockSender | null = null;

  /** `nowMs`: the server's clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** What inspecting the picture has cost; null before the first. */
  get cost(): Readonly<PictureCost> | null {
    return this.#watch?.cost ?? null;
  }

  /** Watches what a video shows and gives it to `blocks`; called again with the same two it goes on. */
  follow(video: HTMLVideoElement, blocks: BlockSender): void {
    if (video === this.#video && blocks === this.#blocks) return;
    this.#video = video;
    this.#blocks = blocks;
    void this.#start(video, blocks);
  }

  /** Ends watching. */
  stop(): void {
    this.#video = null;
    this.#blocks = null;
    this.#watch?.stop();
  }

  async #start(video: HTMLVideoElement, blocks: BlockSender): Promise<void> {
    if (!this.#watch) {
      const module = await import('../../client/picture/watch.ts').catch(() => null);
      // A page that cannot load it has no lane `surface`; the call goes on.
      if (!module) return;
      this.#watch ??= new module.PictureWatch({ nowMs: this.#nowMs });
    }
    if (this.#video !== video || this.#blocks !== blocks) return;
    this.#watch.start(video, (sample) => blocks.push('surface', sample));
  }
}
