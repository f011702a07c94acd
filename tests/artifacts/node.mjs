// The same detectors in Node.js, without a browser: frames are what ffmpeg decodes, costs are processor time.

import { pathToFileURL } from 'node:url';
import { built } from './detectors.mjs';
import { inspected } from './inspect.mjs';

/** Planes of an I420 frame, as the detectors take them. */
function planesOf(frame, { width, height }) {
  const [size, quarter] = [width * height, (width * height) / 4];
  const plane = (bytes, scale) => ({ bytes, stride: width / scale, width: width / scale, height: height / scale });
  return {
    luma: plane(frame.subarray(0, size), 1),
    chroma: [plane(frame.subarray(size, size + quarter), 2), plane(frame.subarray(size + quarter), 2)],
    full: false,
  };
}

/** Makes the judge. `clipFile(id)` gives a clip's file. */
export async function node(clipFile) {
  const { PictureJudge } = await import(pathToFileURL(await built('client/picture/judge.ts', 'judge.mjs')));
  return {
    name: `Node.js ${process.versions.node}`,
    judge: async (id) => {
      const judge = new PictureJudge();
      const frames = [];
      for await (const { t, size, before, frame } of inspected(await clipFile(id))) {
        const from = process.cpuUsage();
        const findings = judge.judge(planesOf(frame, size), planesOf(before, size).luma);
        const { user, system } = process.cpuUsage(from);
        frames.push({ t, findings, cost_ms: (user + system) / 1000 });
      }
      return { frames };
    },
    close: async () => {},
  };
}
