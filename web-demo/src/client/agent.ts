// An agent's session: the desk with all open conversations, the text of those that are followed, their calls, and what an
// agent may do. Survives breaks of the connection.

import {
  type CallId,
  type CallState,
  type ContentHint,
  type ConversationId,
  type ConversationSummary,
  type EndReason,
  type Incident,
  type Phase,
  PROTOCOL_VERSION,
  type ServerMessage,
  type SlotAssignment,
  type Sources,
  type UserId,
  type Welcome,
} from '../protocol/generated.ts';
import { BlockSender } from './blocks.ts';
import { Chat } from './chat.ts';
import { Connection, type ConnectionOptions, type ConnectionState } from './connection.ts';
import { Emitter, Store } from './emitter.ts';
import type { OutboxStorage } from './outbox.ts';
import { type OfferMedia, offerOver, watchOver } from './signaling.ts';

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
  /** Calls that this page invited to: their media comes here. Another window of the same agent has the others. */
  readonly here: ReadonlySet<CallId>;
  /** Which sources arrive on which receive slots. */
  readonly slots: readonly SlotAssignment[];
  /** The server's preferred video codecs, best first. */
  readonly videoCodecs: readonly string[];
  /** The server is about to shut down: until when its calls may go on, server clock, ms; null while it is not. */
  readonly drainingUntilMs: number | null;
  /** What many tickets share, the newest first. */
  readonly incidents: readonly Incident[];
}

/** A call only moves forward. */
const STAGES: readonly CallState['stage'][] = ['invited', 'connecting', 'live', 'ended'];

/** News of a connection to a colleague's call. */
export type Watched = { call: CallId } & (
  | { kind: 'slots'; slots: readonly SlotAssignment[] }
  /** The server wants an ICE restart. */
  | { kind: 'restart' }
  /** The server closed it. */
  | { kind: 'closed' }
);

/** What an agent's session tells beside its state. */
export interface AgentEvents {
  /** The server wants an ICE restart. */
  mediaRestart: undefined;
  /** The server closed the media connection. */
  mediaClosed: string;
  /** Something about the connection to a colleague's call. */
  watched: Watched;
  /** Something without a number of its own was refused. */
  refused: Extract<ServerMessage, { t: 'error' }>;
}

/** What an agent's session needs. The session cookie says who. */
export interface AgentOptions extends Pick<ConnectionOptions, 'url' | 'openSocket' | 'clock' | 'random'> {
  /** Language of the console, BCP 47. */
  lang: string;
  /** Where messages on their way survive a reload. */
  storage?: OutboxStorage | undefined;
}

/** Name under which a conversation's messages on their way are stored. */
const OUTBOX = 'sightline.outbox.';

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
  /** Conversations whose invitation is on its way to the server. */
  readonly #inviting = new Set<ConversationId>();
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
      here: new Set(),
      slots: [],
      videoCodecs: [],
      drainingUntilMs: null,
      incidents: [],
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

  /** Invites the viewer to share, or accepts the viewer's request. @throws RequestError `viewer_offline`, `call_running` */
  async invite(conversation: ConversationId): Promise<void> {
    this.#inviting.add(conversation);
    try {
      await this.connection.request({ t: 'invite', conversation });
    } finally {
      this.#inviting.delete(conversation);
    }
  }

  /** Declines the viewer's request for a call. @throws RequestError */
  endRequest(conversation: ConversationId): Promise<void> {
    return this.connection.request({ t: 'end_request', conversation });
  }

  /** Tells the viewer's end what this end sends now. */
  sending(call: CallId, sources: Sources): void {
    this.connection.send({ t: 'sending', call, sources });
  }

  /** Says what the shared picture is to be tuned for. @throws RequestError */
  setContent(call: CallId, content: ContentHint): Promise<void> {
    return this.connection.request({ t: 'set_content', call, content });
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

  /** How the `MediaPeer` to a colleague's call gets its answers. */
  watchOffers(call: CallId): OfferMedia {
    return watchOver(this.connection, call);
  }

  /** Joins a colleague's call over the connection that was made to it. @throws RequestError */
  joinCall(call: CallId): Promise<void> {
    return this.connection.request({ t: 'join_call', call });
  }

  /** Leaves a colleague's call, joined or only watched. */
  leaveCall(call: CallId): void {
    this.connection.send({ t: 'leave_call', call });
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
    const { storage } = this.#options;
    const outbox = storage && { at: storage, name: OUTBOX + conversation };
    const entry = { chat: new Chat(this.connection, conversation, outbox), followers: 0 };
    this.#followed.set(conversation, entry);
    if (this.connection.state.get().kind === 'open') entry.chat.resume();
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
      drainingUntilMs: null,
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
        if (message.watched !== undefined) {
          this.#events.emit('watched', { call: message.watched, kind: 'slots', slots: message.slots });
          break;
        }
        // What arrives here belongs here, however its call began.
        this.#set({
          slots: message.slots,
          here: new Set([...this.state.get().here, ...message.slots.map((slot) => slot.call)]),
        });
        break;
      case 'media_restart':
        if (message.watched === undefined) this.#events.emit('mediaRestart', undefined);
        else this.#events.emit('watched', { call: message.watched, kind: 'restart' });
        break;
      case 'media_closed':
        if (message.watched === undefined) this.#events.emit('mediaClosed', message.message);
        else this.#events.emit('watched', { call: message.watched, kind: 'closed' });
        break;
      case 'draining':
        this.#set({ drainingUntilMs: message.until_ms });
        break;
      case 'incidents':
        this.#set({ incidents: message.list });
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
    let { here } = this.state.get();
    for (const { call } of list) {
      if (call === undefined) continue;
      calls.set(call.conversation, call);
      here = this.#withInvited(here, call);
    }
    this.#set({ conversations: new Map(list.map((one) => [one.id, one])), calls, here });
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
    const here = new Set(this.#withInvited(this.state.get().here, call));
    for (const old of ended.slice(0, Math.max(0, ended.length - ENDED_CALLS_MAX))) {
      calls.delete(old.conversation);
      here.delete(old.id);
    }
    this.#set({ calls, here });
  }

  /** A new call of a conversation whose invitation is on its way is the answer to it: this page's own. */
  #withInvited(here: ReadonlySet<CallId>, call: CallState): ReadonlySet<CallId> {
    const ours = call.agent === this.state.get().user && this.#inviting.has(call.conversation);
    return !ours || here.has(call.id) ? here : new Set(here).add(call.id);
  }

  #set(change: Partial<AgentState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
