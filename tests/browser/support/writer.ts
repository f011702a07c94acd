// A viewer without a browser: a socket that speaks the protocol, for tests that need many of them.

import { randomBytes, randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import {
  type ClientMessage,
  type Entry,
  PROTOCOL_VERSION,
  type ServerMessage,
} from '../../../web-demo/src/protocol/generated.ts';
import type { Server } from './server.ts';

/** A message that is not acknowledged by then is lost, ms. */
const ACK_TIMEOUT_MS = 10_000;

/** A viewer who writes. */
export class Writer {
  /** Everything in the conversation so far. */
  readonly entries: Entry[] = [];
  /** The ticket's number, from the first message on. */
  ticket = 0;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, () => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#received(JSON.parse(String(data)) as ServerMessage));
  }

  /** Comes on line under the name of a host-signed token; with a `key`, in the conversation that has it. */
  static async open(server: Server, token: string, key = randomBytes(24).toString('base64url')): Promise<Writer> {
    const socket = new WebSocket(`${server.url.replace(/^http/, 'ws')}/ws`, { origin: server.url });
    const writer = new Writer(socket);
    await new Promise((done, failed) => socket.once('open', done).once('error', failed));
    const welcomed = writer.#awaiting('welcome');
    writer.#send({
      t: 'hello_viewer',
      v: PROTOCOL_VERSION,
      key,
      after_seq: 0,
      lang: 'en',
      token,
      page: { url: `${server.url}/demo`, title: 'Harbour Night Regatta · live', client: 'Firefox 140, Linux' },
    });
    await welcomed;
    return writer;
  }

  /** Says something; returns when it is committed. */
  async say(text: string): Promise<void> {
    const client_id = randomUUID();
    const acked = this.#awaiting(client_id);
    this.#send({ t: 'send', client_id, text });
    await acked;
  }

  /** What the agents wrote. */
  heard(): string[] {
    return this.entries.flatMap(({ author, body }) =>
      author.kind === 'agent' && body.kind === 'message' ? [body.text] : [],
    );
  }

  /** Leaves. */
  close(): void {
    this.#socket.close(1000);
  }

  #send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  #awaiting(what: string): Promise<void> {
    return new Promise((done, failed) => {
      const late = setTimeout(() => failed(new Error(`no answer to ${what}`)), ACK_TIMEOUT_MS);
      this.#waiting.set(what, () => {
        clearTimeout(late);
        this.#waiting.delete(what);
        done();
      });
    });
  }

  #received(message: ServerMessage): void {
    if (message.t === 'welcome') this.#waiting.get('welcome')?.();
    if (message.t === 'ack') this.#waiting.get(message.client_id)?.();
    if (message.t === 'conversation') this.ticket = message.ticket;
    if (message.t === 'entries') this.entries.push(...message.entries);
  }
}
