// The worker that judges pictures, so that the page's thread has nothing to do with it.

import { PictureAnswerer } from './answer.ts';
import type { PictureTask } from './messages.ts';

const answerer = new PictureAnswerer();
let queue: Promise<void> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<PictureTask>) => {
  queue = queue.then(async () => postMessage(await answerer.answer(data)));
});
