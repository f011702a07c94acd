// Watches the pictures of a <video>: takes a few frames a second, has them judged in a worker, and gives a sample for every
// second in which the video played. The page's thread only takes the frames.

import { SecondTicker } from '../ticker.ts';
import type { Findings } from './judge.ts';
import type { PictureAnswer, PictureTask } from './messages.ts';
import { type NotInspectable, type PictureSecond, secondOf } from './second.ts';
import PictureWorker from './worker.ts?worker&inline';

export type { Findings } from './judge.ts';
export type { NotInspectable, PictureSecond } from './second.ts';

/** Time between inspected frames, ms: four a second where they cost little, one where they cost much. */
const EACH_MS = 250;
const EACH_MAX_MS = 1_000;
/**
 * After a frame with something wrong the next ones are looked at so soon, for so long, and not again for a while, ms: damage stays
 * for several frames, a mistake of ours seldom does.
 */
const CLOSE_MS = 200;
const CLOSE_FOR_MS = 1_200;
const CLOSE_APART_MS = 4_000;
/** Frames further apart are not compared, ms: slides change in that time, too. */
const COMPARED_MS = 1_500;
/** Share of a core that inspecting may take, page and worker together. */
const BUDGET = 0.01;
/** The same where all of it is the page's thread's. */
const BUDGET_ON_PAGE = 0.004;
/** This code comes from the page's own origin. */
const OWN_ORIGIN = typeof location !== 'undefined' && new URL(import.meta.url).origin === location.origin;
/** Frames are asked for from so long before one is due, ms. */
const DUE_SOON_MS = 30;
/** Weight of the newest frame in the mean cost. */
const NEWEST = 0.2;
/** A frame is sent when the one before was answered, so that none queue up; or after this long, ms: it may have been lost. */
const PATIENCE_MS = 5_000;

/** Who judges: the worker, or its stand-in on the page's thread. */
export interface JudgeHost {
  onmessage: ((event: MessageEvent<PictureAnswer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(task: PictureTask, transfer: Transferable[]): void;
  terminate(): void;
}

/** Makes one. On a page of another origin than this code's no worker is tried: see page-judge.ts. */
async function judgeHost(): Promise<JudgeHost> {
  if (OWN_ORIGIN) return new PictureWorker() as JudgeHost;
  const { PageJudge } = await import('./page-judge.ts');
  return new PageJudge();
}

/** What a watch needs. */
export interface PictureWatchOptions {
  /** The clock of the samples' `t`, ms: the server's where it is known. */
  nowMs: () => number;
  /** Time to the next inspected frame at least, ms; absent: four a second. Asked once for each. */
  eachMs?: () => number;
}

/** What inspecting has cost so far. */
export interface PictureCost {
  /** Frames judged. */
  frames: number;
  /** Time of the worker for them, ms. */
  workerMs: number;
  /** Time of the page's thread, ms. */
  pageMs: number;
}

/** Watches one video at a time. */
export class PictureWatch {
  /** What it has cost since `start`. */
  readonly cost: PictureCost = { frames: 0, workerMs: 0, pageMs: 0 };
  readonly #ticker: SecondTicker;
  readonly #eachMs: () => number;
  #video: HTMLVideoElement | null = null;
  #onSample: (sample: PictureSecond) => void = () => {};
  #worker: JudgeHost | null = null;
  #making = false;
  #request = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #before: VideoFrame | null = null;
  #beforePresented = 0;
  #nextMs = 0;
  /** Mean cost of a frame lately, ms. */
  #costMs = 0;
  #asked: { id: number; atMs: number } | null = null;
  #id = 0;
  #sentMs = 0;
  #closeSinceMs = Number.NEGATIVE_INFINITY;
  #first = true;
  #refused: NotInspectable | null = null;
  #found: Findings[] = [];
  readonly #onPicture = () => this.#newPicture();

  constructor(options: PictureWatchOptions) {
    this.#eachMs = options.eachMs ?? (() => EACH_MS);
    this.#ticker = new SecondTicker({ nowMs: options.nowMs, onSecond: (second) => this.#second(second) });
  }

  /**
   * Watches a video until `stop`, or until started with another. `onSample` is called once for every second in which the
   * video played and something is known; not at all while it is paused, seeking, over or without data.
   */
  start(video: HTMLVideoElement, onSample: (sample: PictureSecond) => void): void {
    this.stop();
    this.#video = video;
    this.#onSample = onSample;
    Object.assign(this.cost, { frames: 0, workerMs: 0, pageMs: 0 });
    this.#newPicture();
    for (const event of ['emptied', 'seeking', 'resize'] as const) video.addEventListener(event, this.#onPicture);
    this.#ticker.start();
    this.#await();
  }

  /** Ends watching; no sample comes after this. */
  stop(): void {
    this.#ticker.stop();
    const video = this.#video;
    this.#video = null;
    if (!video) return;
    for (const event of ['emptied', 'seeking', 'resize'] as const) video.removeEventListener(event, this.#onPicture);
    video.cancelVideoFrameCallback?.(this.#request);
    clearTimeout(this.#pause);
    this.#dropBefore();
    this.#worker?.terminate();
    this.#worker = null;
    this.#asked = null;
  }

  /** Looks at once, whatever pause was meant; `eachMs` is asked anew. */
  hurry(): void {
    this.#lookBy(0);
  }

  /** What comes next is not to be compared with what was. */
  #newPicture(): void {
    this.#first = true;
    this.#refused = null;
    this.#found = [];
    this.#dropBefore();
  }

  #await(): void {
    const video = this.#video;
    if (!video?.requestVideoFrameCallback) return;
    const ask = () => {
      this.#request = video.requestVideoFrameCallback((now, frame) => {
        if (this.#video !== video) return;
        this.#frame(video, now, frame.presentedFrames);
        this.#await();
      });
    };
    // Each callback costs the page a frame of its own: none is asked for long before one is due.
    const waitMs = this.#nextMs - performance.now() - DUE_SOON_MS;
    clearTimeout(this.#pause);
    if (waitMs > 0) this.#pause = setTimeout(ask, waitMs);
    else ask();
  }

  /** Every so often a frame is kept and the next one is sent together with it. */
  #frame(video: HTMLVideoElement, now: number, presented: number): void {
    if (now < this.#nextMs || this.#refused || video.seeking || !this.#free(now)) return;
    const from = performance.now();
    if (video.mediaKeys) this.#refused = 'drm';
    else this.#take(video, now, presented);
    this.cost.pageMs += performance.now() - from;
  }

  #take(video: HTMLVideoElement, now: number, presented: number): void {
    let frame: VideoFrame;
    try {
      frame = new VideoFrame(video);
    } catch (error) {
      // Between two sources there may be no frame: only what will not pass is told.
      if (error instanceof DOMException && error.name === 'SecurityError') this.#refused = 'tainted';
      return;
    }
    if (!this.#before) {
      this.#before = frame;
      this.#beforePresented = presented;
      return;
    }
    const before = presented === this.#beforePresented + 1 ? this.#before : null;
    if (!before) this.#before.close();
    this.#before = null;
    this.#nextMs = now + this.#pauseMs(now);
    this.#send(frame, before);
  }

  #pauseMs(now: number): number {
    if (now - this.#closeSinceMs < CLOSE_FOR_MS) return CLOSE_MS;
    const budget = OWN_ORIGIN ? BUDGET : BUDGET_ON_PAGE;
    return Math.max(Math.min(this.#costMs / budget, EACH_MAX_MS), this.#eachMs());
  }

  #send(frame: VideoFrame, before: VideoFrame | null): void {
    const worker = this.#ask();
    if (!worker) {
      frame.close();
      before?.close();
      return;
    }
    const id = ++this.#id;
    const atMs = performance.now();
    this.#asked = { id, atMs };
    const task: PictureTask = { id, frame, before, first: this.#first, apart: atMs - this.#sentMs > COMPARED_MS };
    this.#sentMs = atMs;
    this.#first = false;
    worker.postMessage(task, before ? [frame, before] : [frame]);
  }

  /** The judge, made when first needed; null until it is there, and where none is allowed. */
  #ask(): JudgeHost | null {
    if (!this.#worker && !this.#making) void this.#make();
    return this.#worker;
  }

  async #make(): Promise<void> {
    const video = this.#video;
    this.#making = true;
    try {
      const worker = await judgeHost();
      worker.onmessage = ({ data }) => this.#answered(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#refused = 'browser';
        this.#asked = null;
      };
      if (this.#video === video) this.#worker = worker;
      else worker.terminate();
    } catch {
      this.#refused = 'browser';
    } finally {
      this.#making = false;
    }
  }

  #answered({ id, findings, cost_ms }: PictureAnswer): void {
    if (this.#asked?.id === id) this.#asked = null;
    this.cost.frames++;
    this.cost.workerMs += cost_ms;
    const cost = cost_ms + this.cost.pageMs / this.cost.frames;
    this.#costMs = this.#costMs === 0 ? cost : this.#costMs + NEWEST * (cost - this.#costMs);
    if (!findings) return;
    this.#found.push(findings);
    if (isOdd(findings)) this.#lookCloser();
  }

  #lookCloser(): void {
    const now = performance.now();
    if (now - this.#closeSinceMs < CLOSE_APART_MS) return;
    this.#closeSinceMs = now;
    this.#lookBy(now + CLOSE_MS);
  }

  #lookBy(atMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, atMs);
    this.#video?.cancelVideoFrameCallback?.(this.#request);
    this.#await();
  }

  #free(now: number): boolean {
    return this.#asked === null || now - this.#asked.atMs > PATIENCE_MS;
  }

  #second(t: number): void {
    const video = this.#video;
    const found = this.#found;
    this.#found = [];
    if (!video || video.paused || video.ended || video.seeking || video.readyState < 2 || video.videoWidth === 0)
      return;
    const reason = this.#reason(video);
    if (reason) {
      this.#onSample({ t, inspectable: false, reason });
      return;
    }
    const sample = secondOf(t, found);
    if (sample) this.#onSample(sample);
  }

  #reason(video: HTMLVideoElement): NotInspectable | null {
    if (typeof VideoFrame === 'undefined' || !('requestVideoFrameCallback' in video)) return 'browser';
    if (document.visibilityState === 'hidden') return 'hidden';
    return this.#refused;
  }

  #dropBefore(): void {
    this.#before?.close();
    this.#before = null;
  }
}

function isOdd({ frozen, black, corrupt, blocky, striped, banded, torn }: Findings): boolean {
  return frozen || black || corrupt || blocky || striped || banded || torn;
}

/**
 * Judges one picture by itself, such as a snapshot; it is closed. Null when it could not be read. Motion, freezing and what
 * needs two frames are not judged.
 */
export async function judgeBitmap(bitmap: ImageBitmap): Promise<Findings | null> {
  const worker = await judgeHost();
  return new Promise((done) => {
    const end = (findings: Findings | null) => {
      worker.terminate();
      done(findings);
    };
    worker.onmessage = ({ data }: MessageEvent<PictureAnswer>) => end(data.findings);
    worker.onerror = () => end(null);
    worker.postMessage({ id: 1, bitmap } satisfies PictureTask, [bitmap]);
  });
}
