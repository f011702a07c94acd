// Messages that the server has not acknowledged: kept in order, sent again after every break under their old id,
// and, for viewers, over a reload too.

import { type ClientMessage, type ErrorCode, UNACKED_MAX } from '../protocol/generated.ts';
import { randomId } from './base64.ts';
import type { Connection } from './connection.ts';
import { Store } from './emitter.ts';

/** Wait before a message refused for haste is sent again, ms. */
const RETRY_MS = 2_000;
/** Refusals that time heals. */
const PASSING: readonly ErrorCode[] = ['rate_limited', 'overloaded', 'internal'];

/** A message on its way. */
export interface PendingMessage {
  /** Its id, the same in every attempt. */
  readonly clientId: string;
  readonly text: string;
  /** A note for colleagues, which no viewer sees; agents alone. */
  readonly note?: true;
  /** When it was written, ms since the Unix epoch, server's clock. */
  readonly atMs: number;
  /** Why the server does not want it; absent while it is on its way. */
  readonly refused?: ErrorCode;
}

/** Where unsent messages survive a reload. `sessionStorage` has this shape. */
export interface OutboxStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
}

/** Sends the messages of one conversation. */
export class Outbox {
  /** On their way, oldest first. */
  readonly pending: Store<readonly PendingMessage[]>;
  readonly #connection: Connection;
  readonly #conversation: string | undefined;
  readonly #storage: { at: OutboxStorage; name: string } | undefined;
  readonly #requests = new Map<string, number>();
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `conversation` is absent for viewers, whose socket has one. */
  constructor(connection: Connection, conversation?: string, storage?: { at: OutboxStorage; name: string }) {
    this.#connection = connection;
    this.#conversation = conversation;
    this.#storage = storage;
    this.pending = new Store(storage ? load(storage) : []);
    this.pending.subscribe(() => this.#save());
  }

  /** Takes a message, or a note, and sends it as soon as possible. False when too many are on their way. */
  add(text: string, kind: 'message' | 'note' = 'message'): boolean {
    if (this.pending.get().length >= UNACKED_MAX) return false;
    const message: PendingMessage = {
      clientId: randomId(),
      text,
      atMs: this.#connection.clock.nowMs(),
      ...(kind === 'note' ? { note: true } : {}),
    };
    this.pending.update((list) => [...list, message]);
    this.#send(message);
    return true;
  }

  /** The server answered with an `ack`: its request is over. */
  answered(clientId: string): void {
    const request = this.#requests.get(clientId);
    if (request !== undefined) this.#connection.settle(request);
    this.#requests.delete(clientId);
  }

  /** The message's entry is here. */
  acknowledge(clientId: string): void {
    this.answered(clientId);
    this.pending.update((list) => (list.some((one) => one.clientId === clientId) ? without(list, clientId) : list));
  }

  /** Sends everything again, in order: after each welcome. */
  resend(): void {
    this.#requests.clear();
    for (const message of this.pending.get()) if (!message.refused) this.#send(message);
  }

  /** Tries a refused message once more. */
  retry(clientId: string): void {
    const message = this.pending.get().find((one) => one.clientId === clientId);
    if (!message) return;
    const { refused: _, ...again } = message;
    this.pending.update((list) => list.map((one) => (one.clientId === clientId ? again : one)));
    this.#send(again);
  }

  /** Drops a refused message. */
  discard(clientId: string): void {
    this.pending.update((list) => without(list, clientId));
  }

  /** Ends its timer. */
  close(): void {
    clearTimeout(this.#retry);
  }

  #send(message: PendingMessage): void {
    const id = this.#connection.numbered(messageOf(message, this.#conversation), {
      resolve: () => {},
      reject: (error) => this.#rejected(message.clientId, error.code),
    });
    if (id !== null) this.#requests.set(message.clientId, id);
  }

  #rejected(clientId: string, code: ErrorCode | 'disconnected'): void {
    this.#requests.delete(clientId);
    // After a break everything is sent again by `resend`.
    if (code === 'disconnected') return;
    if (PASSING.includes(code)) {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#sendIdle(), RETRY_MS);
      return;
    }
    this.pending.update((list) => list.map((one) => (one.clientId === clientId ? { ...one, refused: code } : one)));
  }

  /** Sends those that no request is under way for. */
  #sendIdle(): void {
    for (const message of this.pending.get()) {
      if (!message.refused && !this.#requests.has(message.clientId)) this.#send(message);
    }
  }

  #save(): void {
    try {
      this.#storage?.at.setItem(this.#storage.name, JSON.stringify(this.pending.get()));
    } catch {
      // Storage full or forbidden: the message lives as long as the page.
    }
  }
}

/** A note without a conversation cannot be: viewers have no notes, and what is none must never go out as a message. */
function messageOf({ clientId, text, note }: PendingMessage, conversation: string | undefined): ClientMessage {
  if (note) return { t: 'note', client_id: clientId, text, conversation: conversation ?? '' };
  return { t: 'send', client_id: clientId, text, ...(conversation === undefined ? {} : { conversation }) };
}

function without(list: readonly PendingMessage[], clientId: string): readonly PendingMessage[] {
  return list.filter((one) => one.clientId !== clientId);
}

function load({ at, name }: { at: OutboxStorage; name: string }): readonly PendingMessage[] {
  try {
    const value: unknown = JSON.parse(at.getItem(name) ?? '[]');
    return Array.isArray(value) ? value.filter(isPending).slice(0, UNACKED_MAX) : [];
  } catch {
    return [];
  }
}

function isPending(value: unknown): value is PendingMessage {
  const one = value as Partial<PendingMessage> | null;
  return typeof one?.clientId === 'string' && typeof one.text === 'string' && typeof one.atMs === 'number';
}
