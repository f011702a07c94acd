import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { CallState, Entry, ServerMessage, ViewerConversation } from '../protocol/generated.ts';
import { ServerClock } from './clock.ts';
import { FakeSockets } from './fake-socket.ts';
import { ViewerSession } from './viewer.ts';

const KEY = 'k'.repeat(32);

let sockets: FakeSockets;
let memory: Map<string, string>;
let session: ViewerSession;

function makeSession(): ViewerSession {
  return new ViewerSession({
    url: 'ws://test/ws',
    key: KEY,
    lang: 'en',
    openSocket: sockets.open,
    clock: new ServerClock(() => Date.now()),
    random: () => 0.5,
    storage: {
      getItem: (name) => memory.get(name) ?? null,
      setItem: (name, value) => memory.set(name, value),
    },
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', { OPEN: 1 });
  sockets = new FakeSockets();
  memory = new Map();
  session = makeSession();
});

afterEach(() => {
  session.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function conversation(change: Partial<ViewerConversation> = {}): ViewerConversation {
  return {
    id: 'c_1',
    ticket: 7,
    status: 'waiting',
    agent_online: false,
    place: 1,
    agents_online: 1,
    agent_read_seq: 0,
    last_seq: 0,
    rated: false,
    ...change,
  };
}

function welcome(known?: ViewerConversation): void {
  sockets.last.accept();
  sockets.last.say({
    t: 'welcome',
    v: 1,
    server_ms: Date.now(),
    boot: 'b',
    session: 's',
    name: 'Guest',
    agents_online: 1,
    video_codecs: [],
    ...(known ? { conversation: known } : {}),
  });
}

function entry(seq: number, text: string, clientId?: string): Entry {
  return {
    seq,
    at_ms: seq,
    author: { kind: clientId ? 'viewer' : 'agent', name: 'x' },
    body: { kind: 'message', text },
    ...(clientId ? { client_id: clientId } : {}),
  };
}

function entries(...list: Entry[]): ServerMessage {
  return { t: 'entries', conversation: 'c_1', entries: list };
}

const texts = () => session.state.get().entries.map((one) => (one.body.kind === 'message' ? one.body.text : ''));
const pending = () => session.state.get().pending.map((one) => one.text);

/** Nothing is sent. */
const SILENT = { audio: 'off', screen: 'off', camera: 'off', page_hidden: false } as const;

it('keeps messages written without a connection and sends them in order when there is one', () => {
  session.sendMessage('one');
  session.sendMessage('two');
  session.open();
  welcome();
  expect(sockets.last.of('send').map((frame) => frame.text)).toEqual(['one', 'two']);
});

it('resumes after a break: tells what it holds and sends again what is not acknowledged, under the old id', () => {
  session.open();
  welcome(conversation());
  sockets.last.say(entries(entry(1, 'hello')));
  session.sendMessage('mine');
  const before = sockets.last.of('send')[0];
  sockets.last.break();
  vi.advanceTimersByTime(250);
  welcome(conversation());
  expect(sockets.last.of('hello_viewer')[0]).toMatchObject({ after_seq: 1, key: KEY });
  expect(sockets.last.of('send').map((frame) => frame.client_id)).toEqual([before?.client_id]);
});

it('drops entries it holds, and asks again when one is missing', () => {
  session.open();
  welcome(conversation());
  sockets.last.say(entries(entry(1, 'a'), entry(2, 'b')));
  sockets.last.say(entries(entry(2, 'b'), entry(3, 'c')));
  expect(texts()).toEqual(['a', 'b', 'c']);
  sockets.last.say(entries(entry(5, 'e')));
  expect(texts()).toEqual(['a', 'b', 'c']);
  vi.advanceTimersByTime(250);
  welcome(conversation());
  expect(sockets.last.of('hello_viewer')[0]?.after_seq).toBe(3);
});

it('shows an own message without a gap between the acknowledgement and its entry, whichever comes first', () => {
  session.open();
  welcome(conversation());
  session.sendMessage('first');
  session.sendMessage('second');
  const [first, second] = sockets.last.of('send').map((frame) => frame.client_id);
  sockets.last.say({ t: 'ack', client_id: first ?? '', conversation: 'c_1', seq: 1, at_ms: 1 });
  expect(pending()).toEqual(['first', 'second']);
  sockets.last.say(entries(entry(1, 'first', first), entry(2, 'second', second)));
  expect(pending()).toEqual([]);
  sockets.last.say({ t: 'ack', client_id: second ?? '', conversation: 'c_1', seq: 2, at_ms: 1 });
  expect(texts()).toEqual(['first', 'second']);
});

it('keeps a refused message with its reason, and tries one refused for haste again by itself', () => {
  session.open();
  welcome(conversation());
  session.sendMessage('too long');
  session.sendMessage('too fast');
  const [long, fast] = sockets.last.of('send');
  sockets.last.say({ t: 'error', id: long?.id ?? 0, code: 'too_large', message: '', fatal: false });
  sockets.last.say({ t: 'error', id: fast?.id ?? 0, code: 'rate_limited', message: '', fatal: false });
  expect(session.state.get().pending.map((one) => one.refused)).toEqual(['too_large', undefined]);
  vi.advanceTimersByTime(2_000);
  expect(sockets.last.of('send').map((frame) => frame.text)).toEqual(['too long', 'too fast', 'too fast']);
  session.discardMessage(long?.client_id ?? '');
  expect(pending()).toEqual(['too fast']);
});

it('finds unsent messages again after a reload', () => {
  session.sendMessage('before the reload');
  session.close();
  session = makeSession();
  expect(pending()).toEqual(['before the reload']);
  session.open();
  welcome();
  expect(sockets.last.of('send')[0]?.text).toBe('before the reload');
});

it('does not trust what it finds in storage', () => {
  memory.set(`sightline:unsent:${KEY.slice(0, 8)}`, '[{"clientId":1},null,"x"]');
  expect(makeSession().state.get().pending).toEqual([]);
  memory.set(`sightline:unsent:${KEY.slice(0, 8)}`, '{');
  expect(makeSession().state.get().pending).toEqual([]);
});

it('ends a call that is not there any more after a break', () => {
  const call: CallState = {
    id: 'k_1',
    conversation: 'c_1',
    stage: 'live',
    agent: 'u_1',
    agent_name: 'Mei',
    expires_at_ms: 0,
    viewer: { sources: SILENT },
    agent_side: { sources: SILENT },
    content: 'auto',
    guests: [],
  };
  session.open();
  welcome(conversation({ call }));
  expect(session.state.get().call?.stage).toBe('live');
  sockets.last.break();
  vi.advanceTimersByTime(250);
  welcome(conversation());
  expect(session.state.get().call?.stage).toBe('ended');
});

it('lets typing end after six seconds, and with a message at once', () => {
  session.open();
  welcome(conversation());
  sockets.last.say({ t: 'typing', conversation: 'c_1', author: 'agent', on: true });
  expect(session.state.get().peerTyping).toBe(true);
  vi.advanceTimersByTime(6_000);
  expect(session.state.get().peerTyping).toBe(false);
  sockets.last.say({ t: 'typing', conversation: 'c_1', author: 'agent', on: true });
  sockets.last.say(entries(entry(1, 'there')));
  expect(session.state.get().peerTyping).toBe(false);
});
