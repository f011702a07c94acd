// Requests for media as events: the browser's own timing of them (Resource Timing) joined with what the player library says
// of the same. Where the host's server sends no `Timing-Allow-Origin` the browser tells of a request of another origin only
// when it began and ended; what it does not tell is absent.

import type { Sample } from '../lanes.ts';
import type { FetchError, TellSegment } from './engine.ts';

/** Pieces of streams and their playlists, by the ends of their paths. */
const MEDIA = /\.(?:ts|m4s|mp4|m4v|m4a|m4f|cmfv|cmfa|aac|webm|flv)$/i;
const PLAYLIST = /\.(?:m3u8|mpd)$/i;
/** A playlist request that the server is meant to hold back until there is something new (RFC 8216bis, 6.2.5.2). */
const BLOCKING = /[?&]_HLS_msn=/;
/** CMCD in a query (CTA-5004). */
const CMCD = /[?&]CMCD=([^&#]+)/i;
/** One word of either side waits so long for that of the other, ms. */
const PATIENCE_MS = 900;
/** Ends of the same request, seen by the browser and by the library, are not further apart, ms. */
const SAME_MS = 2_000;
/** Longest address that is told, characters. */
const URI_MAX = 1_000;
/** Our own fetch begins so soon after it was said, ms. */
const OWN_MS = 100;
/** Requests that wait for the other side's word at once. */
const WAITING_MAX = 100;

/** What Resource Timing says of a request. `PerformanceResourceTiming` has this shape. */
export interface ResourceEntry {
  name: string;
  initiatorType: string;
  startTime: number;
  requestStart: number;
  responseStart: number;
  responseEnd: number;
  encodedBodySize: number;
  decodedBodySize: number;
  transferSize: number;
  responseStatus?: number;
  contentType?: string;
}

/** A request of which one side or both have told. */
interface Waiting {
  url: string;
  endMs: number;
  sinceMs: number;
  entry: ResourceEntry | null;
  told: TellSegment | null;
}

/** Joins both words and gives each request once. */
export class SegmentBook {
  /** The newest piece of media, for a look at its host: its address, and whether scripts of this page may read it. */
  newest: { url: string; readable: boolean; endMs: number } | null = null;
  /** What we have fetched ourselves last, and from when on, ms: it is no request of the player's. */
  own: { url: string; fromMs: number } | null = null;
  #waiting: Waiting[] = [];
  #playlist: string | undefined;

  /** Entries of the browser. `engine`: a library tells too, so that its word may be waited for. */
  take(entries: readonly ResourceEntry[], nowMs: number): void {
    for (const entry of entries) {
      if (!isMedia(entry) || this.#isOwn(entry)) continue;
      this.#join(entry.name, entry.responseEnd, nowMs, (one) => {
        if (one.entry) return false;
        one.entry = entry;
        return true;
      });
    }
  }

  /** A library told. */
  tell(told: TellSegment, nowMs: number): void {
    if (BLOCKING.test(told.url)) return;
    this.#join(told.url, told.endMs, nowMs, (one) => {
      // What was loaded and then could not be read is one request.
      if (one.told && !(told.error && !one.told.error)) return false;
      one.told = one.told ? { ...one.told, error: told.error } : told;
      return true;
    });
  }

  /**
   * Events that are complete or have waited long enough. `clockMs` turns ms of `performance.now()` into the lane's time;
   * `both`: a library tells too, so that its word is waited for.
   */
  due(nowMs: number, clockMs: (steadyMs: number) => number, both: boolean): Sample[] {
    const ready = (one: Waiting) => (one.entry && (one.told || !both)) || nowMs - one.sinceMs >= PATIENCE_MS;
    const due = this.#waiting.filter(ready);
    this.#waiting = this.#waiting.filter((one) => !ready(one));
    const newest = newestPiece(due);
    return due.map((one) => {
      const host = hostOf(one.url);
      if (isPiece(one)) this.newest = { url: one.url, readable: isReadable(one), endMs: one.endMs };
      if (PLAYLIST.test(pathOf(one.url))) this.#playlist = one.url;
      const place = one === newest ? placeOf(one, this.#playlist) : {};
      return { t: clockMs(one.endMs), ...factsOf(one), ...(host && { host }), ...place, ...cmcdOf(one.url) };
    });
  }

  #isOwn({ name, startTime, initiatorType }: ResourceEntry): boolean {
    const { own } = this;
    const near = own !== null && startTime >= own.fromMs && startTime - own.fromMs < OWN_MS;
    return near && initiatorType === 'fetch' && name === own.url;
  }

  #join(url: string, endMs: number, nowMs: number, put: (one: Waiting) => boolean): void {
    const absolute = absoluteOf(url);
    const same = this.#waiting.find(
      (one) => one.url === absolute && Math.abs(one.endMs - endMs) <= SAME_MS && put(one),
    );
    if (same || this.#waiting.length >= WAITING_MAX) return;
    const one: Waiting = { url: absolute, endMs, sinceMs: nowMs, entry: null, told: null };
    put(one);
    this.#waiting.push(one);
  }
}

/** Whether an entry is a request for media. */
export function isMedia(entry: ResourceEntry): boolean {
  const { name, initiatorType, contentType } = entry;
  if (BLOCKING.test(name) || !/^https?:/.test(name)) return false;
  const path = pathOf(name);
  if (MEDIA.test(path) || PLAYLIST.test(path)) return true;
  // Without a telling name: what a <video> loads itself, or what came as video or sound.
  return initiatorType === 'video' || initiatorType === 'audio' || /^(?:video|audio)\//.test(contentType ?? '');
}

/** Whether it is media, and no playlist. */
function isPiece({ url, told }: Waiting): boolean {
  return hostOf(url) !== null && (told?.mediaS !== undefined || MEDIA.test(pathOf(url)));
}

/** What a script has read, it may read again. A <video> shows what no script may read. */
function isReadable({ url, entry, told }: Waiting): boolean {
  if (told || entry?.initiatorType === 'fetch' || entry?.initiatorType === 'xmlhttprequest') return true;
  return typeof location !== 'undefined' && url.startsWith(`${location.origin}/`);
}

function factsOf({ entry, told }: Waiting): Record<string, unknown> {
  // Without permission the browser gives 0 for every moment between begin and end.
  const timed = entry !== null && entry.responseStart > 0;
  const startMs = entry?.startTime ?? told?.startMs ?? 0;
  const endMs = entry?.responseEnd ?? told?.endMs ?? 0;
  const firstMs = told?.firstMs === undefined ? undefined : told.firstMs - told.startMs;
  const status = (entry?.responseStatus || undefined) ?? told?.status;
  const error: FetchError | undefined = told?.error ?? (status !== undefined && status >= 400 ? 'http' : undefined);
  const bytes = (timed ? entry.encodedBodySize : 0) || told?.bytes;
  return {
    ttfbMs: round(timed ? entry.responseStart - (entry.requestStart || entry.startTime) : firstMs),
    // A request that failed at once has no length that says anything.
    durationMs: endMs > startMs ? round(endMs - startMs) : undefined,
    bytes,
    status,
    mediaS: told?.mediaS === undefined ? undefined : Math.round(told.mediaS * 1000) / 1000,
    bitrateKbps: told?.bitrateKbps,
    cached: timed && entry.decodedBodySize > 0 ? entry.transferSize === 0 : undefined,
    error,
  };
}

/** The newest piece of the picture; where no library tells what is picture, of anything. */
function newestPiece(due: readonly Waiting[]): Waiting | null {
  const pieces = due.filter(isPiece);
  const placed = pieces.filter((one) => one.told?.playlist !== undefined);
  const last = (list: readonly Waiting[]) =>
    list.reduce<Waiting | null>((a, b) => (a && a.endMs > b.endMs ? a : b), null);
  return last(placed) ?? last(pieces);
}

/** Where a piece can be had again: addresses without their queries, which may hold what is the viewer's alone. */
function placeOf({ url, told }: Waiting, playlist: string | undefined): Record<string, unknown> {
  const uri = bareOf(url);
  return uri ? { uri, init: bareOf(told?.init), playlist: bareOf(told?.playlist ?? playlist) } : {};
}

/** Origin and path; absent for what is no address of the web, or too long for one. */
function bareOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { protocol, origin, pathname } = new URL(url);
  const bare = origin + pathname;
  return /^https?:$/.test(protocol) && bare.length <= URI_MAX ? bare : undefined;
}

function round(ms: number | undefined): number | undefined {
  return ms === undefined || !Number.isFinite(ms) ? undefined : Math.max(0, Math.round(ms * 10) / 10);
}

/** Session and content of CMCD, which let a platform find the same request in its own logs. */
function cmcdOf(url: string): { sid?: string; cid?: string } {
  const [, encoded] = CMCD.exec(url) ?? [];
  if (!encoded) return {};
  try {
    const text = decodeURIComponent(encoded);
    const key = (name: string) => new RegExp(`(?:^|,)${name}="([^"]{1,64})"`).exec(text)?.[1];
    const [sid, cid] = [key('sid'), key('cid')];
    return { ...(sid && { sid }), ...(cid && { cid }) };
  } catch {
    return {};
  }
}

function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? '';
}

function absoluteOf(url: string): string {
  return typeof location !== 'undefined' && URL.canParse(url, location.href) ? new URL(url, location.href).href : url;
}

function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).host : null;
}
