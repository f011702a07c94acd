// One WebSocket that stays: hello, clock, numbered requests, liveness, and reconnecting after any break. What the
// messages mean is the business of the sessions built on it.

import type { ClientMessage, ErrorCode, ServerMessage, Welcome } from '../protocol/generated.ts';
import { backoffMs } from './backoff.ts';
import { ServerClock } from './clock.ts';
import { Emitter, Store } from './emitter.ts';

/** Without `welcome` after this long an attempt counts as failed, ms. Ten times a bad mobile round trip. */
const WELCOME_TIMEOUT_MS = 8_000;
/** With nothing heard for this long the socket counts as dead, ms (docs/protocol.md). */
const SILENCE_MS = 15_000;
/** How often silence is looked for, ms. */
const SILENCE_CHECK_MS = 2_500;
/** Time between pings, ms. */
const PING_MS = 10_000;
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
  /** The server's clock. */
  readonly clock: ServerClock;
  readonly #events = new Emitter<ConnectionEvents>();
  readonly #options: ConnectionOptions;
  readonly #requests = new Map<number, Waiting>();
  #socket: WebSocket | null = null;
  #nextId = 1;
  #attempt = 0;
  #heardMs = 0;
  #resume: string | undefined;
  #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #onNetwork = () => {
    if (this.state.get().kind === 'waiting') this.#connect();
  };

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
    globalThis.addEventListener?.('online', this.#onNetwork);
    this.#attempt = 0;
    this.#connect();
  }

  /** Ends the connection for good. */
  close(): void {
    globalThis.removeEventListener?.('online', this.#onNetwork);
    this.#drop(GOODBYE);
    this.state.set({ kind: 'closed' });
  }

  /** Does not wait for the next attempt: the network came back, or a person asked. */
  retryNow(): void {
    const kind = this.state.get().kind;
    if (kind !== 'waiting' && kind !== 'refused') return;
    this.#connect();
  }

  /** Breaks the socket and connects again, to resume from what is held. */
  restart(): void {
    if (this.state.get().kind !== 'open') return;
    this.#attempt = 0;
    this.#broken();
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
    return true;
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
    this.#after(WELCOME_TIMEOUT_MS, () => this.state.get().kind === 'connecting' && this.#broken());
    socket.onopen = () => this.#write(this.#options.hello(this.#resume));
    socket.onmessage = (event) => this.#socket === socket && this.#received(event.data);
    socket.onclose = () => this.#socket === socket && this.#broken();
    socket.onerror = null;
  }

  #received(data: unknown): void {
    this.#heardMs = this.clock.localMs();
    const message = parse(data);
    if (!message) return;
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
    const ping = () => this.send({ t: 'ping', client_ms: this.clock.localMs() });
    for (let n = 0; n < FIRST_PINGS; n++) this.#after(n * FIRST_PINGS_APART_MS, ping);
    const pingOn = () => {
      ping();
      this.#after(PING_MS, pingOn);
    };
    this.#after(PING_MS, pingOn);
    const listen = () => {
      if (this.clock.localMs() - this.#heardMs > SILENCE_MS) this.#broken();
      else this.#after(SILENCE_CHECK_MS, listen);
    };
    this.#after(SILENCE_CHECK_MS, listen);
    this.#events.emit('welcome', welcome);
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
    this.#after(backoffMs(this.#attempt, this.#options.random), () => this.#connect());
  }

  /** Lets go of the socket, its timers and its requests. With `GOODBYE` the server ends a running call at once. */
  #drop(code = BROKEN): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
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
