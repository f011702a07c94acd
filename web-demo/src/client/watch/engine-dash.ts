// Reads dash.js (4 and 5) by its events and its public methods.

import { type Engine, finite, harmless, isFunction, kbpsOf, type Loose, positive, type TellSegment } from './engine.ts';

/** Requests that are followed at once; the library runs one a kind of media. */
const UNDER_WAY_MAX = 4;

/** Recognises a dash.js `MediaPlayer` and listens to it. */
export function readDash(dash: Loose, tell: (segment: TellSegment) => void): Engine | null {
  const known = isFunction(dash.on) && isFunction(dash.off) && isFunction(dash.attachView);
  return known && isFunction(dash.getDashMetrics) ? new DashEngine(dash, tell) : null;
}

class DashEngine implements Engine {
  readonly name = 'dash.js';
  readonly #dash: Loose;
  readonly #tell: (segment: TellSegment) => void;
  readonly #listeners: [event: string, listener: (event: Loose) => void][];
  readonly #underWay = new Set<Loose>();
  #switches = 0;
  #shown = false;
  #mediaErrors = 0;

  constructor(dash: Loose, tell: (segment: TellSegment) => void) {
    this.#dash = dash;
    this.#tell = tell;
    const listeners: [string, (event: Loose) => void][] = [
      ['fragmentLoadingStarted', ({ request }) => this.#loading(request)],
      ['fragmentLoadingCompleted', ({ request, error }) => this.#over(request, error)],
      ['fragmentLoadingAbandoned', ({ request }) => this.#underWay.delete(request)],
      ['qualityChangeRendered', ({ mediaType }) => this.#switched(mediaType)],
      ['playbackError', () => this.#badMedia()],
    ];
    this.#listeners = listeners.map(([event, listener]) => [event, harmless(listener)]);
    for (const [event, listener] of this.#listeners) dash.on(event, listener);
    // One that plays already has shown its first.
    this.#shown = isFunction(dash.time) && dash.time() > 0;
  }

  close(): void {
    for (const [event, listener] of this.#listeners) {
      try {
        this.#dash.off(event, listener);
      } catch {
        // Destroyed in the meantime.
      }
    }
  }

  contentType(): string | null {
    const { mimeType, codecs } = this.#representation() ?? {};
    if (typeof codecs !== 'string' || codecs === '') return null;
    // Some versions give the whole type, some the list of codecs.
    return codecs.includes('codecs=') ? codecs : `${mimeType ?? 'video/mp4'}; codecs="${codecs}"`;
  }

  read() {
    const representation = this.#representation();
    const live = isFunction(this.#dash.isDynamic) && this.#dash.isDynamic() === true;
    const [oldest] = [...this.#underWay].sort((a, b) => startOf(a) - startOf(b));
    return {
      level: finite(representation?.absoluteIndex ?? representation?.index ?? representation?.qualityIndex),
      levelSwitches: this.#switches,
      bitrateKbps: kbpsOf(representation?.bandwidth ?? representation?.bitrate),
      frameRate: positive(representation?.frameRate),
      latencyS: live ? positive(this.#dash.getCurrentLiveLatency?.()) : undefined,
      pendingMs: oldest ? performance.now() - startOf(oldest) : undefined,
      pendingBytes: oldest ? (finite(oldest.bytesLoaded) ?? 0) : undefined,
      mediaErrors: this.#mediaErrors,
    };
  }

  /** What is played: version 5 says it itself, version 4 by its list of bit rates. */
  #representation(): Loose | null {
    const { getCurrentRepresentationForType, getQualityFor, getBitrateInfoListFor } = this.#dash;
    try {
      if (isFunction(getCurrentRepresentationForType)) return getCurrentRepresentationForType.call(this.#dash, 'video');
      if (!isFunction(getQualityFor) || !isFunction(getBitrateInfoListFor)) return null;
      return getBitrateInfoListFor.call(this.#dash, 'video')[getQualityFor.call(this.#dash, 'video')] ?? null;
    } catch {
      // Both throw while no stream is there.
      return null;
    }
  }

  #loading(request: Loose): void {
    if (request.type === 'MediaSegment' && this.#underWay.size < UNDER_WAY_MAX) this.#underWay.add(request);
  }

  #over(request: Loose, error: Loose): void {
    this.#underWay.delete(request);
    const status = positive(error?.data?.response?.status);
    const endMs = steady(request.endDate ?? request.requestEndDate) ?? performance.now();
    this.#tell({
      url: String(request.url),
      startMs: startOf(request),
      firstMs: steady(request.firstByteDate),
      endMs,
      bytes: positive(request.bytesLoaded) ?? positive(request.bytesTotal),
      mediaS: request.type === 'MediaSegment' ? positive(request.duration) : undefined,
      bitrateKbps: kbpsOf(request.bandwidth ?? request.representation?.bandwidth),
      status,
      error: error ? (status !== undefined && status >= 400 ? 'http' : 'network') : undefined,
    });
  }

  /** The first level that is shown is none that was changed. */
  #switched(mediaType: unknown): void {
    if (mediaType !== 'video') return;
    if (this.#shown) this.#switches += 1;
    this.#shown = true;
  }

  #badMedia(): void {
    this.#mediaErrors += 1;
  }
}

function startOf(request: Loose): number {
  return steady(request.startDate ?? request.requestStartDate) ?? performance.now();
}

/** A `Date` as ms of `performance.now()`. */
function steady(date: unknown): number | undefined {
  return date instanceof Date ? date.getTime() - performance.timeOrigin : undefined;
}
