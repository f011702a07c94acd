// A second of findings, as the lane `picture` has it (diagnosis/src/model/page.rs).

import type { Findings } from './judge.ts';

/** Why a picture cannot be inspected: `tainted` (of another origin without CORS), `drm`, `hidden` page, or a `browser` without what it takes. */
export type NotInspectable = 'tainted' | 'drm' | 'hidden' | 'browser';

/** A second of a picture; shares are of its inspected frames, 0 to 1. Absent: not measured. */
export type PictureSecond = {
  /** Whole second of the caller's clock, ms. */
  readonly t: number;
  readonly inspectable: boolean;
  readonly reason?: NotInspectable;
  readonly frames?: number;
  readonly motion?: number;
  readonly frozen?: number;
  readonly black?: number;
  readonly corrupt?: number;
  readonly blocky?: number;
  readonly striped?: number;
  readonly banded?: number;
  readonly torn?: number;
};

/** The sample of a second with frames that were inspected; null when there were none: nothing was measured then. */
export function secondOf(t: number, frames: readonly Findings[]): PictureSecond | null {
  if (frames.length === 0) return null;
  const share = (is: (frame: Findings) => boolean) => rounded(frames.filter(is).length / frames.length);
  const compared = frames.filter((frame) => frame.motion !== null);
  const motion = compared.reduce((sum, frame) => sum + (frame.motion ?? 0), 0) / compared.length;
  const frozen = compared.filter((frame) => frame.frozen).length / compared.length;
  return {
    t,
    inspectable: true,
    frames: frames.length,
    ...(compared.length > 0 && { motion: rounded(motion), frozen: rounded(frozen) }),
    black: share((frame) => frame.black),
    corrupt: share((frame) => frame.corrupt),
    blocky: share((frame) => frame.blocky),
    striped: share((frame) => frame.striped),
    banded: share((frame) => frame.banded),
    torn: share((frame) => frame.torn),
  };
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
