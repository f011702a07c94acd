// Pictures for tests: a moving scene, drawn from numbers, and what may be wrong with it.

import type { Plane, Planes } from './planes.ts';

/** Size of the scenes. */
export const WIDTH = 480;
export const HEIGHT = 272;

/** Luma of a scene at a place. */
export type Scene = (x: number, y: number) => number;

/** A texture as of grass or stone, smooth at the scale of pixels: sums of waves that fit nothing. */
export const texture: Scene = (x, y) =>
  128 +
  30 * Math.sin(x * 0.21 + 3 * Math.sin(y * 0.047)) * Math.cos(y * 0.17 + 2 * Math.sin(x * 0.031)) +
  25 * Math.sin(x * 0.083 + y * 0.061) +
  18 * Math.cos(x * 0.37 - y * 0.29);

/** A sky. */
export const gradient: Scene = (x, y) => 60 + 0.22 * x + 0.12 * y;

/** A frame of a scene, moved by so many pixels to the left; chroma grey-green, so that nothing passes for unwritten. */
export function frameOf(scene: Scene, shift = 0): Planes {
  const luma = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) luma[y * WIDTH + x] = clamp(scene(x + shift, y));
  }
  return planesOf(luma, 120, 118);
}

/** Planes of a luma with even chroma. */
export function planesOf(luma: Uint8Array, u: number, v: number): Planes {
  const chroma = (value: number): Plane => ({
    bytes: new Uint8Array((WIDTH * HEIGHT) / 4).fill(value),
    stride: WIDTH / 2,
    width: WIDTH / 2,
    height: HEIGHT / 2,
  });
  return {
    luma: { bytes: luma, stride: WIDTH, width: WIDTH, height: HEIGHT },
    chroma: [chroma(u), chroma(v)],
    full: false,
  };
}

/** A frame whose luma is changed pixel by pixel; `at` reads the frame as it was. */
export function changed(
  frame: Planes,
  change: (at: (x: number, y: number) => number, x: number, y: number) => number,
): Planes {
  const { bytes } = frame.luma;
  const at = (x: number, y: number) => bytes[Math.min(HEIGHT - 1, y) * WIDTH + Math.min(WIDTH - 1, x)] ?? 0;
  const luma = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) luma[y * WIDTH + x] = clamp(change(at, x, y));
  }
  return { ...frame, luma: { ...frame.luma, bytes: luma } };
}

/** Noise that is the same every time, -1 to 1. */
export function noise(x: number, y: number, seed: number): number {
  let mixed = Math.imul(x + 374_761 * y + 7919 * seed, 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2_147_483_648 - 1;
}

function clamp(value: number): number {
  return Math.max(16, Math.min(235, Math.round(value)));
}
