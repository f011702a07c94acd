// The frames of a clip that the page would inspect: every quarter of a second one, with the frame shown just before it.

import { frames, sizeOf } from './raw.mjs';
import { RATE } from './sources.mjs';

/** Frames between two inspected ones: 4 a second. */
const EACH = 6;

/** Gives `{ t, size, before, frame }` for every inspected frame; `t` in seconds. */
export async function* inspected(file) {
  const size = await sizeOf(file);
  let n = 0;
  let before = null;
  for await (const frame of frames(file, size)) {
    if (n % EACH === 1) yield { t: n / RATE, size, before, frame };
    before = frame;
    n++;
  }
}
