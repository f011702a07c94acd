// Judges what it is given, one after the other: frames are compared with the one before. Runs in the worker, or where there may
// be none on the page's thread.

import { PictureJudge } from './judge.ts';
import type { PictureAnswer, PictureTask } from './messages.ts';
import type { Planes } from './planes.ts';
import { FrameReader } from './read.ts';

/** Answers tasks. */
export class PictureAnswerer {
  readonly #judge = new PictureJudge();
  readonly #reader = new FrameReader();

  /** What is wrong with a picture; it is closed. Never throws. */
  async answer(task: PictureTask): Promise<PictureAnswer> {
    const from = performance.now();
    const findings = await this.#findingsOf(task).catch(() => null);
    return { id: task.id, findings, cost_ms: performance.now() - from };
  }

  async #findingsOf(task: PictureTask) {
    if ('bitmap' in task) return new PictureJudge().judge(this.#reader.readBitmap(task.bitmap), null);
    if (task.first) this.#judge.startOver();
    const before: Planes | null = task.before ? await this.#reader.read(task.before).catch(() => null) : null;
    return this.#judge.judge(await this.#reader.read(task.frame), before?.luma ?? null, task.apart);
  }
}
