// When a call's picture or sound has arrived at the agent, judged from `getStats`: the first sound that was played, and the
// moment from which the picture had its full size and was sharp. Pure; the time is passed in.

/** How often the statistics are read while something is still to come, ms. */
export const ARRIVAL_POLL_MS = 100;
/** After the first frame we look for a legible picture this long, ms. */
export const LEGIBLE_WITHIN_MS = 15_000;
/**
 * Size and sharpness must last this long before they are believed, ms: a sender that starts small and grows takes up to
 * three seconds. What is reported is when it began.
 */
export const LEGIBLE_HOLD_MS = 3_000;
/** A picture that moves has at least so many frames a second. */
export const LEGIBLE_FPS_MIN = 15;
/**
 * Below so many bits a pixel and frame nothing moves: repeats of a still picture that is made sharp (0.04 measured on a page of
 * text), a cursor, a clock's seconds. What moves costs 0.15 and more at these quantizers.
 */
const STILL_BITS_PER_PIXEL = 0.06;

/**
 * Largest quantizer of a sharp picture, by codec: VP8's 20 of 127, and of the others the index whose quantizer step is the
 * same (12 grey levels in an orthonormal transform): VP9 and AV1 89 of 255, H.264 25 of 51.
 */
export const SHARP_QP_MAX: Readonly<Record<string, number>> = { VP8: 20, VP9: 89, AV1: 89, H264: 25 };

/** What one reading says of a received picture; counters are cumulative, as W3C defines them. */
export interface PictureReading {
  /** When it was read, ms of any steady clock. */
  readonly atMs: number;
  readonly width: number;
  readonly height: number;
  readonly framesDecoded: number;
  /** `null` where the browser does not tell. */
  readonly qpSum: number | null;
  readonly bytesReceived: number;
  /** Codec's short name in capitals, such as `VP8`; empty when unknown. */
  readonly codec: string;
}

type Rows = ReadonlyMap<string, unknown>;
type Row = { readonly type?: unknown; readonly kind?: unknown; readonly mid?: unknown } & Record<string, unknown>;

/** The picture of the receiving m-line `mid` in a report; `null` before its first frame. */
export function pictureIn(report: Rows, mid: string, atMs: number): PictureReading | null {
  const row = inbound(report, 'video', mid);
  const [width, height] = [count(row?.frameWidth), count(row?.frameHeight)];
  const framesDecoded = count(row?.framesDecoded);
  if (row === undefined || framesDecoded === 0 || width === 0 || height === 0) return null;
  const codec = report.get(String(row.codecId)) as { mimeType?: unknown } | undefined;
  const name = typeof codec?.mimeType === 'string' ? (codec.mimeType.split('/')[1] ?? '') : '';
  return {
    atMs,
    width,
    height,
    framesDecoded,
    qpSum: typeof row.qpSum === 'number' ? row.qpSum : null,
    bytesReceived: count(row.bytesReceived),
    codec: name.toUpperCase(),
  };
}

/** Whether sound of the m-line `mid` was played: samples that came, not those that fill a gap. */
export function soundPlayed(report: Rows, mid: string): boolean {
  const row = inbound(report, 'audio', mid);
  if (row === undefined || count(row.packetsReceived) === 0) return false;
  // Firefox counts no concealed samples; there the arrival of samples is all that is told.
  return count(row.totalSamplesReceived) > count(row.concealedSamples);
}

/** A slot serves one call after the other, perhaps under another number: the stream that was heard last counts. */
function inbound(report: Rows, kind: string, mid: string): Row | undefined {
  let newest: Row | undefined;
  for (const value of report.values()) {
    const row = value as Row;
    if (row.type !== 'inbound-rtp' || row.kind !== kind || row.mid !== mid) continue;
    if (newest === undefined || heardAt(row) > heardAt(newest)) newest = row;
  }
  return newest;
}

function heardAt(row: Row): number {
  return count(row.lastPacketReceivedTimestamp);
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** Looks for the moment from which a picture is legible. Feed it every reading, from the first frame on. */
export class LegibleWatch {
  #last: PictureReading | null;
  /** The first reading of the stretch that may turn out legible. */
  #since: PictureReading | null = null;
  /** Pixels of the largest picture seen. */
  #fullPixels = 0;

  /** `before`: what the same slot's counters said before the call; null when it had no picture yet. */
  constructor(before: PictureReading | null = null) {
    this.#last = before;
  }

  /** Takes a reading. Returns since when the picture is legible, by the readings' clock, once that is certain. */
  take(now: PictureReading): number | null {
    // Counters that went back are another stream's.
    const before = this.#last !== null && this.#last.framesDecoded <= now.framesDecoded ? this.#last : null;
    if (before === null) this.#since = null;
    this.#last = now;
    const pixels = now.width * now.height;
    if (pixels > this.#fullPixels) {
      // Larger than all before: what was held until now was not the full size.
      this.#fullPixels = pixels;
      this.#since = null;
    }
    if (pixels < this.#fullPixels) this.#since = null;
    if (this.#since === null) {
      if (pixels === this.#fullPixels && sharpBetween(before, now)) this.#since = now;
      return null;
    }
    if (now.atMs - this.#since.atMs < LEGIBLE_HOLD_MS) return null;
    const since = this.#since;
    if (heldBetween(since, now)) return since.atMs;
    this.#since = null;
    return null;
  }
}

/** Whether the frames between two readings were sharp; before the first reading there was none. */
function sharpBetween(before: PictureReading | null, now: PictureReading): boolean {
  const qp = meanQp(before, now);
  const most = SHARP_QP_MAX[now.codec];
  return qp !== null && most !== undefined && qp <= most;
}

/** Sharp on the average, and quick enough where the picture moved. */
function heldBetween(since: PictureReading, now: PictureReading): boolean {
  const frames = now.framesDecoded - since.framesDecoded;
  // A still screen may send nothing at all.
  if (frames <= 0) return true;
  if (!sharpBetween(since, now)) return false;
  const fps = (frames * 1000) / (now.atMs - since.atMs);
  const bitsPerPixel = ((now.bytesReceived - since.bytesReceived) * 8) / (frames * now.width * now.height);
  return fps >= LEGIBLE_FPS_MIN || bitsPerPixel < STILL_BITS_PER_PIXEL;
}

function meanQp(before: PictureReading | null, now: PictureReading): number | null {
  if (now.qpSum === null || (before !== null && before.qpSum === null)) return null;
  const frames = now.framesDecoded - (before?.framesDecoded ?? 0);
  return frames <= 0 ? null : (now.qpSum - (before?.qpSum ?? 0)) / frames;
}
