// Reads mpegts.js and flv.js by their events. They pull one request without an end, or segments that they do not tell of, so
// that there are errors and rates here and no segments.

import { type Engine, finite, harmless, isFunction, type Loose, mp4Of, positive, type TellSegment } from './engine.ts';

/** Details of their network errors, by what the segments lane calls them. */
const KINDS = {
  HttpStatusCodeInvalid: 'http',
  ConnectingTimeout: 'timeout',
  Exception: 'network',
  UnrecoverableEarlyEof: 'network',
} as const;

/** Recognises a player of mpegts.js or flv.js and listens to it. */
export function readMpegts(player: Loose, tell: (segment: TellSegment) => void): Engine | null {
  const known = isFunction(player.on) && isFunction(player.off) && isFunction(player.attachMediaElement);
  return known && 'statisticsInfo' in player ? new MpegtsEngine(player, tell) : null;
}

class MpegtsEngine implements Engine {
  readonly name = 'mpegts.js';
  readonly #player: Loose;
  readonly #onError: (type: unknown, detail: unknown, info: Loose) => void;
  #mediaErrors = 0;

  constructor(player: Loose, tell: (segment: TellSegment) => void) {
    this.#player = player;
    this.#onError = harmless((type: unknown, detail: unknown, info: Loose) => {
      if (type === 'MediaError') this.#mediaErrors += 1;
      if (type !== 'NetworkError') return;
      const endMs = performance.now();
      tell({
        url: String(player.statisticsInfo?.url ?? ''),
        startMs: endMs,
        endMs,
        status: positive(info?.code),
        error: KINDS[detail as keyof typeof KINDS] ?? 'network',
      });
    });
    player.on('error', this.#onError);
  }

  close(): void {
    try {
      this.#player.off('error', this.#onError);
    } catch {
      // Destroyed in the meantime.
    }
  }

  contentType(): string | null {
    return mp4Of(this.#player.mediaInfo?.videoCodec);
  }

  read() {
    const { fps, videoDataRate, audioDataRate } = this.#player.mediaInfo ?? {};
    // Streams of many encoders leave the rate of the picture at 0.
    const video = positive(videoDataRate);
    const bitrateKbps = video && Math.round(video + (finite(audioDataRate) ?? 0));
    return { bitrateKbps, frameRate: positive(fps), mediaErrors: this.#mediaErrors };
  }
}
