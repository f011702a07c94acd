// What the made-up camera and microphone of a test's browser give: files of known content, written here byte by byte.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The camera's picture: four quarters, each of one colour. Width and height are even, as I420 wants. */
export const CAMERA = { width: 640, height: 480 } as const;
/** Y, U, V of each quarter: left top, right top, left bottom, right bottom. */
const QUARTERS = [
  [81, 90, 240],
  [145, 54, 34],
  [41, 240, 110],
  [210, 16, 146],
] as const;
/** The same as RGB (BT.601), as a browser draws them. */
export const CAMERA_COLOURS: readonly [number, number, number][] = [
  [255, 0, 0],
  [0, 255, 1],
  [0, 0, 255],
  [255, 255, 0],
];
/** Frames in the file, which is played in a loop. */
const FRAMES = 4;

/** Frequency of the microphone's tone, Hz: inside what speech codecs and noise filters let through. */
export const TONE_HZ = 700;
/** It sounds and pauses by turns, s: a steady tone is noise, and is filtered as such. */
const BEEP_S = 0.25;
const SAMPLE_RATE = 48_000;
const SECONDS = 4;

/** Writes both files; returns the browser's flags that use them. */
export async function madeUpDevices(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-devices-'));
  const [picture, sound] = [join(folder, 'camera.y4m'), join(folder, 'microphone.wav')];
  await Promise.all([writeFile(picture, y4m()), writeFile(sound, wav())]);
  return [`--use-file-for-fake-video-capture=${picture}`, `--use-file-for-fake-audio-capture=${sound}`];
}

/** YUV4MPEG2: a header, then frames of planar I420. */
function y4m(): Buffer {
  const { width, height } = CAMERA;
  const plane = (w: number, h: number, channel: 0 | 1 | 2) =>
    Buffer.from(
      Array.from({ length: w * h }, (_, at) => {
        const right = at % w >= w / 2 ? 1 : 0;
        const below = Math.floor(at / w) >= h / 2 ? 2 : 0;
        return QUARTERS[right + below]?.[channel] ?? 0;
      }),
    );
  const frame = Buffer.concat([
    Buffer.from('FRAME\n'),
    plane(width, height, 0),
    plane(width / 2, height / 2, 1),
    plane(width / 2, height / 2, 2),
  ]);
  const header = Buffer.from(`YUV4MPEG2 W${width} H${height} F20:1 Ip A1:1 C420jpeg\n`);
  return Buffer.concat([header, ...Array<Buffer>(FRAMES).fill(frame)]);
}

/** RIFF WAVE: 16-bit mono. */
function wav(): Buffer {
  const samples = SAMPLE_RATE * SECONDS;
  const file = Buffer.alloc(44 + samples * 2);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + samples * 2, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE, 24);
  file.writeUInt32LE(SAMPLE_RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(samples * 2, 40);
  for (let n = 0; n < samples; n += 1) {
    const s = n / SAMPLE_RATE;
    const on = Math.floor(s / BEEP_S) % 2 === 0;
    file.writeInt16LE(on ? Math.round(20_000 * Math.sin(2 * Math.PI * TONE_HZ * s)) : 0, 44 + n * 2);
  }
  return file;
}
