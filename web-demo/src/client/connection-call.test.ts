// What a connection does beside carrying messages: in a call it notices a dead line within seconds, it does not trust a socket
// after the network changed, and it goes from one tab to another.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Welcome } from '../protocol/generated.ts';
import { ServerClock } from './clock.ts';
import { Connection } from './connection.ts';
import { FakeSockets } from './fake-socket.ts';

const WELCOME: Welcome & { t: 'welcome' } = {
  t: 'welcome',
  v: 1,
  server_ms: 1_000_000,
  boot: 'b_1',
  session: 's_1',
  name: 'Guest',
  agents_online: 1,
  video_codecs: [],
};

let sockets: FakeSockets;
let connection: Connection;
let heard: Map<string, () => void>;
let resumes: (string | undefined)[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', { OPEN: 1 });
  heard = new Map();
  vi.stubGlobal('addEventListener', (name: string, listener: () => void) => heard.set(name, listener));
  vi.stubGlobal('removeEventListener', (name: string) => heard.delete(name));
  sockets = new FakeSockets();
  resumes = [];
  connection = new Connection({
    url: 'ws://test/ws',
    hello: (resume) => {
      resumes.push(resume);
      return { t: 'hello_agent', v: 1, lang: 'en' };
    },
    openSocket: sockets.open,
    clock: new ServerClock(() => Date.now()),
    random: () => 0.5,
  });
  connection.open();
  welcome();
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function welcome(session = 's_1'): void {
  sockets.last.accept();
  sockets.last.say({ ...WELCOME, session });
}

const pong = () => sockets.last.say({ t: 'pong', client_ms: Date.now(), server_ms: Date.now() });

it('says within four seconds of a call that nothing comes, and gives the socket up soon after', () => {
  connection.setInCall(true);
  pong();
  vi.advanceTimersByTime(3_000);
  expect(connection.quiet.get()).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(connection.quiet.get()).toBe(true);
  pong();
  expect(connection.quiet.get()).toBe(false);
  vi.advanceTimersByTime(7_000);
  expect(connection.state.get().kind).not.toBe('open');
});

it('is as patient as ever when no call runs', () => {
  connection.setInCall(true);
  connection.setInCall(false);
  pong();
  vi.advanceTimersByTime(14_000);
  expect(connection.state.get().kind).toBe('open');
  expect(connection.quiet.get()).toBe(false);
});

it('tries at least every two seconds while a call waits for the line', () => {
  connection.setInCall(true);
  for (let n = 0; n < 10; n++) {
    sockets.last.break();
    const before = sockets.all.length;
    vi.advanceTimersByTime(2_000);
    expect(sockets.all.length).toBe(before + 1);
  }
});

it('asks a socket for a sign of life when the network changed, and keeps the one that gives it', () => {
  heard.get('online')?.();
  expect(sockets.last.of('ping').length).toBeGreaterThan(0);
  vi.advanceTimersByTime(100);
  pong();
  vi.advanceTimersByTime(5_000);
  expect(sockets.all).toHaveLength(1);
  vi.advanceTimersByTime(100);
  heard.get('offline')?.();
  vi.advanceTimersByTime(3_000);
  expect(connection.state.get().kind).not.toBe('open');
});

it('connects at once when the network is back', () => {
  for (let n = 0; n < 6; n++) {
    sockets.last.break();
    vi.advanceTimersByTime(20_000);
  }
  sockets.last.break();
  const before = sockets.all.length;
  heard.get('online')?.();
  expect(sockets.all).toHaveLength(before + 1);
});

it('gives its session to another page, and begins one of its own when it is opened again', () => {
  expect(connection.giveSession()).toBe('s_1');
  expect(sockets.last.closedWith).toBe(4000);
  vi.advanceTimersByTime(60_000);
  expect(sockets.all).toHaveLength(1);
  connection.open();
  welcome('s_2');
  expect(resumes).toEqual([undefined, undefined]);
  connection.takeSession('s_9');
  welcome('s_9');
  expect(resumes.at(-1)).toBe('s_9');
});
