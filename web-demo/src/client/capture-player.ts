// Sharing only the page's player: no picker, nothing private, works on phones.

import { type Capture, CaptureError } from './capture.ts';

/** How long the player may take to give its picture, ms: it may be loading a segment. */
const TRACK_TIMEOUT_MS = 4_000;
/** A player that changes its source ends its track and gives another one; without it by then the capture is over, ms. */
const TRACK_GAP_MS = 2_000;

/** The two names of the method; neither is in the DOM's types. */
type Capturable = HTMLVideoElement & { captureStream?: () => MediaStream; mozCaptureStream?: () => MediaStream };

/** Captures what a <video> of the page plays. @throws CaptureError */
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
    const timer = setTimeout(finish, TRACK_TIMEOUT_MS);
    stream.addEventListener('addtrack', look);
  });
}

class PlayerCapture implements Capture {
  readonly surface = 'player';
  readonly slot = 'screen';
  track: MediaStreamTrack;
  onTrack: ((track: MediaStreamTrack) => void) | null = null;
  onEnded: (() => void) | null = null;
  onMuted: ((muted: boolean) => void) | null = null;
  readonly #stream: MediaStream;
  #gap: ReturnType<typeof setTimeout> | undefined;
  /**
   * The player gives a new track when its media is loaded anew. Chromium leaves the old one `live` then, without frames: the
   * newest is the one that shows.
   */
  readonly #added = () => {
    const next = this.#stream.getVideoTracks().findLast((track) => track.readyState === 'live');
    if (!next || next === this.track) return;
    const old = this.track;
    this.#take(next);
    old.onended = null;
    old.stop();
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
    track.onmute = () => this.onMuted?.(true);
    track.onunmute = () => this.onMuted?.(false);
    track.onended = () => {
      this.#gap = setTimeout(() => this.onEnded?.(), TRACK_GAP_MS);
      this.#added();
    };
    if (!first) this.onTrack?.(track);
  }
}
