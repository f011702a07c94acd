// Owns the agent's desk: the session, which conversation is selected, the drafts, where each log was scrolled to, and what
// the last action was refused for. The pieces on the screen read it and call it; it knows none of them.

import { AgentSession } from '../../client/agent.ts';
import { RequestError, socketUrl } from '../../client/connection.ts';
import { Store } from '../../client/emitter.ts';
import { PictureOutbox } from '../../client/picture-outbox.ts';
import type { Lang } from '../../i18n/i18n.ts';
import type { CallId, ContentHint, ConversationId, ConversationSummary, ErrorCode } from '../../protocol/generated.ts';
import { Alerts } from '../alerts/alerts.ts';
import { CallDesk } from '../call/call-desk.ts';
import { GuestDesk } from '../call/guest-desk.ts';
import { runningElsewhere, runningHere, waitingHere } from '../call/own-calls.ts';
import { type TeamCall, teamCall, teamCalls } from '../call/team.ts';
import { Replies } from '../canned/replies.ts';
import { DESK_HREF, readRoute } from '../route.ts';
import { Drafts } from './drafts.ts';
import { type DeskLists, deskLists, type MineOrder } from './lists.ts';

const SELECTED = 'sightline.selected';
const ORDER = 'sightline.order';

/** What the text box is for. */
export type Writing = 'reply' | 'note';

/** Why the last action was refused. */
export interface Problem {
  readonly code: ErrorCode | 'disconnected' | 'pictures_many';
  /** Tells two refusals of the same kind apart. */
  readonly at_ms: number;
}

/** Where somebody who reads further up has stopped. */
export interface Scrolled {
  /** CSS pixels from the top. */
  readonly top: number;
  /** Newest line that was in sight at the end. */
  readonly seen: number;
}

/** The agent's desk. */
export class Desk {
  readonly session: AgentSession;
  readonly call: CallDesk;
  /** Colleagues' calls. */
  readonly guest: GuestDesk;
  readonly alerts: Alerts;
  readonly canned = new Replies();
  /** What was written and not sent. */
  readonly drafts: Readonly<Record<Writing, Drafts>>;
  /** The conversation on the screen. */
  readonly selected = new Store<ConversationId | null>(null);
  /** The last refusal, until it is dismissed or another action works. */
  readonly problem = new Store<Problem | null>(null);
  /** Conversations with an unsent reply. */
  readonly drafted = new Store<ReadonlySet<ConversationId>>(new Set());
  /** Ends of calls whose notice was dismissed. */
  readonly dismissed = new Store<ReadonlySet<CallId>>(new Set());
  /** Asks the text box to take the focus: the agent chose the conversation, or pressed a key for it. */
  readonly focusReply = new Store(0);
  /** Tells the text box that its draft was written to from elsewhere. */
  readonly redrafted = new Store(0);
  /** Asks the text box to open the canned replies. */
  readonly openCanned = new Store(0);
  /** Asks for a file to be chosen for a picture. */
  readonly choosePicture = new Store(0);
  /** Conversations whose text box is for notes. */
  readonly noting = new Store<ReadonlySet<ConversationId>>(new Set());
  /** In which order the own conversations stand. */
  readonly order = new Store<MineOrder>(keptOrder());
  /** Where logs that are not at their end were left. */
  readonly scrolled = new Map<ConversationId, Scrolled>();
  readonly #following = new Map<ConversationId, () => void>();
  readonly #pictures = new Map<ConversationId, PictureOutbox>();
  #greeted = false;

  constructor(lang: Lang) {
    this.session = new AgentSession({ url: socketUrl(location.origin), lang, storage: storage() });
    this.call = new CallDesk(this.session);
    this.guest = new GuestDesk(this.session, () => this.problem.set({ code: 'internal', at_ms: Date.now() }));
    this.drafts = { reply: new Drafts(storage(), 'reply'), note: new Drafts(storage(), 'note') };
    this.alerts = new Alerts({
      session: this.session,
      lang,
      shown: () => (readRoute(location.hash).page === 'desk' ? this.selected.get() : null),
      open: (conversation) => this.open(conversation),
    });
    this.session.state.subscribe(() => this.#changed());
    this.selected.subscribe(() => this.#changed());
    this.session.connection.on('welcome', () => {
      for (const pictures of this.#pictures.values()) pictures.resume();
    });
    this.session.open();
  }

  /** Leaves the desk. */
  close(): void {
    this.alerts.close();
    for (const pictures of this.#pictures.values()) pictures.close();
    this.guest.close();
    this.call.close();
    this.session.close();
  }

  /** The open conversations by whose they are. */
  lists(): DeskLists {
    const { conversations, user } = this.session.state.get();
    return deskLists(conversations.values(), user === '' ? undefined : user, this.order.get());
  }

  /** The selected conversation, if it is still there. */
  selectedRow(): ConversationSummary | undefined {
    const id = this.selected.get();
    return id === null ? undefined : this.session.state.get().conversations.get(id);
  }

  /** Whether a conversation is the agent's own. */
  owns(row: ConversationSummary): boolean {
    return row.status === 'taken' && row.agent === this.session.state.get().user;
  }

  /** The agent chose a conversation. */
  select(conversation: ConversationId): void {
    this.selected.set(conversation);
    this.focusReply.update((count) => count + 1);
    keep(conversation);
  }

  /** Opens a conversation, from whatever page. */
  open(conversation: ConversationId): void {
    if (readRoute(location.hash).page !== 'desk') location.hash = DESK_HREF;
    this.select(conversation);
  }

  /** Takes a waiting conversation and opens it. */
  async take(conversation: ConversationId): Promise<void> {
    if (await this.#attempt(this.session.take(conversation))) this.select(conversation);
  }

  /** Puts an own conversation back. */
  release(conversation: ConversationId): Promise<boolean> {
    return this.#attempt(this.session.release(conversation));
  }

  /** Resolves the ticket. */
  resolve(conversation: ConversationId): Promise<boolean> {
    return this.#attempt(this.session.resolve(conversation));
  }

  /** Invites the viewer to share. */
  invite(conversation: ConversationId): Promise<boolean> {
    return this.#attempt(this.session.invite(conversation));
  }

  /** Accepts the viewer's request for a call; a waiting conversation is taken first. */
  async acceptRequest(row: ConversationSummary): Promise<void> {
    if (row.status === 'waiting' && !(await this.#attempt(this.session.take(row.id)))) return;
    this.select(row.id);
    await this.invite(row.id);
  }

  /** Declines the viewer's request for a call. */
  declineRequest(conversation: ConversationId): Promise<boolean> {
    return this.#attempt(this.session.endRequest(conversation));
  }

  /** Joins a colleague's call and opens its conversation; in a call of one's own it does nothing. */
  async join(call: CallId): Promise<void> {
    const state = this.session.state.get();
    const one = teamCall(state, call);
    if (one === undefined || runningHere(state) !== null || runningElsewhere(state) !== null) return;
    const joined = this.#attempt(this.guest.join(call));
    this.open(one.row.id);
    await joined;
  }

  /** The colleague's call one would mean by "join": of what is on the screen, else the one that runs longest. */
  joinable(): CallId | undefined {
    const calls = teamCalls(this.session.state.get());
    const route = readRoute(location.hash);
    const here = ({ row }: TeamCall) =>
      route.page === 'ticket' ? row.ticket === route.number : row.id === this.selected.get();
    return (calls.find(here) ?? calls[0])?.call.id;
  }

  /**
   * Ends the running call, or withdraws the invitation of the selected conversation; a colleague's call goes on without
   * us.
   */
  async endCallHere(): Promise<void> {
    const { call } = this.call.view.get();
    if (this.guest.view.get().call !== null) return this.guest.leave();
    const invited = waitingHere(this.session.state.get()).find((one) => one.conversation === this.selected.get());
    if (invited !== undefined) await this.endCall(invited.id, 'cancelled');
    else if (call !== null) await this.endCall(call.id, 'agent_ended');
  }

  /** Says what the shared picture is to be tuned for. */
  setContent(call: CallId, content: ContentHint): Promise<boolean> {
    return this.#attempt(this.session.setContent(call, content));
  }

  /** Ends the call, or withdraws the invitation. */
  endCall(call: CallId, reason: 'agent_ended' | 'cancelled'): Promise<boolean> {
    return this.#attempt(this.session.endCall(call, reason));
  }

  /** Keeps what is written and not sent. */
  draft(conversation: ConversationId, writing: Writing, text: string): void {
    this.drafts[writing].set(conversation, text);
    this.#markDraft(conversation);
  }

  /** Puts a suggested reply into the text box, after what is written there; sending it stays the agent's. */
  suggestReply(conversation: ConversationId, text: string): void {
    const written = this.drafts.reply.get(conversation).trimEnd();
    this.draft(conversation, 'reply', written === '' ? text : `${written}\n${text}`);
    this.redrafted.update((count) => count + 1);
    this.write(conversation, 'reply');
  }

  /** What the text box of a conversation is for. */
  writing(conversation: ConversationId): Writing {
    return this.noting.get().has(conversation) ? 'note' : 'reply';
  }

  /** Turns the text box of a conversation to notes, or back to the reply. */
  write(conversation: ConversationId, writing: Writing): void {
    this.noting.update((known) => withOrWithout(known, conversation, writing === 'note'));
    this.focusReply.update((count) => count + 1);
  }

  /** Pictures on their way to a conversation. */
  pictures(conversation: ConversationId): PictureOutbox {
    const known = this.#pictures.get(conversation);
    if (known !== undefined) return known;
    const outbox = new PictureOutbox({
      access: { server: location.origin },
      conversation,
      nowMs: () => this.nowMs(),
    });
    this.#pictures.set(conversation, outbox);
    const { state } = this.session.chat(conversation);
    state.subscribe(() => {
      if (outbox.pending.get().length > 0) outbox.arrived(state.get().entries.map((entry) => entry.client_id));
    });
    return outbox;
  }

  /** Chooses the order of the own conversations. */
  sort(order: MineOrder): void {
    this.order.set(order);
    try {
      localStorage.setItem(ORDER, order);
    } catch {
      // Forgotten with the page.
    }
  }

  /** The notice of a call's end was read. */
  dismiss(call: CallId): void {
    this.dismissed.update((known) => new Set(known).add(call));
  }

  /** The server's time, ms since the Unix epoch. */
  nowMs(): number {
    return this.session.connection.clock.nowMs();
  }

  async #attempt(action: Promise<void>): Promise<boolean> {
    try {
      await action;
      this.problem.set(null);
      return true;
    } catch (error) {
      this.problem.set({ code: error instanceof RequestError ? error.code : 'internal', at_ms: Date.now() });
      return false;
    }
  }

  #changed(): void {
    this.#greet();
    this.#follow();
  }

  /** The first time the desk is known: back to where the agent was before a reload, else to the first own conversation. */
  #greet(): void {
    const { conversations, welcomed } = this.session.state.get();
    if (this.#greeted || !welcomed || conversations.size === 0) return;
    this.#greeted = true;
    const { mine } = this.lists();
    for (const row of mine) this.#markDraft(row.id);
    if (this.selected.get() !== null) return;
    const before = kept();
    const known = before !== null && conversations.get(before) !== undefined ? before : (mine[0]?.id ?? null);
    this.selected.set(known);
  }

  #markDraft(conversation: ConversationId): void {
    const has = this.drafts.reply.has(conversation) || this.drafts.note.has(conversation);
    this.drafted.update((known) => withOrWithout(known, conversation, has));
  }

  /** Own conversations and the selected one are followed, so that switching has nothing to wait for. */
  #follow(): void {
    const wanted = new Set(this.lists().mine.map((row) => row.id));
    const selected = this.selected.get();
    if (selected !== null && this.session.state.get().conversations.has(selected)) wanted.add(selected);
    for (const id of wanted) {
      if (!this.#following.has(id)) this.#following.set(id, this.session.follow(id));
    }
    for (const [id, end] of this.#following) {
      if (wanted.has(id)) continue;
      this.#following.delete(id);
      end();
    }
  }
}

function withOrWithout<T>(known: ReadonlySet<T>, one: T, has: boolean): ReadonlySet<T> {
  if (known.has(one) === has) return known;
  const changed = new Set(known);
  if (has) changed.add(one);
  else changed.delete(one);
  return changed;
}

function keptOrder(): MineOrder {
  try {
    return localStorage.getItem(ORDER) === 'waiting' ? 'waiting' : 'number';
  } catch {
    return 'number';
  }
}

function storage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}

function keep(conversation: ConversationId): void {
  try {
    sessionStorage.setItem(SELECTED, conversation);
  } catch {
    // Only a reload forgets it.
  }
}

function kept(): ConversationId | null {
  try {
    return sessionStorage.getItem(SELECTED);
  } catch {
    return null;
  }
}
