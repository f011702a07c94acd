// A viewer's session: one conversation, its entries and call, and what the viewer may do. Holds everything the chat shows;
// survives breaks of the connection, and with the key also reloads.

import {
  type CallId,
  type CallState,
  type EndReason,
  type LineKnowledge,
  type Page,
  type Phase,
  PROTOCOL_VERSION,
  type ServerMessage,
  type SlotAssignment,
  type Sources,
  type Surface,
  type ViewerConversation,
  type Welcome,
} from '../protocol/generated.ts';
import { Chat, type ChatState } from './chat.ts';
import { Connection, type ConnectionOptions, type ConnectionState } from './connection.ts';
import { Emitter, Store } from './emitter.ts';
import type { OutboxStorage } from './outbox.ts';
import { type OfferMedia, offerOver } from './signaling.ts';

/** Everything a viewer's chat shows. */
export interface ViewerState extends ChatState {
  readonly connection: ConnectionState;
  /** True once a welcome came; stays true over breaks. */
  readonly welcomed: boolean;
  /** The name agents see. */
  readonly name: string;
  /** Agents on line, as far as known. */
  readonly agentsOnline: number;
  /** The conversation, once it exists. */
  readonly conversation: ViewerConversation | null;
  /** The running call or invitation, or the last one that ended while this page was open. */
  readonly call: CallState | null;
  /** Which receive slot carries what of the agent's. */
  readonly slots: readonly SlotAssignment[];
  /** The server's preferred video codecs, best first. */
  readonly videoCodecs: readonly string[];
  /** The server is about to shut down: until when its calls may go on, server clock, ms; null while it is not. */
  readonly drainingUntilMs: number | null;
}

/** What a viewer's session tells beside its state. */
export interface ViewerEvents {
  /** The server wants an ICE restart. */
  mediaRestart: undefined;
  /** The server closed the media connection. */
  mediaClosed: string;
  /** A request without a number of its own was refused. */
  refused: Extract<ServerMessage, { t: 'error' }>;
}

/** What a viewer's session needs. */
export interface ViewerOptions extends Pick<ConnectionOptions, 'url' | 'openSocket' | 'clock' | 'random'> {
  /** The conversation's secret, at least 128 random bits as base64url. */
  key: string;
  /** Host-signed viewer token. */
  token?: string;
  /** BCP 47. */
  lang: string;
  /** Where the viewer is. */
  page?: Page;
  /** Keeps unsent messages over a reload. */
  storage?: OutboxStorage;
}

/** A viewer's session. */
export class ViewerSession {
  /** The connection under it. */
  readonly connection: Connection;
  /** What the chat shows. */
  readonly state: Store<ViewerState>;
  readonly #options: ViewerOptions;
  readonly #events = new Emitter<ViewerEvents>();
  readonly #chat: Chat;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.connection = new Connection({ ...options, hello: (resume) => this.#hello(resume) });
    const storage = options.storage && { at: options.storage, name: `sightline:unsent:${options.key.slice(0, 8)}` };
    this.#chat = new Chat(this.connection, undefined, storage);
    this.state = new Store<ViewerState>({
      ...this.#chat.state.get(),
      connection: this.connection.state.get(),
      welcomed: false,
      name: '',
      agentsOnline: 0,
      conversation: null,
      call: null,
      slots: [],
      videoCodecs: [],
      drainingUntilMs: null,
    });
    this.connection.state.subscribe(() => this.#set({ connection: this.connection.state.get() }));
    this.#chat.state.subscribe(() => this.#set(this.#chat.state.get()));
    this.connection.on('welcome', (welcome) => this.#welcomed(welcome));
    this.connection.on('message', (message) => this.#received(message));
  }

  /** Calls `listener` at each `event`; returns what ends it. */
  on<K extends keyof ViewerEvents>(event: K, listener: (value: ViewerEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Connects. */
  open(): void {
    this.connection.open();
  }

  /** Leaves for good. */
  close(): void {
    this.#chat.close();
    this.connection.close();
  }

  /** Sends a message; false when too many are unacknowledged. The first one makes conversation and ticket. */
  sendMessage(text: string): boolean {
    return this.#chat.send(text);
  }

  /** Tries a refused message again. */
  retryMessage(clientId: string): void {
    this.#chat.retry(clientId);
  }

  /** Drops a refused message. */
  discardMessage(clientId: string): void {
    this.#chat.discard(clientId);
  }

  /** The viewer typed; `hasText` is whether something is in the box. */
  typed(hasText: boolean): void {
    if (this.state.get().conversation) this.#chat.typed(hasText);
  }

  /** The viewer saw everything up to the newest entry. */
  markRead(): void {
    if (this.state.get().conversation) this.#chat.markRead();
  }

  /** Agreed, and the capture runs. @throws RequestError */
  accept(call: CallId, surface: Surface): Promise<void> {
    return this.connection.request({ t: 'accept', call, surface });
  }

  /** Declines an invitation. @throws RequestError */
  decline(call: CallId): Promise<void> {
    return this.connection.request({ t: 'decline', call });
  }

  /** Ends a call. @throws RequestError */
  endCall(call: CallId, reason: Extract<EndReason, 'viewer_stopped' | 'capture_ended'>): Promise<void> {
    return this.connection.request({ t: 'end_call', call, reason });
  }

  /** Reports a connect phase at `localMs` of our clock (now unless told). */
  phase(call: CallId, phase: Phase, localMs = this.connection.clock.localMs()): void {
    this.connection.send({ t: 'phase', call, phase, at_ms: localMs + this.connection.clock.offsetMs() });
  }

  /** Rates the help, 1 to 5. @throws RequestError */
  rate(score: number, comment: string): Promise<void> {
    return this.connection.request({ t: 'rate', score, comment });
  }

  /** How a `MediaPeer` for `call` gets its answers; `line` says what is known of the line when an offer leaves. */
  mediaOffers(call: CallId, line: () => LineKnowledge): OfferMedia {
    return offerOver(this.connection, { call, line });
  }

  /** Tells the other end what we send now. */
  sending(call: CallId, sources: Sources): void {
    this.connection.send({ t: 'sending', call, sources });
  }

  /** Asks to show the problem; an agent answers it with an invitation. @throws RequestError */
  requestCall(): Promise<void> {
    return this.connection.request({ t: 'request_call' });
  }

  /** Takes the request back. @throws RequestError */
  withdrawRequest(): Promise<void> {
    return this.connection.request({ t: 'end_request' });
  }

  /** The media connection is gone on our side. */
  mediaClose(): void {
    this.connection.send({ t: 'media_close' });
  }

  #hello(resume: string | undefined) {
    const { key, token, lang, page } = this.#options;
    return {
      t: 'hello_viewer' as const,
      v: PROTOCOL_VERSION,
      key,
      after_seq: this.#chat.lastSeq,
      lang,
      ...(resume === undefined ? {} : { resume }),
      ...(token === undefined ? {} : { token }),
      ...(page === undefined ? {} : { page }),
    };
  }

  #welcomed(welcome: Welcome): void {
    const before = this.state.get().call;
    const conversation = welcome.conversation ?? null;
    this.#set({
      welcomed: true,
      name: welcome.name,
      agentsOnline: conversation?.agents_online ?? welcome.agents_online,
      conversation,
      videoCodecs: welcome.video_codecs,
      drainingUntilMs: null,
      // A call that ended while we were away is told by the entries and by `call`, or is simply not there any more.
      call:
        conversation?.call ?? (before && { ...before, stage: 'ended', reason: before.reason ?? 'server_restarted' }),
    });
    this.#chat.resume();
  }

  #received(message: ServerMessage): void {
    switch (message.t) {
      case 'conversation':
        this.#set({
          conversation: message,
          agentsOnline: message.agents_online,
          ...(message.call ? { call: message.call } : {}),
        });
        break;
      case 'entries':
        if (message.entries.some((entry) => entry.author.kind === 'agent')) this.#chat.peerTyped(false);
        if (this.#chat.received(message.entries)) this.connection.restart();
        break;
      case 'ack':
        this.#chat.acked(message.client_id, message.seq);
        break;
      case 'typing':
        if (message.author === 'agent') this.#chat.peerTyped(message.on);
        break;
      case 'read':
        if (message.author === 'agent') this.#agentRead(message.seq);
        break;
      case 'call':
        this.#set({ call: message });
        break;
      case 'slots':
        this.#set({ slots: message.slots });
        break;
      case 'media_restart':
        this.#events.emit('mediaRestart', undefined);
        break;
      case 'media_closed':
        this.#events.emit('mediaClosed', message.message);
        break;
      case 'draining':
        this.#set({ drainingUntilMs: message.until_ms });
        break;
      case 'error':
        this.#events.emit('refused', message);
        break;
      default:
    }
  }

  #agentRead(seq: number): void {
    const { conversation } = this.state.get();
    if (!conversation || seq <= conversation.agent_read_seq) return;
    this.#set({ conversation: { ...conversation, agent_read_seq: seq } });
  }

  #set(change: Partial<ViewerState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
