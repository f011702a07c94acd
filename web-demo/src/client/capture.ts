// Getting a picture to share: the page's player, or a screen, window or tab. Failures are told by kind, so that the page
// can say what to do next.

import type { Surface } from '../protocol/generated.ts';

/** Why there is no picture. */
export type CaptureProblem =
  /** The person closed the picker or said no. */
  | 'cancelled'
  /** The browser cannot do it at all. */
  | 'unsupported'
  /** The player shows media that the page may not read, from another site or protected. */
  | 'protected'
  /** There is nothing to capture: no player, or it never gave a picture. */
  | 'empty'
  /** Anything else, such as a system permission that is missing. */
  | 'failed';

/** No picture could be had. */
export class CaptureError extends Error {
  readonly problem: CaptureProblem;

  constructor(problem: CaptureProblem, options?: ErrorOptions) {
    super(`capture: ${problem}`, options);
    this.name = 'CaptureError';
    this.problem = problem;
  }
}

/** How long the player may take to give its picture, ms: it may be loading a segment. */
const PLAYER_TRACK_TIMEOUT_MS = 4_000;
/** A player that changes its source ends its track and gives another one; without it by then the capture is over, ms. */
const PLAYER_TRACK_GAP_MS = 2_000;

/** A picture being captured. */
export interface Capture {
  readonly surface: Surface;
  /** The picture now. */
  readonly track: MediaStreamTrack;
  /** Called when the picture goes on in another track. */
  onTrack: ((track: MediaStreamTrack) => void) | null;
  /** Called when it ended by itself: the browser's own stop, the window closed, the player gone. */
  onEnded: (() => void) | null;
  /** Ends it. */
  stop(): void;
}

/** Whether this browser can share a screen at all; phones mostly cannot. */
export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/**
 * Asks for a screen, window or tab. Must be called in the click's own task: browsers want a person's gesture.
 * @throws CaptureError
 */
export function captureScreen(): Promise<Capture> {
  if (!canShareScreen()) return Promise.reject(new CaptureError('unsupported'));
  let asked: Promise<MediaStream>;
  try {
    asked = navigator.mediaDevices.getDisplayMedia({ video: true });
  } catch (cause) {
    return Promise.reject(new CaptureError('failed', { cause }));
  }
  return asked.then(screenCapture, (cause: unknown) => {
    throw new CaptureError(screenProblem(cause), { cause });
  });
}

function screenProblem(cause: unknown): CaptureProblem {
  const name = cause instanceof DOMException ? cause.name : '';
  // Chromium has one error for "closed the picker" and "the system forbids it"; the message alone tells them apart.
  if (name === 'NotAllowedError') return /system/i.test(String(cause)) ? 'failed' : 'cancelled';
  return name === 'AbortError' ? 'cancelled' : 'failed';
}

function screenCapture(stream: MediaStream): Capture {
  const track = stream.getVideoTracks()[0];
  if (!track) throw new CaptureError('empty');
  // Text must stay sharp; a screen's motion matters less.
  track.contentHint = 'detail';
  const capture: Capture = {
    surface: 'screen',
    track,
    onTrack: null,
    onEnded: null,
    stop: () => {
      for (const one of stream.getTracks()) one.stop();
    },
  };
  track.onended = () => capture.onEnded?.();
  return capture;
}

/** The two names of the method; neither is in the DOM's types. */
type Capturable = HTMLVideoElement & { captureStream?: () => MediaStream; mozCaptureStream?: () => MediaStream };

/** Captures what a <video> of the page plays, without any picker. @throws CaptureError */
export async function capturePlayer(video: HTMLVideoElement | null): Promise<Capture> {
  if (!video) throw new CaptureError('empty');
  const element: Capturable = video;
  if (!element.captureStream && !element.mozCaptureStream) throw new CaptureError('unsupported');
  if (video.mediaKeys) throw new CaptureError('protected');
  let stream: MediaStream;
  try {
    const got = element.captureStream?.() ?? element.mozCaptureStream?.();
    if (!got) throw new CaptureError('unsupported');
    stream = got;
  } catch (cause) {
    throw cause instanceof CaptureError ? cause : new CaptureError('protected', { cause });
  }
  const track = await firstTrack(stream);
  if (!track) {
    for (const one of stream.getTracks()) one.stop();
    throw new CaptureError('empty');
  }
  return new PlayerCapture(stream, track);
}

function liveTrack(stream: MediaStream): MediaStreamTrack | undefined {
  return stream.getVideoTracks().find((track) => track.readyState === 'live');
}

async function firstTrack(stream: MediaStream): Promise<MediaStreamTrack | undefined> {
  const now = liveTrack(stream);
  if (now) return now;
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      stream.removeEventListener('addtrack', look);
      resolve(liveTrack(stream));
    };
    const look = () => {
      if (liveTrack(stream)) finish();
    };
    const timer = setTimeout(finish, PLAYER_TRACK_TIMEOUT_MS);
    stream.addEventListener('addtrack', look);
  });
}

class PlayerCapture implements Capture {
  readonly surface = 'player';
  track: MediaStreamTrack;
  onTrack: ((track: MediaStreamTrack) => void) | null = null;
  onEnded: (() => void) | null = null;
  readonly #stream: MediaStream;
  #gap: ReturnType<typeof setTimeout> | undefined;
  readonly #added = () => {
    const next = liveTrack(this.#stream);
    if (next && next !== this.track && this.track.readyState === 'ended') this.#take(next);
  };

  constructor(stream: MediaStream, track: MediaStreamTrack) {
    this.#stream = stream;
    this.track = track;
    stream.addEventListener('addtrack', this.#added);
    this.#take(track);
  }

  stop(): void {
    clearTimeout(this.#gap);
    this.#stream.removeEventListener('addtrack', this.#added);
    this.track.onended = null;
    for (const track of this.#stream.getTracks()) track.stop();
  }

  #take(track: MediaStreamTrack): void {
    clearTimeout(this.#gap);
    const first = track === this.track;
    this.track = track;
    track.contentHint = 'motion';
    track.onended = () => {
      this.#gap = setTimeout(() => this.onEnded?.(), PLAYER_TRACK_GAP_MS);
      this.#added();
    };
    if (!first) this.onTrack?.(track);
  }
}
