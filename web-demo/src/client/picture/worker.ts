// The worker that judges pictures, so that the page's thread has nothing to do with it.

import { PictureJudge } from './judge.ts';
import type { PictureAnswer, PictureTask } from './messages.ts';
import type { Planes } from './planes.ts';
import { FrameReader } from './read.ts';

const judge = new PictureJudge();
const reader = new FrameReader();
// One after the other: frames are compared with the one before.
let queue: Promise<void> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<PictureTask>) => {
  queue = queue.then(() => answer(data));
});

async function answer(task: PictureTask): Promise<void> {
  const from = performance.now();
  const findings = await findingsOf(task).catch(() => null);
  postMessage({ id: task.id, findings, cost_ms: performance.now() - from } satisfies PictureAnswer);
}

async function findingsOf(task: PictureTask) {
  if ('bitmap' in task) return new PictureJudge().judge(reader.readBitmap(task.bitmap), null);
  if (task.first) judge.startOver();
  const before: Planes | null = task.before ? await reader.read(task.before).catch(() => null) : null;
  return judge.judge(await reader.read(task.frame), before?.luma ?? null);
}
