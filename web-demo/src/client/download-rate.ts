// What a download says of the way it came: first byte, and the rate of its later half, since the first one is the sender's
// slow start. Pure but for `timedFetch`.

/**
 * A later half so many times as fast as the first one came in a burst: what a lost packet held back, or what a busy page or
 * a sender's round trips let pile up. A slow start makes its later half at most some four times as fast.
 */
const BURST_TIMES = 6;
/** Fewer bytes make no rate. */
const BYTES_MIN = 4_000;
/** Chunks that are kept. */
const CHUNKS_MAX = 2_000;

/** A piece of a download as it came in. */
export interface Chunk {
  atMs: number;
  bytes: number;
}

/** A rate by a download. */
export interface Rate {
  kbps: number;
  /** Time over which it was measured, ms. */
  overMs: number;
  /** The way takes this much at least; how much more was not to be seen. */
  atLeast: boolean;
}

/** Rate of a download by its chunks, of which the first can have left its sender at `beganMs`; null when there is too little of it. */
export function rateOf(chunks: readonly Chunk[], beganMs: number): Rate | null {
  const total = chunks.reduce((sum, { bytes }) => sum + bytes, 0);
  const last = chunks.at(-1);
  if (!last || total < BYTES_MIN) return null;
  const allMs = Math.max(1, last.atMs - beganMs);
  const whole: Rate = { kbps: (total * 8) / allMs, overMs: allMs, atLeast: true };
  let seen = 0;
  for (const { atMs, bytes } of chunks) {
    seen += bytes;
    if (seen < total / 2) continue;
    const overMs = last.atMs - atMs;
    const kbps = ((total - seen) * 8) / overMs;
    const burst = !(kbps <= (BURST_TIMES * seen * 8) / Math.max(1, atMs - beganMs));
    return burst ? whole : { kbps, overMs, atLeast: false };
  }
  return whole;
}

/** How a fetch went. */
export interface Timed {
  /** First byte of the answer after the request, ms; null when none came in time. */
  ttfbMs: number | null;
  rate: Rate | null;
  status: number | null;
  /** It failed by itself, and not because its time was over. */
  failed: boolean;
}

/** Fetches at most `bytes` for at most `forMs` and says how it went. `rttMs`: of the way, where known. Never throws. */
export async function timedFetch(
  url: string,
  init: RequestInit,
  bytes: number,
  forMs: number,
  rttMs: number | null,
): Promise<Timed> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), forMs);
  const beganMs = performance.now();
  const timed: Timed = { ttfbMs: null, rate: null, status: null, failed: false };
  const chunks: Chunk[] = [];
  try {
    const answer = await fetch(url, { cache: 'no-store', credentials: 'omit', ...init, signal: abort.signal });
    timed.ttfbMs = performance.now() - beganMs;
    timed.status = answer.status === 0 ? null : answer.status;
    const reader = answer.ok ? answer.body?.getReader() : undefined;
    for (let seen = 0; reader && seen < bytes && chunks.length < CHUNKS_MAX; ) {
      const { done, value } = await reader.read();
      if (done) break;
      seen += value.byteLength;
      chunks.push({ atMs: performance.now(), bytes: value.byteLength });
    }
  } catch {
    timed.failed = !abort.signal.aborted;
  } finally {
    clearTimeout(timer);
    // Whatever else of it would still come.
    abort.abort();
  }
  // A connection that had first to be made is no part of the rate.
  const sentMs = timed.ttfbMs === null || rttMs === null ? beganMs : beganMs + Math.max(0, timed.ttfbMs - rttMs);
  timed.rate = rateOf(chunks, sentMs);
  return timed;
}
