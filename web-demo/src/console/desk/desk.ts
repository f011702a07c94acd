// Owns the agent's desk: the session, which conversation is selected, the drafts, where each log was scrolled to, and what
// the last action was refused for. The pieces on the screen read it and call it; it knows none of them.

import { AgentSession } from '../../client/agent.ts';
import { RequestError, socketUrl } from '../../client/connection.ts';
import { Store } from '../../client/emitter.ts';
import type { Lang } from '../../i18n/i18n.ts';
import type { CallId, ConversationId, ConversationSummary, ErrorCode } from '../../protocol/generated.ts';
import { CallDesk } from '../call/call-desk.ts';
import { Drafts } from './drafts.ts';
import { type DeskLists, deskLists } from './lists.ts';

const SELECTED = 'sightline.selected';

/** Why the last action was refused. */
export interface Problem {
  readonly code: ErrorCode | 'disconnected';
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
  readonly drafts: Drafts;
  /** The conversation on the screen. */
  readonly selected = new Store<ConversationId | null>(null);
  /** The last refusal, until it is dismissed or another action works. */
  readonly problem = new Store<Problem | null>(null);
  /** Conversations with an unsent reply. */
  readonly drafted = new Store<ReadonlySet<ConversationId>>(new Set());
  /** Ends of calls whose notice was dismissed. */
  readonly dismissed = new Store<ReadonlySet<CallId>>(new Set());
  /** Asks the reply's text box to take the focus: the agent chose the conversation. */
  readonly focusReply = new Store(0);
  /** Where logs that are not at their end were left. */
  readonly scrolled = new Map<ConversationId, Scrolled>();
  readonly #following = new Map<ConversationId, () => void>();
  #greeted = false;

  constructor(lang: Lang) {
    this.session = new AgentSession({ url: socketUrl(location.origin), lang });
    this.call = new CallDesk(this.session);
    this.drafts = new Drafts(storage());
    this.session.state.subscribe(() => this.#changed());
    this.selected.subscribe(() => this.#changed());
    this.session.open();
  }

  /** Leaves the desk. */
  close(): void {
    this.call.close();
    this.session.close();
  }

  /** The open conversations by whose they are. */
  lists(): DeskLists {
    const { conversations, user } = this.session.state.get();
    return deskLists(conversations.values(), user === '' ? undefined : user);
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

  /** Ends the call, or withdraws the invitation. */
  endCall(call: CallId, reason: 'agent_ended' | 'cancelled'): Promise<boolean> {
    return this.#attempt(this.session.endCall(call, reason));
  }

  /** Keeps an unsent reply. */
  draft(conversation: ConversationId, text: string): void {
    this.drafts.set(conversation, text);
    const has = this.drafts.has(conversation);
    this.drafted.update((known) => {
      if (known.has(conversation) === has) return known;
      const changed = new Set(known);
      if (has) changed.add(conversation);
      else changed.delete(conversation);
      return changed;
    });
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
    for (const row of mine) if (this.drafts.has(row.id)) this.draft(row.id, this.drafts.get(row.id));
    if (this.selected.get() !== null) return;
    const before = kept();
    const known = before !== null && conversations.get(before) !== undefined ? before : (mine[0]?.id ?? null);
    this.selected.set(known);
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
