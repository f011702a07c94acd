// What a frame is to the detectors: its luma and chroma planes as the decoder wrote them, and a small picture of them.

/** Width of the small picture that is looked at as a whole, cells. */
export const THUMB_WIDTH = 160;
/** Its height, cells. */
export const THUMB_HEIGHT = 90;
/** Points of a cell that are averaged, a side: enough to tell a change. */
const POINTS_A_SIDE = 2;

/** A plane of bytes. Rows are `stride` bytes apart. */
export interface Plane {
  readonly bytes: Uint8Array;
  readonly stride: number;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
}

/** A frame. Luma is 16 to 235 unless `full`; chroma has 128 for none. */
export interface Planes {
  readonly luma: Plane;
  /** Blue and red difference, of the same size each; often half of the luma's. */
  readonly chroma: readonly [Plane, Plane];
  /** Luma goes from 0 to 255. */
  readonly full: boolean;
}

/** A frame's small picture: means of cells, `THUMB_WIDTH` by `THUMB_HEIGHT`, luma stretched to 0 to 255. */
export interface Thumb {
  readonly luma: Float32Array;
  readonly u: Float32Array;
  readonly v: Float32Array;
}

/** A frame's small picture. */
export function thumbOf({ luma, chroma, full }: Planes): Thumb {
  const [gain, offset] = full ? [1, 0] : [255 / 219, 16];
  const small = cellMeans(luma, POINTS_A_SIDE);
  for (let n = 0; n < small.length; n++) small[n] = clampByte(((small[n] ?? 0) - offset) * gain);
  return { luma: small, u: cellMeans(chroma[0], 1), v: cellMeans(chroma[1], 1) };
}

/** Means of `points` by `points` pixels spread over each cell. */
function cellMeans({ bytes, stride, width, height }: Plane, points: number): Float32Array {
  const out = new Float32Array(THUMB_WIDTH * THUMB_HEIGHT);
  const xs = spread(THUMB_WIDTH, points, width);
  const ys = spread(THUMB_HEIGHT, points, height);
  for (let y = 0; y < ys.length; y++) {
    const row = (ys[y] ?? 0) * stride;
    const cells = Math.floor(y / points) * THUMB_WIDTH;
    for (let cell = 0, x = 0; cell < THUMB_WIDTH; cell++) {
      let sum = 0;
      for (let n = 0; n < points; n++, x++) sum += bytes[row + (xs[x] ?? 0)] ?? 0;
      out[cells + cell] = (out[cells + cell] ?? 0) + sum;
    }
  }
  const scale = 1 / (points * points);
  for (let n = 0; n < out.length; n++) out[n] = (out[n] ?? 0) * scale;
  return out;
}

/** Positions of `cells × points` points, evenly over `size` pixels. */
function spread(cells: number, points: number, size: number): Int32Array {
  const all = cells * points;
  return Int32Array.from({ length: all }, (_, n) => Math.min(size - 1, Math.floor(((n + 0.5) * size) / all)));
}

/** Planes of an RGBA picture, as a canvas gives it: full range, chroma of every pixel (BT.601). */
export function planesOfRgba(rgba: Uint8ClampedArray | Uint8Array, width: number, height: number): Planes {
  const size = width * height;
  const [luma, u, v] = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)];
  for (let n = 0, at = 0; n < size; n++, at += 4) {
    const [r, g, b] = [rgba[at] ?? 0, rgba[at + 1] ?? 0, rgba[at + 2] ?? 0];
    luma[n] = (77 * r + 150 * g + 29 * b + 128) >> 8;
    u[n] = 128 + ((-43 * r - 85 * g + 128 * b) >> 8);
    v[n] = 128 + ((128 * r - 107 * g - 21 * b) >> 8);
  }
  const plane = (bytes: Uint8Array): Plane => ({ bytes, stride: width, width, height });
  return { luma: plane(luma), chroma: [plane(u), plane(v)], full: true };
}

function clampByte(value: number): number {
  return Math.min(255, Math.max(0, value));
}
