// One edge of the stand-in CDN: a live HLS stream over https on a port of its own, and the faults that are switched on it
// while it runs. Names in its addresses are random, so that nothing a viewer's page sees tells what is going to happen.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import { CODECS, LEVELS, SEGMENT_S, SEGMENTS } from './contents.mjs';

/** Segments in a playlist: players begin three before the end. */
const WINDOW = 6;
/** A throttled body is written so often, ms: the rate is even at 100 kbit/s. */
const THROTTLE_STEP_MS = 40;

/** Chance by seed: mulberry32, as in run/recipes.ts. */
function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'content-length, content-range',
  'timing-allow-origin': '*',
  'cache-control': 'no-store',
};

/** An edge. */
export class Edge {
  #server;
  #renditions;
  #levels;
  #begin;
  #startMs = Date.now();
  #token = randomBytes(6).toString('hex');
  #fault = null;
  #roll = dice(1);
  /** Places of the stream from which on another variant is sent, ascending. */
  #variants = [{ from: 0, variant: 'sound' }];
  #stoppedAt = null;
  #held = new Set();
  /** Throttled bodies under way. */
  #trickling = 0;
  /** What it did, for the manifest. */
  counts = { playlists: 0, segments: 0, hit: 0 };

  constructor(renditions, { levels, begin }) {
    this.#renditions = renditions;
    this.#levels = LEVELS.slice(0, levels);
    this.#begin = begin;
  }

  /** Listens; returns the address of the stream. */
  async listen(address, certificate) {
    this.#server = createServer(certificate, (request, response) => this.#answer(request, response));
    this.#server.on('tlsClientError', () => {});
    await new Promise((done) => this.#server.listen(0, address, done));
    return `https://${address}:${this.#server.address().port}/${this.#token}/live.m3u8`;
  }

  async close() {
    for (const response of this.#held) response.destroy();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /**
   * Switches a fault on, or with null off: `stall {share}`, `first_byte {ms, spreadMs}`, `throttle {kbps}`, `missing {share,
   * status}`, `broken {share}`, `stopped`, `source {variant}`.
   */
  set(fault) {
    if (fault?.kind === 'source') {
      this.#variants.push({ from: this.#place() + 1, variant: fault.variant });
      return;
    }
    if (fault?.kind === 'stopped') {
      this.#stoppedAt = this.#place();
      return;
    }
    this.#fault = fault;
    this.#roll = dice(fault?.seed ?? 1);
    if (fault === null) for (const response of this.#held) response.destroy();
  }

  /** Kilobits a second of the levels, the best first. */
  rates() {
    return this.#levels.map(({ name }) => this.#renditions.sound[name].kbps);
  }

  #place() {
    return this.#begin + Math.floor((Date.now() - this.#startMs) / (SEGMENT_S * 1_000));
  }

  #answer(request, response) {
    response.on('error', () => {});
    const [token, ...path] = new URL(request.url ?? '/', 'https://edge').pathname.slice(1).split('/');
    if (request.method === 'OPTIONS') {
      response
        .writeHead(204, { ...HEADERS, 'access-control-allow-headers': 'range', 'access-control-max-age': '600' })
        .end();
      return;
    }
    if (token !== this.#token) return void response.writeHead(404, HEADERS).end();
    if (path.length === 1 && path[0] === 'live.m3u8') return this.#playlist(response, this.#master());
    const level = this.#levels.find(({ name }) => name === path[0]);
    if (!level) return void response.writeHead(404, HEADERS).end();
    if (path[1] === 'index.m3u8') return this.#playlist(response, this.#media());
    if (path[1] === 'init.mp4') return this.#send(request, response, this.#renditions.sound[level.name].init, 0);
    const place = Number(/^(\d+)\.m4s$/.exec(path[1] ?? '')?.[1] ?? Number.NaN);
    if (!(place <= this.#place() && place > this.#place() - SEGMENTS))
      return void response.writeHead(404, HEADERS).end();
    this.#segment(request, response, level.name, place);
  }

  #playlist(response, text) {
    this.counts.playlists += 1;
    if (this.#stoppedAt !== null) this.counts.hit += 1;
    response.writeHead(200, { ...HEADERS, 'content-type': 'application/vnd.apple.mpegurl' }).end(text);
  }

  #master() {
    const lines = this.#levels.map(({ name, width, height }) => {
      const { kbps, peakKbps } = this.#renditions.sound[name];
      const rates = `BANDWIDTH=${Math.round(peakKbps * 1_000)},AVERAGE-BANDWIDTH=${Math.round(kbps * 1_000)}`;
      return `#EXT-X-STREAM-INF:${rates},RESOLUTION=${width}x${height},FRAME-RATE=30,CODECS="${CODECS}"\n${name}/index.m3u8`;
    });
    return `#EXTM3U\n#EXT-X-VERSION:7\n${lines.join('\n')}\n`;
  }

  #media() {
    const last = this.#stoppedAt ?? this.#place();
    const first = last - WINDOW + 1;
    const lines = Array.from({ length: WINDOW }, (_, n) => `#EXTINF:${SEGMENT_S.toFixed(3)},\n${first + n}.m4s`);
    const head = `#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:${SEGMENT_S}\n#EXT-X-MEDIA-SEQUENCE:${first}`;
    return `#EXTM3U\n${head}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI="init.mp4"\n${lines.join('\n')}\n`;
  }

  #segment(request, response, level, place) {
    this.counts.segments += 1;
    const variant = this.#variants.findLast(({ from }) => from <= place)?.variant ?? 'sound';
    if (variant !== 'sound') this.counts.hit += 1;
    let bytes = this.#renditions[variant][level].segment(place);
    const fault = this.#fault;
    if (fault === null) return this.#send(request, response, bytes, 0);
    // A share is a share of segments: who asks for one again gets the same answer.
    if (fault.share !== undefined && dice(fault.seed * 7_919 + place)() >= fault.share) {
      return this.#send(request, response, bytes, 0);
    }
    this.counts.hit += 1;
    switch (fault.kind) {
      case 'stall':
        this.#held.add(response);
        response.on('close', () => this.#held.delete(response));
        return;
      case 'first_byte':
        return this.#send(request, response, bytes, fault.ms + fault.spreadMs * this.#roll());
      case 'throttle':
        return this.#trickle(request, response, bytes, fault.kbps);
      case 'missing':
        return void response.writeHead(fault.status, HEADERS).end('no');
      case 'broken':
        bytes = broken(bytes, this.#roll);
        return this.#send(request, response, bytes, 0);
      default:
        throw new Error(`no fault ${fault.kind}`);
    }
  }

  #head(request, response, bytes) {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const type = { 'content-type': 'video/mp4' };
    if (!range) {
      response.writeHead(200, { ...HEADERS, ...type, 'content-length': bytes.length });
      return bytes;
    }
    const from = Math.min(Number(range[1]), bytes.length - 1);
    const to = Math.min(range[2] === '' ? bytes.length - 1 : Number(range[2]), bytes.length - 1);
    const part = bytes.subarray(from, to + 1);
    const told = `bytes ${from}-${to}/${bytes.length}`;
    response.writeHead(206, { ...HEADERS, ...type, 'content-length': part.length, 'content-range': told });
    return part;
  }

  #send(request, response, bytes, afterMs) {
    const send = () => void response.end(this.#head(request, response, bytes));
    if (afterMs > 0) setTimeout(send, afterMs);
    else send();
  }

  /** The rate is the edge's: requests at once share it. */
  #trickle(request, response, bytes, kbps) {
    const part = this.#head(request, response, bytes);
    response.flushHeaders();
    let at = 0;
    const timer = setInterval(() => {
      if (response.destroyed) return clearInterval(timer);
      const step = Math.max(1, Math.round((kbps / 8) * (THROTTLE_STEP_MS / this.#trickling)));
      response.write(part.subarray(at, at + step));
      at += step;
      if (at < part.length) return;
      clearInterval(timer);
      response.end();
    }, THROTTLE_STEP_MS);
    this.#trickling += 1;
    response.on('close', () => {
      clearInterval(timer);
      this.#trickling -= 1;
    });
  }
}

/** The segment as a bad disk has it: runs of wrong bytes all over, the boxes in front sometimes among them. */
function broken(bytes, roll) {
  const bad = Buffer.from(bytes);
  const runs = 6 + Math.floor(roll() * 10);
  for (let n = 0; n < runs; n += 1) {
    const from = Math.floor(roll() * roll() * bad.length);
    const to = Math.min(bad.length, from + 200 + Math.floor(roll() * 4_000));
    for (let at = from; at < to; at += 1) bad[at] = Math.floor(roll() * 256);
  }
  return bad;
}
