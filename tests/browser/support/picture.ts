// Comparing two videos' pictures, and watching one for blanks.

import { expect, type Locator } from '@playwright/test';

/** A still picture: grey values of `width` × `height` samples. */
interface Still {
  width: number;
  height: number;
  luma: number[];
}

/** Width that pictures are reduced to before they are compared: detail enough to tell frames apart. */
const COMPARED_WIDTH = 320;

/** The picture a `<video>` shows now. */
async function still(video: Locator): Promise<Still> {
  return video.evaluate((element, width) => {
    const source = element as HTMLVideoElement;
    const height = Math.max(1, Math.round((width * source.videoHeight) / Math.max(1, source.videoWidth)));
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error('no canvas');
    context.imageSmoothingQuality = 'high';
    context.drawImage(source, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const luma = Array.from({ length: width * height }, (_, at) =>
      Math.round(0.299 * (data[at * 4] ?? 0) + 0.587 * (data[at * 4 + 1] ?? 0) + 0.114 * (data[at * 4 + 2] ?? 0)),
    );
    return { width, height, luma };
  }, COMPARED_WIDTH);
}

/** Likeness of two pictures of one size: peak signal-to-noise ratio, dB. Above 30 one sees no difference. */
function psnr(a: Still, b: Still): number {
  if (a.width !== b.width || a.height !== b.height) return 0;
  const sum = a.luma.reduce((total, value, at) => total + (value - (b.luma[at] ?? 0)) ** 2, 0);
  const mse = sum / a.luma.length;
  return mse === 0 ? 99 : 10 * Math.log10(255 ** 2 / mse);
}

/** Spread of a picture's grey values: near 0 for a blank one. */
function contrast({ luma }: Still): number {
  const mean = luma.reduce((sum, value) => sum + value, 0) / luma.length;
  return Math.sqrt(luma.reduce((sum, value) => sum + (value - mean) ** 2, 0) / luma.length);
}

/**
 * Both show the same picture, and it is no blank one. `source` should stand still: waits until `copy` has caught up.
 * Returns the likeness, dB.
 */
export async function expectSamePicture(source: Locator, copy: Locator, psnrMin: number): Promise<number> {
  const wanted = await still(source);
  expect(contrast(wanted), 'the picture that is shared is blank').toBeGreaterThan(10);
  let best = 0;
  await expect
    .poll(
      async () => {
        best = psnr(wanted, await still(copy));
        return best;
      },
      { message: 'likeness of the pictures, dB', timeout: 10_000 },
    )
    .toBeGreaterThan(psnrMin);
  return Math.round(best * 10) / 10;
}

/** What `watchPicture` saw. */
export interface PictureLog {
  /** How often it looked. */
  looks: number;
  /** Looks that found the picture hidden, of no size, without frames, black, or on another element than before. */
  faults: string[];
  /** Longest time between two new frames, ms. */
  longestStillMs: number;
}

/** Looks at a playing `<video>` every 100 ms until `stop` is called, which tells what was seen. */
export async function watchPicture(video: Locator): Promise<{ stop: () => Promise<PictureLog> }> {
  const handle = await video.evaluateHandle((element) => {
    const first = element as HTMLVideoElement;
    const label = first.getAttribute('aria-label');
    const log = { looks: 0, faults: [] as string[], longestStillMs: 0 };
    // A few lines of the frame's luma as it was decoded: drawing a whole frame ten times a second would itself be a load.
    const isBlack = async (): Promise<boolean> => {
      const frame = new VideoFrame(first);
      try {
        const width = frame.codedWidth & ~1;
        const lines = [0.2, 0.5, 0.8].map((share) => Math.floor(frame.codedHeight * share) & ~1);
        const bytes = new Uint8Array(width * 4);
        for (const y of lines) {
          await frame.copyTo(bytes, { rect: { x: 0, y, width, height: 2 } });
          // Luma comes first in every planar format; black is 16.
          if (bytes.subarray(0, width * 2).some((luma) => luma > 40)) return false;
        }
        return true;
      } finally {
        frame.close();
      }
    };
    let frames = -1;
    let movedMs = performance.now();
    const look = () => {
      const now = performance.now();
      log.looks += 1;
      const found = document.querySelector<HTMLVideoElement>(`video[aria-label="${label}"]`);
      const fault = (what: string) => log.faults.push(`look ${log.looks}: ${what}`);
      if (found !== first) return fault('another element');
      const box = first.getBoundingClientRect();
      if (box.width < 100 || box.height < 50 || !first.checkVisibility()) fault(`hidden (${box.width}×${box.height})`);
      if (first.videoWidth === 0 || first.readyState < 2 || first.paused) fault('no picture');
      void isBlack().then(
        (black) => black && fault('black'),
        (error) => fault(`no frame (${error})`),
      );
      const total = first.getVideoPlaybackQuality().totalVideoFrames;
      if (total !== frames) {
        if (frames >= 0) log.longestStillMs = Math.max(log.longestStillMs, now - movedMs);
        movedMs = now;
        frames = total;
      }
    };
    const timer = setInterval(look, 100);
    return {
      stop: () => {
        clearInterval(timer);
        log.longestStillMs = Math.round(Math.max(log.longestStillMs, performance.now() - movedMs));
        return log;
      },
    };
  });
  return {
    stop: async () => {
      const log = await handle.evaluate((watch) => watch.stop());
      await handle.dispose();
      return log;
    },
  };
}
