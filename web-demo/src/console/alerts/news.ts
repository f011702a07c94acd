// Owns the judgement what is worth an alert: the difference between two states of the desk, without what the agent did and
// without what the agent is looking at. Pure.

import type { AgentState } from '../../client/agent.ts';
import type { CallState, ConversationId, ConversationSummary, EndReason, UserId } from '../../protocol/generated.ts';

/** What an alert is about. */
export type NewsKind = 'waiting' | 'message' | 'request' | 'ended';
/** All kinds, in the order of the settings. */
export const NEWS_KINDS: readonly NewsKind[] = ['waiting', 'message', 'request', 'ended'];

/** One thing worth an alert. */
export interface News {
  readonly kind: NewsKind;
  readonly conversation: ConversationId;
  readonly ticket: number;
  readonly viewer: string;
  /** What the viewer wrote last; of messages and waiting ones. */
  readonly text: string;
  /** Why the call is over; of ended ones, when it is known. */
  readonly reason?: EndReason;
}

/** The part of the desk's state that counts. */
export type Known = Pick<AgentState, 'conversations' | 'calls' | 'user' | 'welcomed'>;

/** Ends that are the agent's own doing. */
const OWN_ENDS: readonly EndReason[] = ['agent_ended', 'cancelled', 'agent_left', 'conversation_closed'];

/** What happened between two states. `inView`: the conversation that the agent is looking at, on a page in front. */
export function newsBetween(before: Known, after: Known, inView: ConversationId | null): News[] {
  // What is there at the start is no news.
  if (!before.welcomed || !after.welcomed) return [];
  const news: News[] = [];
  for (const row of after.conversations.values()) {
    const known = before.conversations.get(row.id);
    if (row === known) continue;
    if (came(known, row, after.user)) news.push(about('waiting', row));
    else if (row.id !== inView && wrote(known, row, after.user)) news.push(about('message', row));
    if (asked(known, row, after.user)) news.push({ ...about('request', row), text: '' });
  }
  for (const [conversation, call] of after.calls) {
    const row = after.conversations.get(conversation);
    if (row === undefined || !ended(before.calls.get(conversation), call, after.user)) continue;
    news.push({ ...about('ended', row), text: '', ...(call.reason === undefined ? {} : { reason: call.reason }) });
  }
  return news;
}

function about(kind: NewsKind, row: ConversationSummary): News {
  return { kind, conversation: row.id, ticket: row.ticket, viewer: row.viewer_name, text: row.last_text };
}

/** A viewer waits who did not before; one that the agent put back is no news to the agent. */
function came(known: ConversationSummary | undefined, row: ConversationSummary, user: UserId): boolean {
  if (row.status !== 'waiting' || known?.status === 'waiting') return false;
  return !(known?.status === 'taken' && known.agent === user);
}

/** More is unread than before in an own conversation. */
function wrote(known: ConversationSummary | undefined, row: ConversationSummary, user: UserId): boolean {
  if (row.status !== 'taken' || row.agent !== user) return false;
  // One that was taken a moment ago has its old messages.
  const before = known?.agent === user ? known.unread : row.unread;
  return row.unread > before;
}

function asked(known: ConversationSummary | undefined, row: ConversationSummary, user: UserId): boolean {
  const at = row.call_requested_at_ms;
  if (at === undefined || at === known?.call_requested_at_ms) return false;
  return row.status === 'waiting' || (row.status === 'taken' && row.agent === user);
}

function ended(known: CallState | undefined, call: CallState, user: UserId): boolean {
  if (call.agent !== user || call.stage !== 'ended' || known?.id !== call.id || known.stage === 'ended') return false;
  return call.reason === undefined || !OWN_ENDS.includes(call.reason);
}
