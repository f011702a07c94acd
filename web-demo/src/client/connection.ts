// One WebSocket that stays: hello, clock, numbered requests, liveness, and reconnecting after any break. What the
// messages mean is the business of the sessions built on it.

import type { ClientMessage, ErrorCode, ServerMessage, Welcome } from '../protocol/generated.ts';
import { backoffMs } from './backoff.ts';
import { ServerClock } from './clock.ts';
import { Emitter, Store } from './emitter.ts';

/** Without `welcome` after this long an attempt counts as failed, ms. Ten times a bad mobile round trip. */
const WELCOME_TIMEOUT_MS = 8_000;
/** With nothing heard for this long after a ping the socket counts as dead, ms (docs/protocol.md). */
const SILENCE_MS = 15_000;
/** The same after the person wrote something, or began to: somebody looks at it now. */
const REPLY_MS = 6_000;
/** How often silence is looked for, and whether a ping is due, ms. */
const SILENCE_CHECK_MS = 2_500;
/** Time between pings, ms. */
const PING_MS = 10_000;
/** The same while the chat is quiet, ms: often enough for the boxes on the way, which forget a silent line after a minute or more. */
const QUIET_PING_MS = 30_000;
/** A chat is quiet when neither side has said anything for this long, ms. */
const QUIET_AFTER_MS = 30_000;
/** The first four while a call runs, where each second without the other side counts. */
const CALL_WELCOME_TIMEOUT_MS = 4_000;
const CALL_SILENCE_MS = 6_000;
const CALL_SILENCE_CHECK_MS = 500;
const CALL_PING_MS = 2_000;
/** Longest wait between two attempts while a call runs, ms. */
const CALL_WAIT_MS_MAX = 2_000;
/** In a call, after this long without a word the line counts as interrupted, though the socket is still held, ms. */
const CALL_QUIET_MS = 3_500;
/** After a change of the network, or after a sleep, the server must answer within this, ms; else the socket is a dead one. */
const PROBE_MS = 3_000;
/** Time between pings while the line itself is being looked at, ms. */
const OFTEN_PING_MS = 1_000;
/** Pings right after the hello, so that the clock is known before it is needed. */
const FIRST_PINGS = 5;
/** Time between those, ms: apart, so that one queue does not spoil all of them. */
const FIRST_PINGS_APART_MS = 120;
/** Requests that may wait for their answers; a client that has more is in a loop. */
const REQUESTS_MAX = 512;

/** Close code of a page that goes (RFC 6455, section 7.4.1). */
const GOODBYE = 1000;
/** Close code of a socket that is given up to be opened again: the call of the session goes on (docs/protocol.md). */
const BROKEN = 4000;

/** What goes over a line without anybody having said something. */
const BACKGROUND: readonly (ClientMessage | ServerMessage)['t'][] = ['ping', 'pong', 'block', 'block_ack', 'done'];

/** Error codes after which trying again cannot help. */
const FINAL_CODES: readonly ErrorCode[] = ['version', 'unauthorized', 'origin'];

/** The request was refused by the server, or never answered because the connection broke (`disconnected`). */
export class RequestError extends Error {
  readonly code: ErrorCode | 'disconnected';

  constructor(code: ErrorCode | 'disconnected', message: string) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
  }
}

/** Where the connection stands. */
export type ConnectionState =
  | { kind: 'idle' }
  /** An attempt is under way. `attempt` counts from 0 since the last welcome. */
  | { kind: 'connecting'; attempt: number }
  | { kind: 'open' }
  /** Waiting for the next attempt. */
  | { kind: 'waiting'; attempt: number }
  /** The server refused us for good. */
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'closed' };

/** What a connection tells. */
export interface ConnectionEvents {
  /** Said hello and was welcomed, the first time or again. */
  welcome: Welcome;
  /** Any other message but pong, done and answers to requests. */
  message: ServerMessage;
  /** The socket is gone; requests under way were rejected. */
  down: undefined;
}

/** What a connection needs. */
export interface ConnectionOptions {
  /** `ws:` or `wss:` address of `/ws`. */
  url: string;
  /**
   * Makes the hello of each attempt, so that it carries the newest `after_seq`. `resume` is the session of this page's
   * broken socket, which keeps the running call.
   */
  hello: (resume: string | undefined) => ClientMessage;
  /** Opens a socket; for tests. */
  openSocket?: (url: string) => WebSocket;
  /** The clock; for tests. */
  clock?: ServerClock;
  /** From 0 to 1; for tests. */
  random?: () => number;
}

/** The address of the WebSocket of a server's origin, `https://host` → `wss://host/ws`. */
export function socketUrl(server: string): string {
  const url = new URL('/ws', server);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

interface Waiting {
  resolve: () => void;
  reject: (error: RequestError) => void;
}

/** A lasting connection to the server. */
export class Connection {
  /** Where it stands. */
  readonly state = new Store<ConnectionState>({ kind: 'idle' });
  /** True while a call runs and nothing has been heard for a few seconds: shown before the socket is given up. */
  readonly quiet = new Store(false);
  /** The server's clock. */
  readonly clock: ServerClock;
  readonly #events = new Emitter<ConnectionEvents>();
  readonly #options: ConnectionOptions;
  readonly #requests = new Map<number, Waiting>();
  #socket: WebSocket | null = null;
  #nextId = 1;
  #attempt = 0;
  #heardMs = 0;
  /** When the oldest message went out that nothing was heard after, and how long an answer may take; null when none is due. */
  #owed: { sinceMs: number; patienceMs: number } | null = null;
  #pingedMs = 0;
  /** When either side last said something beyond pings and telemetry. */
  #activeMs = 0;
  #resume: string | undefined;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #watchTimers: ReturnType<typeof setInterval>[] = [];
  #inCall = false;
  #often = false;
  #unwatch: (() => void) | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.clock = options.clock ?? new ServerClock();
  }

  /** Calls `listener` at each `event`; returns what ends it. */
  on<K extends keyof ConnectionEvents>(event: K, listener: (value: ConnectionEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Starts connecting, and goes on until `close`. */
  open(): void {
    if (this.#socket || this.state.get().kind === 'waiting') return;
    this.#unwatch ??= watchLine(() => this.#lineChanged());
    this.#attempt = 0;
    this.#connect();
  }

  /** Ends the connection for good. */
  close(): void {
    this.#unwatch?.();
    this.#unwatch = null;
    this.#drop(GOODBYE);
    this.state.set({ kind: 'closed' });
  }

  /** Does not wait for the next attempt: the network came back, or a person asked. */
  retryNow(): void {
    const kind = this.state.get().kind;
    if (kind !== 'waiting' && kind !== 'refused') return;
    this.#connect();
  }

  /** Whether a call runs over this connection: then a break is noticed and mended within seconds. */
  setInCall(on: boolean): void {
    if (on === this.#inCall) return;
    this.#inCall = on;
    this.quiet.set(false);
    if (this.state.get().kind === 'open') {
      this.#ping();
      this.#watch();
    }
  }

  /** Whether to ping every second, since round trips are part of what is looked for. */
  pingOften(on: boolean): void {
    if (on === this.#often) return;
    this.#often = on;
    if (this.state.get().kind === 'open') this.#watch();
  }

  /** The network changed or the page woke up: do not wait, and do not believe a socket that may be dead. */
  #lineChanged(): void {
    const { kind } = this.state.get();
    if (kind === 'waiting') this.#connect();
    if (kind !== 'open') return;
    const askedMs = this.clock.localMs();
    this.#ping();
    this.#after(PROBE_MS, () => {
      if (this.state.get().kind === 'open' && this.#heardMs < askedMs) this.#broken();
    });
  }

  /** Breaks the socket and connects again, to resume from what is held. */
  restart(): void {
    if (this.state.get().kind !== 'open') return;
    this.#attempt = 0;
    this.#broken();
  }

  /**
   * Gives the session away to another page of this person, which says hello with the returned name; null when there is none.
   * This connection stays down until `open`, which then begins a session of its own.
   */
  giveSession(): string | null {
    const session = this.#resume ?? null;
    this.#resume = undefined;
    this.#drop();
    this.state.set({ kind: 'idle' });
    return session;
  }

  /** Goes on with a session that another page gave. */
  takeSession(session: string): void {
    this.#resume = session;
    this.#attempt = 0;
    this.#connect();
  }

  /** Sends without wanting an answer. False when not connected: the message is gone. */
  send(message: ClientMessage): boolean {
    return this.state.get().kind === 'open' && this.#write(message);
  }

  /** Sends, and settles with the server's answer. @throws RequestError */
  request(message: ClientMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = this.numbered(message, { resolve, reject });
      if (id === null) reject(new RequestError('disconnected', 'not connected'));
    });
  }

  /**
   * Sends with a number and settles `waiting` by its `done` or `error`; null when it could not be sent. For messages
   * such as `send` whose good answer is another one, `settle` ends the waiting.
   */
  numbered(message: ClientMessage, waiting: Waiting): number | null {
    if (this.state.get().kind !== 'open' || this.#requests.size >= REQUESTS_MAX) return null;
    const id = this.#nextId++;
    if (!this.#write({ ...message, id })) return null;
    this.#requests.set(id, waiting);
    return id;
  }

  /** The request `id` was answered by another message than `done`. */
  settle(id: number): void {
    this.#requests.delete(id);
  }

  #write(frame: ClientMessage & { id?: number }): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    if (BACKGROUND.includes(frame.t) || this.state.get().kind !== 'open') return true;
    this.#activeMs = this.clock.localMs();
    this.#wantReply();
    return true;
  }

  /** A line may be dead for half a minute before a ping shows it. Who writes into it is not to wait for that. */
  #wantReply(): void {
    if (this.#inCall || this.#owed?.patienceMs === REPLY_MS) return;
    this.#ping();
    this.#owed = { sinceMs: this.clock.localMs(), patienceMs: REPLY_MS };
  }

  #connect(): void {
    this.#drop();
    this.state.set({ kind: 'connecting', attempt: this.#attempt });
    let socket: WebSocket;
    try {
      socket = (this.#options.openSocket ?? ((url) => new WebSocket(url)))(this.#options.url);
    } catch {
      // A page policy without our origin throws here in some browsers.
      this.#waitForNext();
      return;
    }
    this.#socket = socket;
    const patience = this.#inCall ? CALL_WELCOME_TIMEOUT_MS : WELCOME_TIMEOUT_MS;
    this.#after(patience, () => this.state.get().kind === 'connecting' && this.#broken());
    socket.onopen = () => this.#write(this.#options.hello(this.#resume));
    socket.onmessage = (event) => this.#socket === socket && this.#received(event.data);
    socket.onclose = () => this.#socket === socket && this.#broken();
    socket.onerror = null;
  }

  #received(data: unknown): void {
    this.#heardMs = this.clock.localMs();
    this.#owed = null;
    this.quiet.set(false);
    const message = parse(data);
    if (!message) return;
    if (!BACKGROUND.includes(message.t)) this.#activeMs = this.#heardMs;
    switch (message.t) {
      case 'welcome':
        this.#welcomed(message);
        break;
      case 'pong':
        this.clock.exchange(message.client_ms, message.server_ms);
        break;
      case 'done':
        this.#requests.get(message.id)?.resolve();
        this.#requests.delete(message.id);
        break;
      case 'error':
        this.#refused(message);
        break;
      default:
        this.#events.emit('message', message);
    }
  }

  #welcomed(welcome: Welcome): void {
    this.#attempt = 0;
    this.#resume = welcome.session;
    this.clock.restart(welcome.server_ms);
    this.state.set({ kind: 'open' });
    this.#activeMs = this.#heardMs;
    for (let n = 0; n < FIRST_PINGS; n++) this.#after(n * FIRST_PINGS_APART_MS, () => this.#ping());
    this.#watch();
    this.#events.emit('welcome', welcome);
  }

  #ping(): void {
    this.#pingedMs = this.clock.localMs();
    if (this.send({ t: 'ping', client_ms: this.#pingedMs })) {
      this.#owed ??= { sinceMs: this.#pingedMs, patienceMs: SILENCE_MS };
    }
  }

  /** Pings, and looks for silence, at the pace of the moment. */
  #watch(): void {
    this.#endWatch();
    this.#watchTimers = this.#inCall
      ? [setInterval(() => this.#listenInCall(), CALL_SILENCE_CHECK_MS)]
      : [setInterval(() => this.#listen(), SILENCE_CHECK_MS)];
    if (this.#often || this.#inCall) {
      this.#watchTimers.push(setInterval(() => this.#ping(), this.#often ? OFTEN_PING_MS : CALL_PING_MS));
    }
  }

  #listenInCall(): void {
    const silentMs = this.clock.localMs() - this.#heardMs;
    this.quiet.set(silentMs > CALL_QUIET_MS);
    if (silentMs > CALL_SILENCE_MS) this.#broken();
  }

  #listen(): void {
    const nowMs = this.clock.localMs();
    if (this.#owed && nowMs - this.#owed.sinceMs > this.#owed.patienceMs) {
      this.#broken();
      return;
    }
    const everyMs = nowMs - this.#activeMs >= QUIET_AFTER_MS ? QUIET_PING_MS : PING_MS;
    // To the nearest look: a timer may be a little early.
    if (nowMs - this.#pingedMs >= everyMs - SILENCE_CHECK_MS / 2) this.#ping();
  }

  #endWatch(): void {
    for (const timer of this.#watchTimers) clearInterval(timer);
    this.#watchTimers = [];
  }

  #refused(error: Extract<ServerMessage, { t: 'error' }>): void {
    if (error.id !== undefined) {
      this.#requests.get(error.id)?.reject(new RequestError(error.code, error.message));
      this.#requests.delete(error.id);
    } else {
      this.#events.emit('message', error);
    }
    if (!error.fatal) return;
    if (FINAL_CODES.includes(error.code)) {
      this.#drop();
      this.state.set({ kind: 'refused', code: error.code, message: error.message });
    } else {
      this.#broken();
    }
  }

  #broken(): void {
    this.#drop();
    this.#waitForNext();
  }

  #waitForNext(): void {
    this.#attempt += 1;
    this.state.set({ kind: 'waiting', attempt: this.#attempt });
    const wait = backoffMs(this.#attempt, this.#options.random);
    this.#after(this.#inCall ? Math.min(wait, CALL_WAIT_MS_MAX) : wait, () => this.#connect());
  }

  /** Lets go of the socket, its timers and its requests. With `GOODBYE` the server ends a running call at once. */
  #drop(code = BROKEN): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#endWatch();
    this.#owed = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close(code);
      this.#events.emit('down', undefined);
    }
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) request.reject(new RequestError('disconnected', 'the connection broke'));
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers = this.#timers.filter((one) => one !== timer);
      run();
    }, ms);
    this.#timers.push(timer);
  }
}

/** A frame as a message; null for what is none. The server is ours, so that only the shape's root is looked at. */
function parse(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && 't' in value ? (value as ServerMessage) : null;
  } catch {
    return null;
  }
}

/**
 * Calls `changed` when the network may be another one or the page slept: `online` and `offline` as the system tells them,
 * and a page that comes back to the screen, out of the browser's cache or out of a freeze. Returns what ends it.
 */
function watchLine(changed: () => void): () => void {
  // Without a document, in a worker or a test, there is no page that could sleep.
  const page = typeof document === 'undefined' ? null : document;
  const shown = () => page?.visibilityState === 'visible' && changed();
  for (const name of ['online', 'offline', 'pageshow']) globalThis.addEventListener?.(name, changed);
  page?.addEventListener('visibilitychange', shown);
  page?.addEventListener('resume', changed);
  return () => {
    for (const name of ['online', 'offline', 'pageshow']) globalThis.removeEventListener?.(name, changed);
    page?.removeEventListener('visibilitychange', shown);
    page?.removeEventListener('resume', changed);
  };
}
