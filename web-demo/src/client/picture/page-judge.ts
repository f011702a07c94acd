// Stands for the worker on pages of other origins: a worker of ours would have to come from a `blob:` address there, which a
// host's policy may forbid with an error in its console. Works in the page's idle moments.

import { PictureAnswerer } from './answer.ts';
import type { PictureTask } from './messages.ts';
import type { JudgeHost } from './watch.ts';

/** An idle moment is waited for no longer, ms. */
const IDLE_MAX_MS = 500;

/** Judges on the page's thread. */
export class PageJudge implements JudgeHost {
  onmessage: JudgeHost['onmessage'] = null;
  onerror: JudgeHost['onerror'] = null;
  readonly #answerer = new PictureAnswerer();
  #queue: Promise<void> = Promise.resolve();
  #ended = false;

  postMessage(task: PictureTask): void {
    this.#queue = this.#queue.then(idle).then(async () => {
      const answer = await this.#answerer.answer(task);
      if (!this.#ended) this.onmessage?.({ data: answer } as MessageEvent);
    });
  }

  terminate(): void {
    this.#ended = true;
  }
}

function idle(): Promise<void> {
  if (typeof requestIdleCallback === 'undefined') return Promise.resolve();
  return new Promise((done) => requestIdleCallback(() => done(), { timeout: IDLE_MAX_MS }));
}
