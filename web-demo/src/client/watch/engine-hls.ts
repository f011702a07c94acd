// Reads hls.js (1.0 and later) by its events and its public members.

import {
  type Engine,
  type FetchError,
  finite,
  harmless,
  isFunction,
  kbpsOf,
  type Loose,
  mp4Of,
  positive,
  type TellSegment,
} from './engine.ts';

/** Errors of kind "media" that say that the buffer ran dry or was mended, not that media is bad. */
const NO_MEDIA_ERRORS = new Set([
  'bufferStalledError',
  'bufferNudgeOnStall',
  'bufferSeekOverHole',
  'bufferFullError',
  'fragGap',
]);
/** Kinds of pieces that may be under way at once: picture, sound, subtitles. */
const UNDER_WAY_MAX = 4;

/** Recognises an instance of hls.js and listens to it. */
export function readHls(hls: Loose, tell: (segment: TellSegment) => void): Engine | null {
  const known = isFunction(hls.on) && isFunction(hls.off) && isFunction(hls.loadSource) && isFunction(hls.attachMedia);
  if (!known || !('levels' in hls)) return null;
  return new HlsEngine(hls, tell);
}

class HlsEngine implements Engine {
  readonly name = 'hls.js';
  readonly #hls: Loose;
  readonly #tell: (segment: TellSegment) => void;
  readonly #listeners: [event: string, listener: (event: unknown, data: Loose) => void][];
  /** The piece under way of each kind. */
  readonly #underWay = new Map<string, Loose>();
  #switches = 0;
  #lastLevel: number | null = null;
  #mediaErrors = 0;
  #rateKbps: number | undefined;
  #codec: string | null = null;
  /** The newest that the playlist told, and when. */
  #edge = '';
  #edgeAtMs: number | null = null;

  constructor(hls: Loose, tell: (segment: TellSegment) => void) {
    this.#hls = hls;
    this.#tell = tell;
    this.#listeners = [
      ['hlsFragLoading', (_, { frag, part }) => this.#loading(String(frag.type), part ?? frag)],
      ['hlsFragLoaded', (_, { frag, part }) => this.#loaded(frag, part)],
      ['hlsFragLoadEmergencyAborted', (_, { frag }) => this.#underWay.delete(String(frag.type))],
      ['hlsLevelSwitched', (_, { level }) => this.#switched(level)],
      ['hlsLevelLoaded', (_, { details }) => this.#playlist(details)],
      ['hlsBufferCodecs', (_, data) => this.#codecs(data)],
      ['hlsError', (_, data) => this.#failed(data)],
    ];
    this.#listeners = this.#listeners.map(([event, listener]) => [event, harmless(listener)]);
    for (const [event, listener] of this.#listeners) hls.on(event, listener);
    const level = hls.levels?.[hls.currentLevel];
    if (level?.details) this.#playlist(level.details);
    this.#lastLevel = finite(hls.currentLevel) ?? null;
  }

  close(): void {
    for (const [event, listener] of this.#listeners) {
      try {
        this.#hls.off(event, listener);
      } catch {
        // Destroyed in the meantime.
      }
    }
  }

  contentType(): string | null {
    return this.#codec ?? mp4Of(this.#level()?.videoCodec);
  }

  read() {
    const level = this.#level();
    const live = level?.details?.live === true;
    const piece = this.#oldest();
    return {
      level: this.#hls.currentLevel >= 0 ? finite(this.#hls.currentLevel) : undefined,
      levelSwitches: this.#switches,
      bitrateKbps: kbpsOf(level?.bitrate) ?? this.#rateKbps,
      frameRate: positive(level?.frameRate),
      latencyS: live ? positive(this.#hls.latency) : undefined,
      playlistAgeS: live && this.#edgeAtMs !== null ? (performance.now() - this.#edgeAtMs) / 1000 : undefined,
      pendingMs: piece ? performance.now() - piece.stats.loading.start : undefined,
      pendingBytes: piece ? finite(piece.stats.loaded) : undefined,
      mediaErrors: this.#mediaErrors,
    };
  }

  #level(): Loose {
    return this.#hls.levels?.[this.#hls.currentLevel] ?? this.#hls.levels?.[this.#hls.loadLevel];
  }

  #loading(kind: string, piece: Loose): void {
    if (this.#underWay.size < UNDER_WAY_MAX || this.#underWay.has(kind)) this.#underWay.set(kind, piece);
  }

  /** The piece that has been under way the longest. */
  #oldest(): Loose | null {
    let oldest: Loose | null = null;
    for (const [kind, piece] of this.#underWay) {
      const { loading, aborted } = piece.stats;
      if (aborted || loading.end > 0) this.#underWay.delete(kind);
      else if (loading.start > 0 && (!oldest || loading.start < oldest.stats.loading.start)) oldest = piece;
    }
    return oldest;
  }

  #loaded(frag: Loose, part: Loose | undefined): void {
    const piece = part ?? frag;
    if (this.#underWay.get(String(frag.type)) === piece) this.#underWay.delete(String(frag.type));
    const { loading, total, loaded } = piece.stats;
    const bytes = finite(total) || finite(loaded);
    const mediaS = frag.sn === 'initSegment' ? undefined : positive(piece.duration);
    if (mediaS && bytes && frag.type === 'main') this.#rateKbps = Math.round((bytes * 8) / mediaS / 1000);
    this.#tell({
      url: String(piece.url ?? frag.url),
      startMs: loading.start,
      firstMs: positive(loading.first),
      endMs: loading.end > 0 ? loading.end : performance.now(),
      bytes,
      mediaS,
      ...placeOf(frag),
      bitrateKbps: kbpsOf(this.#hls.levels?.[frag.level]?.bitrate),
    });
  }

  #switched(level: number): void {
    if (this.#lastLevel !== null && this.#lastLevel >= 0 && level !== this.#lastLevel) this.#switches += 1;
    this.#lastLevel = level;
  }

  #playlist(details: Loose): void {
    const edge = `${details.endSN}/${details.lastPartIndex ?? ''}/${details.lastPartSn ?? ''}`;
    if (edge === this.#edge) return;
    this.#edge = edge;
    this.#edgeAtMs = performance.now();
  }

  #codecs(data: Loose): void {
    const { container, codec, levelCodec } = data.video ?? data.audiovideo ?? {};
    const codecs = levelCodec || codec;
    if (typeof container === 'string' && typeof codecs === 'string') this.#codec = `${container}; codecs="${codecs}"`;
  }

  #failed(data: Loose): void {
    const details = String(data.details);
    if (data.type === 'mediaError' && !NO_MEDIA_ERRORS.has(details)) this.#mediaErrors += 1;
    const error = kindOf(details, finite(data.response?.code));
    if (!error || details.startsWith('key')) return;
    if (data.frag && details.startsWith('frag')) this.#underWay.delete(String(data.frag.type));
    const { stats } = data.part ?? data.frag ?? data;
    const endMs = performance.now();
    this.#tell({
      url: String(data.part?.url ?? data.frag?.url ?? data.url ?? data.response?.url ?? ''),
      startMs: positive(stats?.loading?.start) ?? endMs,
      firstMs: error === 'timeout' ? positive(stats?.loading?.first) : undefined,
      endMs,
      bytes: error === 'parsing' ? undefined : finite(stats?.loaded),
      mediaS: data.frag && data.frag.sn !== 'initSegment' ? positive(data.frag.duration) : undefined,
      ...placeOf(data.frag),
      status: positive(data.response?.code),
      error,
    });
  }
}

/** What a piece of the picture belongs to: its initialisation segment and its playlist, to which its address is relative. */
function placeOf(frag: Loose): Pick<TellSegment, 'init' | 'playlist'> {
  if (frag?.type !== 'main' || frag.sn === 'initSegment') return {};
  const { initSegment, baseurl } = frag;
  return {
    init: typeof initSegment?.url === 'string' ? initSegment.url : undefined,
    playlist: typeof baseurl === 'string' ? baseurl : undefined,
  };
}

/** Why a request failed; null for errors that are not of a request. */
function kindOf(details: string, status: number | undefined): FetchError | null {
  if (/LoadTimeOut$/i.test(details)) return 'timeout';
  if (/LoadError$/.test(details)) return status !== undefined && status >= 400 ? 'http' : 'network';
  // Subtitles and single samples of sound that cannot be read leave the picture alone.
  return details === 'fragParsingError' || details === 'levelParsingError' || details === 'manifestParsingError'
    ? 'parsing'
    : null;
}
