// Whether what was done to a clip can be seen: damaged streams are now and then repaired by their decoders.

import { frames, sizeOf } from './raw.mjs';

const BLOCK = 16;
/** Frames of the whole clip that a frame may stand for: decoders drop some. */
const REACH = 2;

/**
 * The share of a clip's frames that are visibly unlike those of its source at the same time: more than `blocks` of their blocks
 * are off by `off` levels on average.
 */
export async function damagedShare(file, source, { off, blocks }) {
  const size = await sizeOf(source);
  const whole = [];
  for await (const frame of frames(source, size)) whole.push(frame);
  let [n, looked, damaged] = [0, 0, 0];
  for await (const frame of frames(file, size)) {
    if (n % 6 === 1) {
      looked++;
      let least = 1;
      for (let near = Math.max(0, n - REACH); near <= n + REACH; near++) {
        if (whole[near]) least = Math.min(least, blocksOff(frame, whole[near], size, off));
      }
      if (least > blocks) damaged++;
    }
    n++;
  }
  return looked === 0 ? 0 : damaged / looked;
}

function blocksOff(a, b, { width, height }, least) {
  let [off, blocks] = [0, 0];
  for (let y = 0; y + BLOCK <= height; y += BLOCK) {
    for (let x = 0; x + BLOCK <= width; x += BLOCK, blocks++) {
      let sum = 0;
      for (let row = 0; row < BLOCK; row += 3) {
        for (let at = (y + row) * width + x, end = at + BLOCK; at < end; at++) sum += Math.abs(a[at] - b[at]);
      }
      if (sum > least * 6 * BLOCK) off++;
    }
  }
  return off / blocks;
}
