// What page and worker say to each other about pictures.

import type { Findings } from './judge.ts';

/**
 * To the worker: a frame to judge, with the one shown just before it if it was caught; or a picture by itself. `first`: of
 * another picture than the frames before; `apart`: the frame judged before is so old that motion cannot be told by it.
 */
export type PictureTask =
  | {
      readonly id: number;
      readonly frame: VideoFrame;
      readonly before: VideoFrame | null;
      readonly first: boolean;
      readonly apart: boolean;
    }
  | { readonly id: number; readonly bitmap: ImageBitmap };

/** From the worker: what is wrong with it, null when it could not be read; and what it cost, ms. */
export interface PictureAnswer {
  readonly id: number;
  readonly findings: Findings | null;
  readonly cost_ms: number;
}
