// Reads frames into planes: as the decoder wrote them where the browser gives them so, else through a canvas. Runs in the
// worker; the buffers and the canvas are kept from frame to frame.

import { type Plane, type Planes, planesOfRgba } from './planes.ts';

/** Frames larger than this are read through a canvas of at most this size, pixels a side: 4K, turned or not. */
const SIDE_MAX = 4096;
/** By format of 8 bits: how many pixels share a chroma value across and down, and whether both chromas lie in one plane. */
const FORMATS: Partial<Record<string, { across: 1 | 2; down: 1 | 2; mixed?: boolean }>> = {
  I420: { across: 2, down: 2 },
  I420A: { across: 2, down: 2 },
  I422: { across: 2, down: 1 },
  I444: { across: 1, down: 1 },
  NV12: { across: 2, down: 2, mixed: true },
};

/** Reads frames. */
export class FrameReader {
  #buffers: Uint8Array[] = [];
  #canvas: OffscreenCanvas | null = null;

  /**
   * The planes of a frame, valid until the second next is read, so that two frames can be compared. Closes the frame.
   * Rejects when it cannot be read.
   */
  async read(frame: VideoFrame): Promise<Planes> {
    try {
      const format = FORMATS[frame.format ?? ''];
      const rect = frame.visibleRect;
      if (!format || !rect || rect.width > SIDE_MAX || rect.height > SIDE_MAX) {
        return this.#drawn(frame, frame.displayWidth, frame.displayHeight);
      }
      const bytes = this.#buffer(frame.allocationSize());
      const layout = await frame.copyTo(bytes);
      const [width, height] = [rect.width, rect.height];
      const luma = planeOf(bytes, layout[0], width, height);
      const [cw, ch] = [Math.ceil(width / format.across), Math.ceil(height / format.down)];
      const chroma: [Plane, Plane] = format.mixed
        ? unmixed(planeOf(bytes, layout[1], 2 * cw, ch))
        : [planeOf(bytes, layout[1], cw, ch), planeOf(bytes, layout[2], cw, ch)];
      return { luma, chroma, full: frame.colorSpace.fullRange === true };
    } finally {
      frame.close();
    }
  }

  /** The planes of a picture. Closes it. */
  readBitmap(bitmap: ImageBitmap): Planes {
    try {
      return this.#drawn(bitmap, bitmap.width, bitmap.height);
    } finally {
      bitmap.close();
    }
  }

  #buffer(size: number): Uint8Array {
    const oldest = this.#buffers.length < 3 ? undefined : this.#buffers.shift();
    const buffer = oldest?.byteLength === size ? oldest : new Uint8Array(size);
    this.#buffers.push(buffer);
    return buffer;
  }

  #drawn(source: VideoFrame | ImageBitmap, width: number, height: number): Planes {
    const [w, h] = [Math.min(width, SIDE_MAX), Math.min(height, SIDE_MAX)];
    if (this.#canvas?.width !== w || this.#canvas.height !== h) this.#canvas = new OffscreenCanvas(w, h);
    const context = this.#canvas.getContext('2d', { willReadFrequently: true, alpha: false });
    if (!context) throw new Error('no canvas');
    // Never scaled: that would take the grid away. What is beyond the bound is cut off.
    context.drawImage(source, 0, 0);
    return planesOfRgba(context.getImageData(0, 0, w, h).data, w, h);
  }
}

function planeOf(bytes: Uint8Array, layout: PlaneLayout | undefined, width: number, height: number): Plane {
  const { offset, stride } = layout ?? { offset: 0, stride: width };
  return { bytes: bytes.subarray(offset), stride, width, height };
}

/** Two planes of one that has them by turns, of a quarter of the values: the small picture needs no more. */
function unmixed({ bytes, stride, width, height }: Plane): [Plane, Plane] {
  const [w, h] = [Math.max(1, width >> 2), Math.max(1, height >> 1)];
  const [u, v] = [new Uint8Array(w * h), new Uint8Array(w * h)];
  for (let y = 0, n = 0; y < h; y++) {
    for (let x = 0, at = 2 * y * stride; x < w; x++, n++, at += 4) {
      u[n] = bytes[at] ?? 128;
      v[n] = bytes[at + 1] ?? 128;
    }
  }
  const plane = (of: Uint8Array): Plane => ({ bytes: of, stride: w, width: w, height: h });
  return [plane(u), plane(v)];
}
