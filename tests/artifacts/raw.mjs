// Frames as bytes: a clip decoded frame by frame, and a clip made of frames.

import { spawn } from 'node:child_process';
import { ffmpegFed } from './place.mjs';
import { RATE } from './sources.mjs';

/** Width and height of a file's picture. */
export function sizeOf(file) {
  return new Promise((done, failed) => {
    const child = spawn('ffprobe', ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=width,height', '-of', 'csv=p=0', file]);
    let words = '';
    child.stdout.on('data', (data) => {
      words += data;
    });
    child.on('close', () => {
      const [width, height] = words.trim().split(/[,\n]/).map(Number);
      if (width > 0 && height > 0) done({ width, height });
      else failed(new Error(`${file} has no picture`));
    });
  });
}

/** The frames of a file in I420, at a constant rate, with whatever the decoder makes of what is broken. */
export async function* frames(file, { width, height }) {
  const size = (width * height * 3) / 2;
  const args = ['-v', 'quiet', '-nostdin', '-threads', '1', '-i', file, '-an', '-vf', `fps=${RATE},scale=${width}:${height}:flags=neighbor`];
  const child = spawn('ffmpeg', [...args, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let [parts, held] = [[], 0];
  for await (const data of child.stdout) {
    parts.push(data);
    held += data.length;
    while (held >= size) {
      const all = Buffer.concat(parts);
      yield new Uint8Array(all.subarray(0, size));
      parts = [all.subarray(size)];
      held = all.length - size;
    }
  }
}

/** Makes a file of frames. */
export function encode(made, { width, height }, codec, file) {
  const args = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', `${RATE}`, '-i', '-'];
  return ffmpegFed([...args, ...codec, file], async (stdin) => {
    for await (const frame of made) {
      if (!stdin.write(frame)) await new Promise((go) => stdin.once('drain', go));
    }
  });
}
