// Owns the video elements that a shared picture comes to: one for what comes over the slot of screens, one for a camera's.
// Which of them is looked at is told only when the viewer has chosen; until then both are ready.

import type { CallState } from '../../protocol/generated.ts';

/** The sources that may be the picture of a call. */
export const PICTURE_SOURCES = ['screen', 'camera'] as const;
/** One of them. */
export type PictureSource = (typeof PICTURE_SOURCES)[number];

/** The source of a call's picture; that of screens until the viewer has chosen. */
export function pictureSource({ surface }: Pick<CallState, 'surface'>): PictureSource {
  return surface === 'camera' ? 'camera' : 'screen';
}

/** Told of each frame that is presented, with the arguments of a video frame callback; false ends it. */
export type FrameListener = (now: number, frame: VideoFrameCallbackMetadata) => boolean;

interface Place {
  video: HTMLVideoElement;
  /** The pending video frame callback; 0 for none. */
  request: number;
}

/** The elements, and what they play. */
export class PictureElements {
  readonly #places = new Map<PictureSource, Place>();

  /** Takes an element, or lets it go with `null`. */
  attach(source: PictureSource, video: HTMLVideoElement | null): void {
    if (video === (this.#places.get(source)?.video ?? null)) return;
    this.#stop(source);
    if (video === null) this.#places.delete(source);
    else this.#places.set(source, { video, request: 0 });
  }

  /** Plays a track, and tells of its frames. Putting it there again would blank it: that is done once. */
  show(source: PictureSource, track: MediaStreamTrack, listener: FrameListener): void {
    const place = this.#places.get(source);
    if (!place) return;
    const { video } = place;
    const stream = video.srcObject instanceof MediaStream ? video.srcObject : null;
    if (stream?.getVideoTracks()[0] !== track) video.srcObject = new MediaStream([track]);
    // Refused only where a page may not play at all; the element's own autoplay then tries again.
    if (video.paused) void video.play().catch(() => {});
    if (place.request === 0) this.#await(place, listener);
  }

  /** The element of a source's picture; null when there is none. */
  video(source: PictureSource): HTMLVideoElement | null {
    return this.#places.get(source)?.video ?? null;
  }

  /** Nothing is played any more. */
  clear(): void {
    for (const source of PICTURE_SOURCES) this.#stop(source);
  }

  #await(place: Place, listener: FrameListener): void {
    if (!('requestVideoFrameCallback' in place.video)) return;
    place.request = place.video.requestVideoFrameCallback((now, frame) => {
      place.request = 0;
      if (listener(now, frame)) this.#await(place, listener);
    });
  }

  #stop(source: PictureSource): void {
    const place = this.#places.get(source);
    if (!place) return;
    place.video.cancelVideoFrameCallback?.(place.request);
    place.request = 0;
    place.video.srcObject = null;
  }
}
