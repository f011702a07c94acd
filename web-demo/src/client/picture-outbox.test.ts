import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PictureOutbox } from './picture-outbox.ts';
import { PictureError, type PreparedPicture } from './picture-prep.ts';
import { UploadError } from './pictures.ts';

/** One upload as the test, which plays the server, sees it. */
interface Attempt {
  clientId: string;
  resolve: () => void;
  fail: (code: UploadError['code']) => void;
  progress: (share: number) => void;
}

let attempts: Attempt[];
let outbox: PictureOutbox;

const prepared: PreparedPicture = { blob: new Blob(['x']), type: 'image/png', width: 1, height: 1 };
const flush = () => vi.advanceTimersByTimeAsync(0);
const stages = () => outbox.pending.get().map((one) => one.stage);

beforeEach(() => {
  vi.useFakeTimers();
  attempts = [];
  outbox = new PictureOutbox({
    access: { server: 'https://s.test', key: 'k' },
    nowMs: () => 0,
    prepare: async (file) => {
      if (file.size === 0) throw new PictureError('not_a_picture');
      return prepared;
    },
    upload: (_, query, __, progress) => {
      const done = new Promise<void>((resolve, reject) => {
        const fail = (code: UploadError['code']) => reject(new UploadError(code));
        attempts.push({ clientId: query.client_id, resolve, fail, progress });
      });
      const own = attempts.at(-1);
      return { done, abort: () => own?.fail('aborted') };
    },
  });
});

afterEach(() => {
  outbox.close();
  vi.useRealTimers();
});

it('sends one after the other, with progress, and keeps each until its entry is here', async () => {
  outbox.add(new Blob(['a']));
  outbox.add(new Blob(['b']));
  await flush();
  expect(attempts).toHaveLength(1);
  expect(stages()).toEqual(['sending', 'waiting']);
  attempts[0]?.progress(0.5);
  expect(outbox.pending.get()[0]?.progress).toBe(0.5);
  attempts[0]?.resolve();
  await flush();
  expect(stages()).toEqual(['sent', 'sending']);
  outbox.arrived([attempts[0]?.clientId]);
  expect(stages()).toEqual(['sending']);
});

it('sends again after a break, under the same id, by itself and at once when the line is back', async () => {
  outbox.add(new Blob(['a']));
  await flush();
  attempts[0]?.fail('disconnected');
  await flush();
  expect(stages()).toEqual(['waiting']);
  outbox.resume();
  expect(attempts[1]?.clientId).toBe(attempts[0]?.clientId);
  attempts[1]?.fail('disconnected');
  await flush();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(attempts.map((one) => one.clientId)).toEqual(Array(3).fill(attempts[0]?.clientId));
});

it('tells what is refused, goes on with the next, and tries again when asked', async () => {
  outbox.add(new Blob([]));
  outbox.add(new Blob(['a']));
  await flush();
  expect(outbox.pending.get()[0]).toMatchObject({ stage: 'refused', problem: 'not_a_picture' });
  attempts[0]?.fail('too_large');
  await flush();
  expect(outbox.pending.get()[1]).toMatchObject({ stage: 'refused', problem: 'too_large' });
  outbox.again(attempts[0]?.clientId ?? '');
  expect(attempts).toHaveLength(2);
});

it('ends one that is cancelled and goes on with the next', async () => {
  outbox.add(new Blob(['a']));
  outbox.add(new Blob(['b']));
  await flush();
  outbox.cancel(attempts[0]?.clientId ?? '');
  await flush();
  expect(stages()).toEqual(['sending']);
  expect(attempts[1]?.clientId).not.toBe(attempts[0]?.clientId);
});

it('takes no more than it can hold', () => {
  const taken = Array.from({ length: 8 }, () => outbox.add(new Blob(['a'])));
  expect(taken).toEqual([true, true, true, true, true, true, false, false]);
});
