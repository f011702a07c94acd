// Reads Shaka Player (4 and later) by its events and `getStats`.

import {
  type Engine,
  finite,
  harmless,
  isFunction,
  kbpsOf,
  type Loose,
  mp4Of,
  positive,
  type TellSegment,
} from './engine.ts';

/** `RequestType.SEGMENT` of its networking. */
const SEGMENT = 1;
/** `Category.MEDIA` of its errors. */
const MEDIA = 3;
/** `Code.TIMEOUT` and `Code.BAD_HTTP_STATUS`. */
const TIMEOUT = 1003;
const BAD_STATUS = 1001;

/** Recognises a Shaka `Player` and listens to it. */
export function readShaka(shaka: Loose, tell: (segment: TellSegment) => void): Engine | null {
  const known = isFunction(shaka.addEventListener) && isFunction(shaka.getStats) && isFunction(shaka.getVariantTracks);
  return known ? new ShakaEngine(shaka, tell) : null;
}

class ShakaEngine implements Engine {
  readonly name = 'shaka';
  readonly #shaka: Loose;
  readonly #tell: (segment: TellSegment) => void;
  readonly #listeners: [event: string, listener: (event: Loose) => void][];
  #switches = 0;
  #mediaErrors = 0;

  constructor(shaka: Loose, tell: (segment: TellSegment) => void) {
    this.#shaka = shaka;
    this.#tell = tell;
    const listeners: [string, (event: Loose) => void][] = [
      ['downloadcompleted', (event) => this.#loaded(event)],
      ['downloadfailed', (event) => this.#failed(event)],
      ['adaptation', () => this.#switched()],
      ['variantchanged', () => this.#switched()],
      ['error', ({ detail }) => this.#error(detail)],
    ];
    this.#listeners = listeners.map(([event, listener]) => [event, harmless(listener)]);
    for (const [event, listener] of this.#listeners) shaka.addEventListener(event, listener);
  }

  close(): void {
    for (const [event, listener] of this.#listeners) {
      try {
        this.#shaka.removeEventListener(event, listener);
      } catch {
        // Destroyed in the meantime.
      }
    }
  }

  contentType(): string | null {
    return mp4Of(this.#track()?.videoCodec);
  }

  read() {
    const track = this.#track();
    const stats = this.#shaka.getStats() ?? {};
    return {
      level: finite(track?.id),
      levelSwitches: this.#switches,
      bitrateKbps: kbpsOf(track?.bandwidth ?? stats.streamBandwidth),
      frameRate: positive(track?.frameRate),
      latencyS: positive(stats.liveLatency),
      mediaErrors: this.#mediaErrors,
    };
  }

  #track(): Loose | null {
    return this.#shaka.getVariantTracks().find((track: Loose) => track.active) ?? null;
  }

  #loaded({ requestType, response, context }: Loose): void {
    if (requestType !== SEGMENT || !response) return;
    const endMs = performance.now();
    const { startTime, endTime } = context?.segment ?? {};
    this.#tell({
      url: String(response.uri),
      startMs: endMs - (positive(response.timeMs) ?? 0),
      endMs,
      bytes: positive(response.data?.byteLength),
      mediaS: positive(endTime - startTime),
      bitrateKbps: kbpsOf(context?.stream?.bandwidth),
      status: positive(response.status),
    });
  }

  #failed({ requestType, request, error, httpResponseCode, aborted }: Loose): void {
    if (requestType !== SEGMENT || aborted) return;
    const endMs = performance.now();
    this.#tell({
      url: String(request?.uris?.[0] ?? ''),
      startMs: positive(request?.requestStartTime) ?? endMs,
      endMs,
      status: positive(httpResponseCode),
      error: error?.code === TIMEOUT ? 'timeout' : error?.code === BAD_STATUS ? 'http' : 'network',
    });
  }

  #switched(): void {
    this.#switches += 1;
  }

  #error(detail: Loose): void {
    if (detail?.category === MEDIA) this.#mediaErrors += 1;
  }
}
