// The bench's page: judges frames that the bench sends in the worker of the pages, and watches clips that the browser plays.

import type { PictureAnswer, PictureTask } from '../../../web-demo/src/client/picture/messages.ts';
import type { Findings } from '../../../web-demo/src/client/picture/judge.ts';
import type { PictureSecond } from '../../../web-demo/src/client/picture/second.ts';
import { PictureWatch } from '../../../web-demo/src/client/picture/watch.ts';
import PictureWorker from '../../../web-demo/src/client/picture/worker.ts?worker&inline';

/** Bytes of the head of a frame: time in ms, width, height. */
const HEAD = 12;

interface Judged {
  frames: { t: number; findings: Findings | null; cost_ms: number }[];
}
interface Played {
  seconds: PictureSecond[];
  cost: { frames: number; workerMs: number; pageMs: number };
  error: string | null;
}

/** Judges the inspected frames of a clip, one after the other. */
async function judgeClip(address: string): Promise<Judged> {
  const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
  const worker = new PictureWorker();
  const frames: Judged['frames'] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = new DataView(bytes.buffer, at, HEAD);
    const [t, width, height] = [head.getUint32(0), head.getUint32(4), head.getUint32(8)];
    const size = (width * height * 3) / 2;
    at += HEAD;
    const picture = (from: number, timestamp: number) =>
      new VideoFrame(bytes.subarray(from, from + size), { format: 'I420', codedWidth: width, codedHeight: height, timestamp });
    const before = picture(at, t * 1000 - 40_000);
    const frame = picture(at + size, t * 1000);
    at += 2 * size;
    const answer = new Promise<PictureAnswer>((done) => {
      worker.onmessage = ({ data }) => done(data);
    });
    worker.postMessage({ id: 1, frame, before, first: frames.length === 0 } satisfies PictureTask, [frame, before]);
    const { findings, cost_ms } = await answer;
    frames.push({ t: t / 1000, findings, cost_ms });
  }
  worker.terminate();
  return { frames };
}

/** Plays a clip once, watched as a page's player is. */
function playClip(address: string): Promise<Played> {
  const video = document.createElement('video');
  video.muted = true;
  video.width = 640;
  document.body.replaceChildren(video);
  const seconds: PictureSecond[] = [];
  const watch = new PictureWatch({ nowMs: () => Date.now() });
  return new Promise((done) => {
    const end = () => {
      const cost = { ...watch.cost };
      watch.stop();
      done({ seconds, cost, error: video.error?.message ?? null });
    };
    video.onended = end;
    video.onerror = end;
    watch.start(video, (second) => seconds.push(second));
    video.src = address;
    void video.play().catch(end);
  });
}

Object.assign(window, { judgeClip, playClip });
