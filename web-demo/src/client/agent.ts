// An agent's session: the desk with all open conversations, the text of those that are followed, their calls, and what an
// agent may do. Survives breaks of the connection.

import {
  type CallId,
  type CallState,
  type ConversationId,
  type ConversationSummary,
  type EndReason,
  type Phase,
  PROTOCOL_VERSION,
  type ServerMessage,
  type SlotAssignment,
  type UserId,
  type Welcome,
} from '../protocol/generated.ts';
import { BlockSender } from './blocks.ts';
import { Chat } from './chat.ts';
import { Connection, type ConnectionOptions, type ConnectionState } from './connection.ts';
import { Emitter, Store } from './emitter.ts';
import { type OfferMedia, offerOver } from './signaling.ts';

/** Ended calls remembered, so that the console can say why the last one of a conversation ended. */
const ENDED_CALLS_MAX = 200;

/** Conversations whose text is kept: a long day's. Beyond, the ones longest not opened are dropped and read anew when needed. */
const CHATS_KEPT_MAX = 100;

/** What the agent's socket knows; the text of a conversation is in its `Chat`. */
export interface AgentState {
  readonly connection: ConnectionState;
  /** True once a welcome came; stays true over breaks. */
  readonly welcomed: boolean;
  /** Changes when the server was started anew; empty before the first welcome. */
  readonly boot: string;
  /** Own id; empty before the first welcome. */
  readonly user: UserId;
  /** Own name. */
  readonly name: string;
  /** All open conversations, waiting and taken, and those resolved since this page was opened. */
  readonly conversations: ReadonlyMap<ConversationId, ConversationSummary>;
  /** The running or last call of each conversation. */
  readonly calls: ReadonlyMap<ConversationId, CallState>;
  /** Which sources arrive on which receive slots. */
  readonly slots: readonly SlotAssignment[];
  /** The server's preferred video codecs, best first. */
  readonly videoCodecs: readonly string[];
}

/** A call only moves forward. */
const STAGES: readonly CallState['stage'][] = ['invited', 'connecting', 'live', 'ended'];

/** What an agent's session tells beside its state. */
export interface AgentEvents {
  /** The server wants an ICE restart. */
  mediaRestart: undefined;
  /** The server closed the media connection. */
  mediaClosed: string;
  /** Something without a number of its own was refused. */
  refused: Extract<ServerMessage, { t: 'error' }>;
}

/** What an agent's session needs. The session cookie says who. */
export interface AgentOptions extends Pick<ConnectionOptions, 'url' | 'openSocket' | 'clock' | 'random'> {
  /** Language of the console, BCP 47. */
  lang: string;
}

interface Followed {
  chat: Chat;
  /** How many want it followed; 0: kept, but the server sends nothing of it. */
  followers: number;
}

/** An agent's session. */
export class AgentSession {
  /** The connection under it. */
  readonly connection: Connection;
  /** What is known. */
  readonly state: Store<AgentState>;
  readonly #events = new Emitter<AgentEvents>();
  readonly #followed = new Map<ConversationId, Followed>();
  readonly #options: AgentOptions;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.connection = new Connection({
      ...options,
      hello: (resume) => ({
        t: 'hello_agent',
        v: PROTOCOL_VERSION,
        lang: this.#options.lang,
        ...(resume === undefined ? {} : { resume }),
      }),
    });
    this.state = new Store<AgentState>({
      connection: this.connection.state.get(),
      welcomed: false,
      boot: '',
      user: '',
      name: '',
      conversations: new Map(),
      calls: new Map(),
      slots: [],
      videoCodecs: [],
    });
    this.connection.state.subscribe(() => this.#set({ connection: this.connection.state.get() }));
    this.connection.on('welcome', (welcome) => this.#welcomed(welcome));
    this.connection.on('message', (message) => this.#received(message));
  }

  /** Calls `listener` at each `event`; returns what ends it. */
  on<K extends keyof AgentEvents>(event: K, listener: (value: AgentEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Connects. */
  open(): void {
    this.connection.open();
  }

  /** Leaves for good. */
  close(): void {
    for (const { chat } of this.#followed.values()) chat.close();
    this.connection.close();
  }

  /**
   * A conversation's text. The same object every time, so that switching between conversations costs nothing; it is kept
   * up to date while somebody follows it.
   */
  chat(conversation: ConversationId): Chat {
    return this.#entry(conversation).chat;
  }

  /** Follows a conversation; returns what ends it. May be called by several for one conversation. */
  follow(conversation: ConversationId): () => void {
    const entry = this.#entry(conversation);
    entry.followers += 1;
    if (entry.followers === 1) this.#subscribe(conversation, entry);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      entry.followers -= 1;
      if (entry.followers === 0) this.connection.send({ t: 'unsubscribe', conversation });
    };
  }

  /** Takes a waiting conversation. @throws RequestError `taken` when a colleague was first */
  take(conversation: ConversationId): Promise<void> {
    return this.connection.request({ t: 'take', conversation });
  }

  /** Puts an own conversation back into the queue. @throws RequestError */
  release(conversation: ConversationId): Promise<void> {
    return this.connection.request({ t: 'release', conversation });
  }

  /** Resolves the ticket of an own conversation. @throws RequestError */
  resolve(conversation: ConversationId): Promise<void> {
    return this.connection.request({ t: 'resolve', conversation });
  }

  /** Invites the viewer to share. @throws RequestError `viewer_offline`, `call_running` */
  invite(conversation: ConversationId): Promise<void> {
    return this.connection.request({ t: 'invite', conversation });
  }

  /** Ends a call, or with `cancelled` withdraws the invitation. @throws RequestError */
  endCall(call: CallId, reason: Extract<EndReason, 'agent_ended' | 'cancelled'>): Promise<void> {
    return this.connection.request({ t: 'end_call', call, reason });
  }

  /** Reports a connect phase at `localMs` of our clock (now unless told). */
  phase(call: CallId, phase: Phase, localMs = this.connection.clock.localMs()): void {
    this.connection.send({ t: 'phase', call, phase, at_ms: localMs + this.connection.clock.offsetMs() });
  }

  /** Sends the samples of a call's agent end. `finish()` it when the call is over. */
  callBlocks(conversation: ConversationId, call: CallId): BlockSender {
    return new BlockSender(this.connection, { leg: 'agent_down', conversation, call });
  }

  /** How the agent's `MediaPeer` gets its answers. */
  mediaOffers(): OfferMedia {
    return offerOver(this.connection);
  }

  /** The media connection is gone on our side. */
  mediaClose(): void {
    this.connection.send({ t: 'media_close' });
  }

  #entry(conversation: ConversationId): Followed {
    const known = this.#followed.get(conversation);
    if (known) return known;
    for (const [id, { chat, followers }] of this.#followed) {
      if (this.#followed.size < CHATS_KEPT_MAX) break;
      if (followers > 0 || chat.state.get().pending.length > 0) continue;
      chat.close();
      this.#followed.delete(id);
    }
    const entry = { chat: new Chat(this.connection, conversation), followers: 0 };
    this.#followed.set(conversation, entry);
    return entry;
  }

  #subscribe(conversation: ConversationId, { chat }: Followed): void {
    this.connection.send({ t: 'subscribe', conversation, after_seq: chat.lastSeq });
  }

  #welcomed(welcome: Welcome): void {
    this.#set({
      welcomed: true,
      boot: welcome.boot,
      user: welcome.user ?? '',
      name: welcome.name,
      videoCodecs: welcome.video_codecs,
      slots: [],
    });
    for (const [conversation, entry] of this.#followed) {
      if (entry.followers > 0) this.#subscribe(conversation, entry);
      entry.chat.resume();
    }
  }

  #received(message: ServerMessage): void {
    switch (message.t) {
      case 'desk':
        this.#desk(message.conversations);
        break;
      case 'desk_update':
        this.#update(message);
        break;
      case 'entries':
        this.#entries(message);
        break;
      case 'ack':
        this.#followed.get(message.conversation)?.chat.acked(message.client_id, message.seq);
        break;
      case 'typing':
        if (message.author === 'viewer') this.#followed.get(message.conversation)?.chat.peerTyped(message.on);
        break;
      case 'read':
        this.#read(message);
        break;
      case 'call':
        this.#call(message);
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
      case 'error':
        this.#events.emit('refused', message);
        break;
      default:
    }
  }

  #entries({ conversation, entries }: Extract<ServerMessage, { t: 'entries' }>): void {
    const followed = this.#followed.get(conversation);
    if (!followed) return;
    if (entries.some((entry) => entry.author.kind === 'viewer')) followed.chat.peerTyped(false);
    if (followed.chat.received(entries)) this.#subscribe(conversation, followed);
  }

  #desk(list: readonly ConversationSummary[]): void {
    const calls = new Map(this.state.get().calls);
    for (const [conversation, call] of calls) {
      // What ran before the break and is not in the new desk has ended; the timeline says why.
      if (call.stage !== 'ended') calls.set(conversation, { ...call, stage: 'ended' });
    }
    for (const one of list) if (one.call) calls.set(one.id, one.call);
    this.#set({ conversations: new Map(list.map((one) => [one.id, one])), calls });
  }

  /** Summaries may overtake each other on their way; one that is older than what is held is dropped. */
  #update(summary: ConversationSummary): void {
    const known = this.state.get().conversations.get(summary.id);
    if (known && known.last_seq > summary.last_seq) return;
    if (known && known.last_seq === summary.last_seq && known.agent_read_seq > summary.agent_read_seq) return;
    this.#set({ conversations: new Map(this.state.get().conversations).set(summary.id, summary) });
    if (summary.call) this.#call(summary.call);
  }

  #read({ conversation, author, seq }: Extract<ServerMessage, { t: 'read' }>): void {
    const known = this.state.get().conversations.get(conversation);
    const member = author === 'viewer' ? 'viewer_read_seq' : 'agent_read_seq';
    if (!known || author === 'system' || seq <= known[member]) return;
    const changed = { ...known, [member]: seq };
    this.#set({ conversations: new Map(this.state.get().conversations).set(conversation, changed) });
  }

  #call(call: CallState): void {
    const calls = new Map(this.state.get().calls);
    const known = calls.get(call.conversation);
    if (known?.id === call.id && STAGES.indexOf(known.stage) > STAGES.indexOf(call.stage)) return;
    calls.delete(call.conversation);
    calls.set(call.conversation, call);
    const ended = [...calls.values()].filter((one) => one.stage === 'ended');
    for (const old of ended.slice(0, Math.max(0, ended.length - ENDED_CALLS_MAX))) calls.delete(old.conversation);
    this.#set({ calls });
  }

  #set(change: Partial<AgentState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
