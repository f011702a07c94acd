// What this page knows of its line before the first picture is sent: from the player's own downloads, from the pings, from
// an earlier call. Nothing is sent to find out: the line under suspicion is the viewer's.

import type { LineKnowledge } from '../protocol/generated.ts';

/** Downloads that are kept: enough for a minute of a stream in two-second pieces with separate sound. */
const SEGMENTS_KEPT = 60;
/** Downloads whose rate is taken: the last few, since lines change. */
const SEGMENTS_RATED = 5;
/** Below this a download says more about the round trip than about the rate, bytes. */
const SEGMENT_BYTES_MIN = 16_384;
/** Shorter watching than this says nothing about what the stream needs, s. */
const WATCHED_S_MIN = 4;
/** An uplink's figure is trusted this long, ms: people move, and so do their phones. */
const UPLINK_LASTS_MS = 600_000;
/** Largest figure that is told, kbit/s; a cache on this machine is faster than any line. */
const KBPS_MAX = 1_000_000;
/** Where an earlier call's uplink is kept, per tab. */
const UPLINK_NAME = 'sightline:uplink';

/** Names of a stream's pieces. */
const SEGMENT = /\.(?:ts|m4s|mp4|m4v|m4a|m4f|cmfv|cmfa|aac|webm)$/i;

/** A piece of a stream as it came in. `PerformanceResourceTiming` has this shape. */
export interface Download {
  /** Address. */
  name: string;
  /** Of the body as sent, bytes; 0 for one of another site that does not tell. */
  encodedBodySize: number;
  /** 0 for one from the browser's cache. */
  transferSize: number;
  /** First byte, ms. */
  responseStart: number;
  /** Last byte, ms. */
  responseEnd: number;
}

/** Watches the player's downloads from now on, those before included. */
export class LineWatch {
  #segments: Download[] = [];
  #observer: PerformanceObserver | null = null;

  /** Starts. Where the browser tells nothing of downloads, nothing is known of them. */
  start(): void {
    if (typeof PerformanceObserver === 'undefined') return;
    try {
      this.#observer = new PerformanceObserver((list) => this.take(list.getEntries() as PerformanceResourceTiming[]));
      this.#observer.observe({ type: 'resource', buffered: true });
    } catch {
      this.#observer = null;
    }
  }

  /** Stops. */
  stop(): void {
    this.#observer?.disconnect();
  }

  /** Takes what came in. */
  take(downloads: readonly Download[]): void {
    this.#segments = [...this.#segments, ...downloads.filter(isSegment)].slice(-SEGMENTS_KEPT);
  }

  /** What is known. `rttMs`: the least recent round trip; `storage` keeps an earlier call's uplink. */
  knowledge(rttMs: number | null, storage: Pick<Storage, 'getItem'> | null, nowMs: number): LineKnowledge {
    const browser = (navigator as { connection?: { downlink?: number } }).connection?.downlink;
    return defined({
      player_down_kbps: downKbps(this.#segments),
      player_needs_kbps: needsKbps(this.#segments),
      up_kbps: rememberedUplink(storage, nowMs),
      rtt_ms: rttMs,
      browser_down_kbps: typeof browser === 'number' && browser > 0 ? kbps(browser * 1000) : null,
    });
  }
}

function isSegment(one: Download): boolean {
  if (one.encodedBodySize < SEGMENT_BYTES_MIN || one.transferSize === 0 || one.responseStart <= 0) return false;
  return SEGMENT.test(one.name.split(/[?#]/, 1)[0] ?? '');
}

/** Rate of the last downloads, kbit/s; null when none is known. */
export function downKbps(segments: readonly Download[]): number | null {
  const last = segments.slice(-SEGMENTS_RATED);
  const ms = last.reduce((sum, one) => sum + (one.responseEnd - one.responseStart), 0);
  const bytes = last.reduce((sum, one) => sum + one.encodedBodySize, 0);
  if (last.length === 0) return null;
  // Arrived within the timer's grain: as fast as can be told.
  return kbps((bytes * 8) / Math.max(1, ms));
}

/** What the stream needs, kbit/s: what came in after the first piece, over the time it took; null when too short. */
export function needsKbps(segments: readonly Download[]): number | null {
  const first = segments[0];
  const last = segments.at(-1);
  if (!first || !last || last.responseEnd - first.responseEnd < WATCHED_S_MIN * 1000) return null;
  const bytes = segments.slice(1).reduce((sum, one) => sum + one.encodedBodySize, 0);
  return kbps((bytes * 8) / (last.responseEnd - first.responseEnd));
}

/** Keeps what a call found its uplink to carry, kbit/s. */
export function rememberUplink(storage: Pick<Storage, 'setItem'> | null, upKbps: number, nowMs: number): void {
  try {
    storage?.setItem(UPLINK_NAME, JSON.stringify({ kbps: kbps(upKbps), atMs: nowMs }));
  } catch {
    // Full or forbidden: the next call starts without it.
  }
}

function rememberedUplink(storage: Pick<Storage, 'getItem'> | null, nowMs: number): number | null {
  try {
    const kept = JSON.parse(storage?.getItem(UPLINK_NAME) ?? 'null') as { kbps?: unknown; atMs?: unknown } | null;
    if (typeof kept?.kbps !== 'number' || typeof kept.atMs !== 'number') return null;
    const age = nowMs - kept.atMs;
    return age >= 0 && age < UPLINK_LASTS_MS && kept.kbps > 0 ? kbps(kept.kbps) : null;
  } catch {
    return null;
  }
}

function kbps(n: number): number {
  return Math.round(Math.min(KBPS_MAX, Math.max(1, n)));
}

/** Without the members that are null. */
function defined(values: { [K in keyof LineKnowledge]-?: number | null }): LineKnowledge {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
