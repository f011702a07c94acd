// What every adapter of a player library tells, and what they share. Libraries are only read and listened to; nothing of
// them is called that would change what they do.

/** What a library says of this moment. Members are those of the player lane; what it does not know is absent. */
export interface EngineReading {
  /** Number of the level in use. */
  level?: number | undefined;
  /** Changes of the level so far. */
  levelSwitches?: number | undefined;
  /** Of the level, kbit/s. */
  bitrateKbps?: number | undefined;
  /** Of the level, frames/s. */
  frameRate?: number | undefined;
  /** Behind the live edge, s. */
  latencyS?: number | undefined;
  /** Since the playlist told something new, s. */
  playlistAgeS?: number | undefined;
  /** Of the oldest request for media that is under way, ms. */
  pendingMs?: number | undefined;
  /** Bytes of it that have come. */
  pendingBytes?: number | undefined;
  /** Errors of decoder and parser so far. */
  mediaErrors?: number | undefined;
}

/** Why a request for media failed, as the segments lane has it. */
export type FetchError = 'http' | 'network' | 'timeout' | 'parsing';

/** A request for media that is over, by the library's word. Times: ms of `performance.now()`. */
export interface TellSegment {
  /** Address, to find the browser's own timing of it. */
  url: string;
  startMs: number;
  /** First byte; absent when none came. */
  firstMs?: number | undefined;
  endMs: number;
  bytes?: number | undefined;
  /** Media in it, s. */
  mediaS?: number | undefined;
  /** Address of the initialisation segment that belongs to it. */
  init?: string | undefined;
  /** Address of the media playlist that lists it. */
  playlist?: string | undefined;
  bitrateKbps?: number | undefined;
  status?: number | undefined;
  error?: FetchError | undefined;
}

/** A library that is being read. */
export interface Engine {
  /** `hls.js`, `dash.js`, `shaka`, `mpegts.js`. */
  readonly name: string;
  /** What it plays, for Media Capabilities: MIME type with codecs; null while unknown. */
  contentType(): string | null;
  read(): EngineReading;
  /** Stops listening. */
  close(): void;
}

/** Makes an engine of a library's object if its shape is that of the library, else null. */
export type EngineReader = (candidate: Loose, tell: (segment: TellSegment) => void) => Engine | null;

/** Somebody else's object: any member may be missing or be something else. */
// biome-ignore lint/suspicious/noExplicitAny: libraries of many versions, each member looked at before it is used
export type Loose = any;

/** Whether something can be called. */
export function isFunction(value: unknown): value is (...args: Loose[]) => Loose {
  return typeof value === 'function';
}

/** A number that is one, else absent. */
export function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The same, above 0. */
export function positive(value: unknown): number | undefined {
  const number = finite(value);
  return number !== undefined && number > 0 ? number : undefined;
}

/** bit/s as kbit/s, absent unless it is above 0. */
export function kbpsOf(bitsPerSecond: unknown): number | undefined {
  const bits = positive(bitsPerSecond);
  return bits === undefined ? undefined : Math.round(bits / 1000);
}

/** A listener that keeps its mistakes from the library that calls it. */
export function harmless<A extends Loose[]>(listener: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch {
      // Another version with other members: this event is not told.
    }
  };
}

/** Media Capabilities wants a container with its codecs; null when the codec is unknown. */
export function mp4Of(codec: unknown): string | null {
  return typeof codec === 'string' && codec !== '' ? `video/mp4; codecs="${codec}"` : null;
}
