import { expect, it, vi } from 'vitest';
import type { TellSegment } from './engine.ts';
import { engineOf } from './engines.ts';

/** An emitter with the methods by which libraries are listened to. */
function emitter() {
  const listeners = new Map<string, ((...args: unknown[]) => void)[]>();
  const on = (name: string, listener: (...args: unknown[]) => void) =>
    listeners.set(name, [...(listeners.get(name) ?? []), listener]);
  const off = (name: string, listener: unknown) =>
    listeners.set(
      name,
      (listeners.get(name) ?? []).filter((one) => one !== listener),
    );
  const emit = (name: string, ...args: unknown[]) => {
    for (const listener of listeners.get(name) ?? []) listener(...args);
  };
  return { on, off, emit, count: () => [...listeners.values()].reduce((sum, { length }) => sum + length, 0) };
}

const stats = (start: number, first: number, end: number, loaded: number) => ({
  aborted: false,
  loaded,
  total: loaded,
  loading: { start, first, end },
});

function hlsLike() {
  const { on, off, emit, count } = emitter();
  const levels = [{ bitrate: 2_500_000, frameRate: 50, videoCodec: 'avc1.64001f', details: null as unknown }];
  const hls = { on, off, loadSource: vi.fn(), attachMedia: vi.fn(), levels, currentLevel: 0, latency: 6.2 };
  return { hls, emit: (name: string, data: unknown) => emit(name, name, data), count };
}

it('reads hls.js: level, rate, requests, what is under way, age of the playlist', () => {
  const told: TellSegment[] = [];
  const { hls, emit, count } = hlsLike();
  const engine = engineOf(hls, (one) => told.push(one));
  expect(engine?.name).toBe('hls.js');
  expect(engine?.contentType()).toBe('video/mp4; codecs="avc1.64001f"');
  vi.spyOn(performance, 'now').mockReturnValue(10_000);
  if (hls.levels[0]) hls.levels[0].details = { live: true, endSN: 5 };
  emit('hlsLevelLoaded', { details: { live: true, endSN: 5 } });
  const frag = { type: 'main', sn: 5, level: 0, duration: 2, url: 'https://e/5.ts', stats: stats(9_000, 0, 0, 0) };
  emit('hlsFragLoading', { frag });
  vi.spyOn(performance, 'now').mockReturnValue(13_000);
  emit('hlsLevelLoaded', { details: { live: true, endSN: 5 } });
  expect(engine?.read()).toMatchObject({
    level: 0,
    levelSwitches: 0,
    bitrateKbps: 2_500,
    frameRate: 50,
    latencyS: 6.2,
    playlistAgeS: 3,
    pendingMs: 4_000,
    pendingBytes: 0,
  });
  frag.stats = stats(9_000, 9_100, 12_000, 500_000);
  emit('hlsFragLoaded', { frag });
  expect(engine?.read().pendingMs).toBeUndefined();
  expect(told).toEqual([
    {
      url: 'https://e/5.ts',
      startMs: 9_000,
      firstMs: 9_100,
      endMs: 12_000,
      bytes: 500_000,
      mediaS: 2,
      bitrateKbps: 2_500,
    },
  ]);
  emit('hlsLevelSwitched', { level: 0 });
  emit('hlsLevelSwitched', { level: 1 });
  expect(engine?.read().levelSwitches).toBe(1);
  engine?.close();
  expect(count()).toBe(0);
  vi.restoreAllMocks();
});

it('tells failures of hls.js by their kind, and an empty buffer is no bad media', () => {
  const told: TellSegment[] = [];
  const { hls, emit } = hlsLike();
  const engine = engineOf(hls, (one) => told.push(one));
  const frag = { type: 'main', sn: 1, level: 0, duration: 2, url: 'https://e/1.ts', stats: stats(1, 0, 0, 0) };
  emit('hlsError', { type: 'networkError', details: 'fragLoadError', frag, response: { code: 404 } });
  emit('hlsError', { type: 'networkError', details: 'fragLoadTimeOut', frag });
  emit('hlsError', { type: 'networkError', details: 'levelLoadError', url: 'https://e/l.m3u8', response: { code: 0 } });
  emit('hlsError', { type: 'mediaError', details: 'fragParsingError', frag });
  emit('hlsError', { type: 'mediaError', details: 'bufferStalledError' });
  emit('hlsError', { type: 'mediaError', details: 'bufferAppendError' });
  emit('hlsError', { details: null });
  expect(told.map(({ error, status }) => [error, status])).toEqual([
    ['http', 404],
    ['timeout', undefined],
    ['network', undefined],
    ['parsing', undefined],
  ]);
  expect(engine?.read().mediaErrors).toBe(2);
});

it('reads dash.js', () => {
  const told: TellSegment[] = [];
  const { on, off, emit } = emitter();
  const representation = {
    bandwidth: 3_000_000,
    frameRate: 25,
    absoluteIndex: 2,
    codecs: 'avc1.4d401f',
    mimeType: 'video/mp4',
  };
  const dash = {
    on,
    off,
    attachView() {},
    getDashMetrics() {},
    isDynamic: () => true,
    getCurrentLiveLatency: () => 4,
    getCurrentRepresentationForType: () => representation,
  };
  const engine = engineOf(dash, (one) => told.push(one));
  expect(engine?.name).toBe('dash.js');
  expect(engine?.contentType()).toBe('video/mp4; codecs="avc1.4d401f"');
  const at = (ms: number) => new Date(performance.timeOrigin + ms);
  const request = {
    type: 'MediaSegment',
    url: 'https://e/1.m4s',
    startDate: at(100),
    firstByteDate: at(150),
    endDate: at(300),
    bytesLoaded: 9_000,
    duration: 4,
    bandwidth: 3_000_000,
  };
  emit('fragmentLoadingStarted', { request });
  expect(engine?.read()).toMatchObject({
    level: 2,
    bitrateKbps: 3_000,
    frameRate: 25,
    latencyS: 4,
    pendingBytes: 9_000,
  });
  emit('fragmentLoadingCompleted', { request });
  emit('fragmentLoadingCompleted', {
    request: { ...request, bytesLoaded: 0 },
    error: { data: { response: { status: 503 } } },
  });
  expect(engine?.read().pendingMs).toBeUndefined();
  expect(told.map(({ bytes, mediaS, status, error }) => [bytes, mediaS, status, error])).toEqual([
    [9_000, 4, undefined, undefined],
    [undefined, 4, 503, 'http'],
  ]);
});

it('reads Shaka and mpegts.js', () => {
  const told: TellSegment[] = [];
  const shakaEvents = emitter();
  const shaka = {
    addEventListener: shakaEvents.on,
    removeEventListener: shakaEvents.off,
    getStats: () => ({ liveLatency: 3 }),
    getVariantTracks: () => [
      { active: false },
      { active: true, id: 4, bandwidth: 1_500_000, frameRate: 30, videoCodec: 'vp09.00.10.08' },
    ],
  };
  const engine = engineOf(shaka, (one) => told.push(one));
  expect(engine?.read()).toMatchObject({ level: 4, bitrateKbps: 1_500, frameRate: 30, latencyS: 3 });
  shakaEvents.emit('downloadcompleted', {
    requestType: 1,
    response: { uri: 'https://e/1.mp4', timeMs: 80, data: new ArrayBuffer(70) },
    context: { segment: { startTime: 2, endTime: 6 } },
  });
  shakaEvents.emit('downloadfailed', {
    requestType: 1,
    request: { uris: ['https://e/2.mp4'] },
    error: { code: 1001 },
    httpResponseCode: 410,
  });
  shakaEvents.emit('downloadfailed', { requestType: 1, request: {}, aborted: true });
  expect(told.map(({ bytes, mediaS, error, status }) => [bytes, mediaS, error, status])).toEqual([
    [70, 4, undefined, undefined],
    [undefined, undefined, 'http', 410],
  ]);
  const flvEvents = emitter();
  const flv = {
    ...flvEvents,
    attachMediaElement() {},
    statisticsInfo: { url: 'https://e/live.flv' },
    mediaInfo: { fps: 25, videoDataRate: 900, audioDataRate: 64 },
  };
  const second = engineOf(flv, (one) => told.push(one));
  expect(second?.read()).toEqual({ bitrateKbps: 964, frameRate: 25, mediaErrors: 0 });
  flvEvents.emit('error', 'NetworkError', 'HttpStatusCodeInvalid', { code: 403 });
  expect(told.at(-1)).toMatchObject({ error: 'http', status: 403 });
});

it('is no harm to whatever else it is given', () => {
  const trap = new Proxy(
    {},
    {
      get: () => {
        throw new Error('theirs');
      },
    },
  );
  for (const thing of [null, undefined, 5, 'hls', {}, [], () => {}, trap, { on: 1 }])
    expect(engineOf(thing, () => {})).toBeNull();
});
