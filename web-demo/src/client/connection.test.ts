import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Welcome } from '../protocol/generated.ts';
import { backoffMs } from './backoff.ts';
import { ServerClock } from './clock.ts';
import { Connection, type RequestError, socketUrl } from './connection.ts';
import { FakeSockets } from './fake-socket.ts';

const WELCOME: Welcome & { t: 'welcome' } = {
  t: 'welcome',
  v: 1,
  server_ms: 1_000_000,
  boot: 'b_1',
  session: 's_1',
  name: 'Guest',
  agents_online: 1,
  video_codecs: ['VP8'],
};

let sockets: FakeSockets;
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', { OPEN: 1 });
  sockets = new FakeSockets();
  connection = new Connection({
    url: 'ws://test/ws',
    hello: () => ({ t: 'hello_agent', v: 1, lang: 'en' }),
    openSocket: sockets.open,
    clock: new ServerClock(() => Date.now()),
    random: () => 0.5,
  });
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function welcomed(): void {
  connection.open();
  sockets.last.accept();
  sockets.last.say(WELCOME);
}

describe('a connection', () => {
  it('says hello first and is open after the welcome', () => {
    connection.open();
    expect(connection.send({ t: 'ping', client_ms: 1 })).toBe(false);
    sockets.last.accept();
    expect(sockets.last.sent.map((frame) => frame.t)).toEqual(['hello_agent']);
    sockets.last.say(WELCOME);
    expect(connection.state.get().kind).toBe('open');
  });

  it('pings five times at the start and then every ten seconds', () => {
    welcomed();
    vi.advanceTimersByTime(1_000);
    expect(sockets.last.of('ping')).toHaveLength(5);
    sockets.last.say({ t: 'pong', client_ms: Date.now(), server_ms: Date.now() });
    vi.advanceTimersByTime(9_500);
    expect(sockets.last.of('ping')).toHaveLength(6);
  });

  it('settles requests by their numbers', async () => {
    welcomed();
    const good = connection.request({ t: 'take', conversation: 'c_1' });
    const bad = connection.request({ t: 'take', conversation: 'c_2' });
    const [first, second] = sockets.last.of('take');
    sockets.last.say({ t: 'error', id: second?.id ?? 0, code: 'taken', message: 'late', fatal: false });
    sockets.last.say({ t: 'done', id: first?.id ?? 0 });
    await expect(good).resolves.toBeUndefined();
    await expect(bad).rejects.toMatchObject({ code: 'taken' } satisfies Partial<RequestError>);
  });

  it('rejects what is under way when the socket breaks, and connects again with back-off', async () => {
    welcomed();
    const lost = connection.request({ t: 'take', conversation: 'c_1' });
    sockets.last.break();
    await expect(lost).rejects.toMatchObject({ code: 'disconnected' });
    expect(connection.state.get()).toEqual({ kind: 'waiting', attempt: 1 });
    vi.advanceTimersByTime(249);
    expect(sockets.all).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets.all).toHaveLength(2);
    sockets.last.break();
    vi.advanceTimersByTime(500);
    expect(sockets.all).toHaveLength(3);
  });

  it('gives up a socket that is silent for fifteen seconds', () => {
    welcomed();
    vi.advanceTimersByTime(14_000);
    expect(connection.state.get().kind).toBe('open');
    vi.advanceTimersByTime(4_000);
    expect(connection.state.get().kind).not.toBe('open');
    expect(sockets.all[0]?.readyState).toBe(3);
  });

  it('pings a quiet chat every thirty seconds, and every ten again once somebody writes', () => {
    welcomed();
    const pings = (seconds: number): number => {
      const before = sockets.last.of('ping').length;
      for (let n = 0; n < seconds; n++) {
        sockets.last.say({ t: 'pong', client_ms: Date.now(), server_ms: Date.now() });
        vi.advanceTimersByTime(1_000);
      }
      return sockets.last.of('ping').length - before;
    };
    pings(60);
    expect(pings(120)).toBe(4);
    sockets.last.say({ t: 'typing', conversation: 'c_1', author: 'agent', on: true });
    expect(pings(25)).toBeGreaterThanOrEqual(2);
  });

  it('notices a dead line within seconds of a message, though the chat was quiet', () => {
    welcomed();
    for (let n = 0; n < 60; n++) {
      sockets.last.say({ t: 'pong', client_ms: Date.now(), server_ms: Date.now() });
      vi.advanceTimersByTime(1_000);
    }
    sockets.last.say({ t: 'pong', client_ms: Date.now(), server_ms: Date.now() });
    expect(connection.send({ t: 'typing', on: true })).toBe(true);
    expect(sockets.last.sent.at(-1)?.t).toBe('ping');
    vi.advanceTimersByTime(5_000);
    expect(connection.state.get().kind).toBe('open');
    vi.advanceTimersByTime(4_000);
    expect(connection.state.get().kind).not.toBe('open');
  });

  it('does not take telemetry for somebody who waits', () => {
    welcomed();
    vi.advanceTimersByTime(1_000);
    sockets.last.say({ t: 'pong', client_ms: Date.now(), server_ms: Date.now() });
    const pings = sockets.last.of('ping').length;
    connection.send({ t: 'block', leg: 'player', source: 's', seq: 1, t0_ms: 0, codec: 'json1', bytes: '' });
    expect(sockets.last.of('ping')).toHaveLength(pings);
  });

  it('gives up an attempt that is never welcomed', () => {
    connection.open();
    sockets.last.accept();
    vi.advanceTimersByTime(8_000);
    expect(connection.state.get().kind).toBe('waiting');
  });

  it('stops for good when the server refuses for good, and not otherwise', () => {
    welcomed();
    sockets.last.say({ t: 'error', code: 'overloaded', message: '', fatal: true });
    expect(connection.state.get().kind).toBe('waiting');
    vi.advanceTimersByTime(1_000);
    sockets.last.accept();
    sockets.last.say({ t: 'error', code: 'version', message: 'reload', fatal: true });
    expect(connection.state.get()).toEqual({ kind: 'refused', code: 'version', message: 'reload' });
    vi.advanceTimersByTime(60_000);
    expect(sockets.all).toHaveLength(2);
  });

  it('does not care for frames that are no messages', () => {
    welcomed();
    for (const data of ['', '{', 'null', '[]', '{"x":1}', new ArrayBuffer(3)]) sockets.last.onmessage?.({ data });
    expect(connection.state.get().kind).toBe('open');
  });
});

it('names the WebSocket of a server', () => {
  expect(socketUrl('https://a.example:8443')).toBe('wss://a.example:8443/ws');
  expect(socketUrl('http://127.0.0.1:8080/x')).toBe('ws://127.0.0.1:8080/ws');
});

it('doubles the wait up to eight seconds, spread by half', () => {
  expect([1, 2, 3, 6, 7, 99].map((n) => backoffMs(n, () => 0.5))).toEqual([250, 500, 1000, 8000, 8000, 8000]);
  expect(backoffMs(1, () => 0)).toBe(125);
  expect(backoffMs(1, () => 1)).toBe(375);
});

describe("the server's clock", () => {
  it('takes the offset of the exchange with the smallest round trip', () => {
    let now = 1_000;
    const clock = new ServerClock(() => now);
    clock.restart(6_000);
    expect(clock.nowMs()).toBe(6_000);
    now = 1_300;
    clock.exchange(1_100, 6_220); // 200 ms there and back: offset 5 020
    expect(clock.offsetMs()).toBe(5_020);
    now = 1_420;
    clock.exchange(1_400, 6_413); // 20 ms: offset 5 003
    now = 2_000;
    clock.exchange(1_500, 6_800); // 500 ms
    expect(clock.offsetMs()).toBe(5_003);
    expect(clock.rttMs()).toBe(20);
  });

  it('keeps the last offset over a break and drops impossible exchanges', () => {
    let now = 1_000;
    const clock = new ServerClock(() => now);
    now = 1_010;
    clock.exchange(1_000, 5_005);
    clock.restart(99_000);
    expect(clock.offsetMs()).toBe(4_000);
    clock.exchange(2_000, 1);
    clock.exchange(1_000, Number.NaN);
    expect(clock.rttMs()).toBeNull();
  });
});
