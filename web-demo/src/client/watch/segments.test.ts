import { expect, it } from 'vitest';
import { isMedia, type ResourceEntry, SegmentBook } from './segments.ts';

const entry = (name: string, more: Partial<ResourceEntry> = {}): ResourceEntry => ({
  name,
  initiatorType: 'xmlhttprequest',
  startTime: 1_000,
  requestStart: 1_010,
  responseStart: 1_060,
  responseEnd: 1_200,
  encodedBodySize: 500_000,
  decodedBodySize: 500_000,
  transferSize: 500_300,
  responseStatus: 200,
  ...more,
});
const clock = (steadyMs: number) => 10_000_000 + steadyMs;

it('joins the word of the browser with that of the library, whoever is first', () => {
  const url = 'https://edge.example/live/7.ts';
  const told = {
    url,
    startMs: 1_000,
    firstMs: 1_070,
    endMs: 1_205,
    bytes: 499_999,
    mediaS: 2.0004,
    bitrateKbps: 2_000,
  };
  const expected = {
    t: 10_001_200,
    host: 'edge.example',
    ttfbMs: 50,
    durationMs: 200,
    bytes: 500_000,
    status: 200,
    mediaS: 2,
    bitrateKbps: 2_000,
    cached: false,
    uri: url,
  };
  for (const libraryFirst of [true, false]) {
    const book = new SegmentBook();
    if (libraryFirst) book.tell(told, 1_210);
    book.take([entry(url)], 1_300);
    if (!libraryFirst) book.tell(told, 1_400);
    const [one, ...others] = book.due(1_500, clock, true);
    expect(JSON.parse(JSON.stringify(one))).toEqual({ ...expected, t: libraryFirst ? 10_001_205 : 10_001_200 });
    expect(others).toEqual([]);
    expect(book.due(9_000, clock, true)).toEqual([]);
    expect(book.newest?.readable).toBe(true);
  }
});

it('waits for the library a little, and not where there is none', () => {
  const book = new SegmentBook();
  book.take([entry('https://edge.example/1.m4s')], 1_300);
  expect(book.due(1_400, clock, true)).toEqual([]);
  expect(book.due(2_300, clock, true)).toHaveLength(1);
  book.take([entry('https://edge.example/2.m4s')], 3_000);
  expect(book.due(3_000, clock, false)).toHaveLength(1);
});

it('leaves absent what the host does not allow to be told', () => {
  const book = new SegmentBook();
  const hidden = {
    requestStart: 0,
    responseStart: 0,
    encodedBodySize: 0,
    decodedBodySize: 0,
    transferSize: 0,
    responseStatus: 0,
  };
  book.take([entry('https://cdn.example/v/1.mp4?x=1', { ...hidden, initiatorType: 'video' })], 1_300);
  const [one] = book.due(1_300, clock, false);
  expect(JSON.parse(JSON.stringify(one))).toEqual({
    t: 10_001_200,
    durationMs: 200,
    host: 'cdn.example',
    // Without its query, which may hold what is the viewer's alone.
    uri: 'https://cdn.example/v/1.mp4',
  });
  expect(book.newest?.readable).toBe(false);
});

it('tells failures: by status, and by the word of the library', () => {
  const book = new SegmentBook();
  book.take([entry('https://edge.example/1.ts', { responseStatus: 404 })], 1_300);
  book.tell({ url: 'https://edge.example/2.ts', startMs: 1_000, endMs: 9_000, error: 'timeout' }, 9_000);
  // Loaded, then it could not be read: one request.
  book.tell({ url: 'https://edge.example/3.ts', startMs: 9_000, endMs: 9_100, bytes: 5 }, 9_100);
  book.tell({ url: 'https://edge.example/3.ts', startMs: 9_050, endMs: 9_150, error: 'parsing' }, 9_150);
  const due = book.due(99_000, clock, true);
  expect(due.map(({ status, error, durationMs }) => [status, error, durationMs])).toEqual([
    [404, 'http', 200],
    [undefined, 'timeout', 8_000],
    [undefined, 'parsing', 100],
  ]);
});

it('says what came from a cache', () => {
  const book = new SegmentBook();
  book.take([entry('https://edge.example/1.ts', { transferSize: 0 })], 1_300);
  expect(book.due(1_300, clock, false)[0]?.cached).toBe(true);
});

it('knows media by name, kind and content, and leaves requests alone that are meant to wait', () => {
  expect(isMedia(entry('https://a.example/x/index.m3u8?token=1'))).toBe(true);
  expect(isMedia(entry('https://a.example/segment/17', { contentType: 'video/mp4' }))).toBe(true);
  expect(isMedia(entry('https://a.example/film', { initiatorType: 'video' }))).toBe(true);
  expect(isMedia(entry('https://a.example/app.js', { initiatorType: 'script' }))).toBe(false);
  expect(isMedia(entry('https://a.example/index.m3u8?_HLS_msn=7'))).toBe(false);
  expect(isMedia(entry('blob:https://a.example/1', { initiatorType: 'video' }))).toBe(false);
});

it('gives the ids that the platform gave to its own host (CMCD)', () => {
  const book = new SegmentBook();
  const cmcd = encodeURIComponent('br=2000,cid="show-7",sid="6e2fb550-c457"');
  book.take([entry(`https://edge.example/1.ts?CMCD=${cmcd}`)], 1_300);
  expect(book.due(1_300, clock, false)[0]).toMatchObject({ sid: '6e2fb550-c457', cid: 'show-7' });
});

it('leaves out what we have fetched ourselves', () => {
  const book = new SegmentBook();
  const url = 'https://edge.example/live/8.ts';
  book.own = { url, fromMs: 2_000 };
  book.take([entry(url), entry(url, { initiatorType: 'fetch', startTime: 2_004, responseEnd: 2_090 })], 2_100);
  expect(book.due(4_000, clock, false).map(({ t }) => t)).toEqual([10_001_200]);
});
