// The player library behind a page's <video>: known by its shape, whichever of the supported ones it is.

import { type Engine, type EngineReader, isFunction, type Loose, type TellSegment } from './engine.ts';
import { readDash } from './engine-dash.ts';
import { readHls } from './engine-hls.ts';
import { readMpegts } from './engine-mpegts.ts';
import { readShaka } from './engine-shaka.ts';

const READERS: readonly EngineReader[] = [readHls, readDash, readShaka, readMpegts];

/** The engine of a library's object; null when it is none that we know. Never throws. */
export function engineOf(candidate: unknown, tell: (segment: TellSegment) => void): Engine | null {
  if ((typeof candidate !== 'object' && typeof candidate !== 'function') || candidate === null) return null;
  for (const reader of READERS) {
    try {
      const engine = reader(candidate, tell);
      if (engine) return engine;
    } catch {
      // A getter of theirs that throws: not what we look for.
    }
  }
  return null;
}

/** The <video> that a library's object plays into; null when it does not tell. Never throws. */
export function videoOf(candidate: Loose): HTMLVideoElement | null {
  try {
    const media =
      candidate.media ??
      (isFunction(candidate.getMediaElement) ? candidate.getMediaElement() : null) ??
      (isFunction(candidate.getVideoElement) ? candidate.getVideoElement() : null) ??
      candidate._mediaElement ??
      candidate._media_element;
    return typeof HTMLVideoElement !== 'undefined' && media instanceof HTMLVideoElement ? media : null;
  } catch {
    return null;
  }
}
