// One conversation at a client: the entries held and the messages on their way, whose places entries take. Both sessions
// use it; the viewer's has one, the agent's one for each conversation it follows.

import type { ConversationId, Entry } from '../protocol/generated.ts';
import type { Connection } from './connection.ts';
import { Store } from './emitter.ts';
import { Outbox, type OutboxStorage, type PendingMessage } from './outbox.ts';
import { lastSeq, mergeEntries } from './thread.ts';
import { OwnTyping, PeerTyping } from './typing.ts';

/** What is known of a conversation's text. */
export interface ChatState {
  /** Ascending by `seq`, without holes. */
  readonly entries: readonly Entry[];
  /** Own messages that the server has not acknowledged, oldest first. */
  readonly pending: readonly PendingMessage[];
  /** The other side is typing. */
  readonly peerTyping: boolean;
}

/** A conversation's text, in and out. */
export class Chat {
  /** What is known. */
  readonly state: Store<ChatState>;
  readonly #connection: Connection;
  readonly #address: { conversation?: ConversationId };
  readonly #outbox: Outbox;
  readonly #peerTyping = new PeerTyping((on) => this.#set({ peerTyping: on }));
  readonly #ownTyping = new OwnTyping((on) => this.#connection.send({ t: 'typing', on, ...this.#address }));
  #readSeq = 0;

  /** `conversation` is absent for viewers, whose socket has one. */
  constructor(connection: Connection, conversation?: ConversationId, storage?: { at: OutboxStorage; name: string }) {
    this.#connection = connection;
    this.#address = conversation === undefined ? {} : { conversation };
    this.#outbox = new Outbox(connection, conversation, storage);
    this.state = new Store<ChatState>({ entries: [], pending: this.#outbox.pending.get(), peerTyping: false });
    this.#outbox.pending.subscribe(() => this.#set({ pending: this.#outbox.pending.get() }));
  }

  /** Highest entry held; 0 for none. */
  get lastSeq(): number {
    return lastSeq(this.state.get().entries);
  }

  /** Sends a message; false when too many are unacknowledged. */
  send(text: string): boolean {
    this.#ownTyping.reset();
    return this.#outbox.add(text);
  }

  /** Sends a note that colleagues see and the viewer does not; false when too many are unacknowledged. Agents alone. */
  note(text: string): boolean {
    return this.#outbox.add(text, 'note');
  }

  /** Tries a refused message again. */
  retry(clientId: string): void {
    this.#outbox.retry(clientId);
  }

  /** Drops a refused message. */
  discard(clientId: string): void {
    this.#outbox.discard(clientId);
  }

  /** The person here typed; `hasText` is whether something is in the box. */
  typed(hasText: boolean): void {
    this.#ownTyping.typed(hasText, this.#connection.clock.localMs());
  }

  /** The person here saw everything up to the newest entry. */
  markRead(): void {
    const seq = this.lastSeq;
    if (seq > this.#readSeq && this.#connection.send({ t: 'read', seq, ...this.#address })) this.#readSeq = seq;
  }

  /** After each welcome: sends again what is not acknowledged. */
  resume(): void {
    this.#readSeq = 0;
    this.#outbox.resend();
  }

  /** Entries arrived. True when something before them is missing and the client has to resume. */
  received(incoming: readonly Entry[]): boolean {
    const { entries, hole } = mergeEntries(this.state.get().entries, incoming);
    this.#set({ entries });
    const held = lastSeq(entries);
    for (const entry of incoming) {
      if (entry.client_id !== undefined && entry.seq <= held) this.#outbox.acknowledge(entry.client_id);
    }
    return hole;
  }

  /** The server holds a message. It stays among the pending until its entry is here, so that it is never out of sight. */
  acked(clientId: string, seq: number): void {
    if (seq <= this.lastSeq) this.#outbox.acknowledge(clientId);
    else this.#outbox.answered(clientId);
  }

  /** The other side started or stopped typing. */
  peerTyped(on: boolean): void {
    this.#peerTyping.heard(on);
  }

  /** Ends its timers. */
  close(): void {
    this.#outbox.close();
    this.#peerTyping.heard(false);
  }

  #set(change: Partial<ChatState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
