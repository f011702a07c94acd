// Frames that reached the screen, by `requestVideoFrameCallback`: a few frames a second are looked at, the browser's own
// counter in them says how many there were. To look at each of them would keep the page drawing.

/** Frames that are looked at in a second while somebody waits for a verdict. */
const BURST = 4;
/** While nobody does: fewer, and in each second second only. Each makes the page draw one or two frames of its own. */
const BURST_CALM = 2;
const CALM_EACH = 2;
/** Distances of frames that are kept for the rate: of the last ten seconds, or of a minute of calm. */
const GAPS_KEPT = 30;
/** Fewer say nothing about the rate. */
const GAPS_MIN = 6;
/** Which of the distances, sorted, is taken for that of the stream: frames left out make some of them longer. */
const GAP_QUANTILE = 0.3;

/** A decode time this near to whole frames of the stream is a decoder that holds frames back, as a share of a frame. */
const WHOLE = 0.1;

/** What a second's frames say; members are those of the player lane. */
export interface FrameFacts {
  renderedFrames?: number;
  decodeMs?: number;
  frameRate?: number;
}

/** Looks at some frames of one <video>. */
export class FrameMeter {
  readonly #video: HTMLVideoElement;
  #handle: number | null = null;
  #left = 0;
  #seconds = 0;
  #last: VideoFrameCallbackMetadata | null = null;
  #rendered: number | null = null;
  #decodeMs: number[] = [];
  #gaps: number[] = [];

  private constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  /** A meter; null where the browser tells nothing of frames. */
  static of(video: HTMLVideoElement): FrameMeter | null {
    return 'requestVideoFrameCallback' in video ? new FrameMeter(video) : null;
  }

  /**
   * What was seen since the last call; asks for the next frames when the picture ought to move. `dropped`: frames were
   * dropped meanwhile; `alert`: somebody waits for a verdict.
   */
  second(moves: boolean, dropped: boolean, alert: boolean): FrameFacts {
    const { length } = this.#decodeMs;
    const mean = length === 0 ? undefined : this.#decodeMs.reduce((sum, ms) => sum + ms, 0) / length;
    this.#decodeMs = [];
    const decodeMs = mean !== undefined && !dropped && holdsBack(mean, rateOf(this.#gaps)) ? undefined : mean;
    this.#seconds += 1;
    const due = alert || this.#seconds % CALM_EACH === 0;
    if (due && moves && this.#handle === null && document.visibilityState === 'visible') {
      this.#left = alert ? BURST : BURST_CALM;
      this.#last = null;
      this.#ask();
    }
    const frameRate = rateOf(this.#gaps);
    const rendered = this.#rendered;
    this.#rendered = null;
    return {
      ...(rendered !== null && { renderedFrames: rendered }),
      ...(decodeMs !== undefined && { decodeMs: Math.round(decodeMs * 100) / 100 }),
      ...(frameRate !== null && { frameRate }),
    };
  }

  /** Lets go of the element. */
  stop(): void {
    if (this.#handle !== null) this.#video.cancelVideoFrameCallback(this.#handle);
    this.#handle = null;
  }

  #ask(): void {
    this.#handle = this.#video.requestVideoFrameCallback((_, frame) => this.#seen(frame));
  }

  #seen(frame: VideoFrameCallbackMetadata): void {
    this.#handle = null;
    this.#rendered = frame.presentedFrames;
    if (frame.processingDuration !== undefined) this.#decodeMs.push(frame.processingDuration * 1000);
    const last = this.#last;
    if (last && frame.presentedFrames - last.presentedFrames === 1 && frame.mediaTime > last.mediaTime) {
      this.#gaps.push(frame.mediaTime - last.mediaTime);
      if (this.#gaps.length > GAPS_KEPT) this.#gaps.shift();
    }
    this.#last = frame;
    this.#left -= 1;
    if (this.#left > 0) this.#ask();
  }
}

/** Nominal frames a second of a stream by distances of its frames, s; null when there are too few. */
export function rateOf(gaps: readonly number[]): number | null {
  if (gaps.length < GAPS_MIN) return null;
  const sorted = [...gaps].sort((a, b) => a - b);
  const gap = sorted[Math.floor(sorted.length * GAP_QUANTILE)] ?? 0;
  return gap > 0 ? Math.round(10 / gap) / 10 : null;
}

/**
 * Whether a decode time is that of a decoder which gives each frame when the next ones have come in: then it is the stream's
 * rhythm, and says nothing of the device.
 */
export function holdsBack(decodeMs: number, frameRate: number | null): boolean {
  if (frameRate === null) return false;
  const frames = (decodeMs * frameRate) / 1000;
  return frames > 1 - WHOLE && Math.abs(frames - Math.round(frames)) < WHOLE;
}
