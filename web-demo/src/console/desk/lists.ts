// Owns what the navigation lists show and in which order. Pure.

import type { ConversationId, ConversationSummary, UserId } from '../../protocol/generated.ts';

/** The open conversations by whose they are. */
export interface DeskLists {
  /** Nobody's yet, longest wait first. */
  readonly queue: readonly ConversationSummary[];
  /**
   * Own ones. By number, oldest ticket first, the order never changes under the pointer or behind a shortcut; by waiting,
   * who waits longest for an answer stands first, and who does not wait comes after them.
   */
  readonly mine: readonly ConversationSummary[];
  /** With colleagues, oldest ticket first. */
  readonly others: readonly ConversationSummary[];
}

/** In which order the own conversations stand. */
export type MineOrder = 'number' | 'waiting';

/** Sorts the open conversations into the lists. */
export function deskLists(
  open: Iterable<ConversationSummary>,
  me: UserId | undefined,
  order: MineOrder = 'number',
): DeskLists {
  const queue: ConversationSummary[] = [];
  const mine: ConversationSummary[] = [];
  const others: ConversationSummary[] = [];
  for (const row of open) {
    if (row.status === 'waiting') queue.push(row);
    else if (row.status === 'taken' && row.agent === me && me !== undefined) mine.push(row);
    else if (row.status === 'taken') others.push(row);
  }
  queue.sort((a, b) => waitsSince(a) - waitsSince(b) || a.ticket - b.ticket);
  mine.sort((a, b) => (order === 'waiting' ? waitOrder(a) - waitOrder(b) : 0) || a.ticket - b.ticket);
  others.sort((a, b) => a.ticket - b.ticket);
  return { queue, mine, others };
}

function waitOrder({ waiting_since_ms }: ConversationSummary): number {
  return waiting_since_ms ?? Number.MAX_SAFE_INTEGER;
}

/** The next own conversation with something unread, after the selected one and around the end. */
export function nextUnread(
  mine: readonly ConversationSummary[],
  selected: ConversationId | undefined,
): ConversationId | undefined {
  const from = mine.findIndex((row) => row.id === selected);
  for (let step = 1; step <= mine.length; step += 1) {
    const row = mine[(from + step + mine.length) % mine.length];
    if (row !== undefined && row.unread > 0 && row.id !== selected) return row.id;
  }
  return undefined;
}

/** Since when a conversation waits for an answer, ms; its opening when no message is open. */
export function waitsSince(row: ConversationSummary): number {
  return row.waiting_since_ms ?? row.opened_at_ms;
}

/** How long a viewer may wait before the row asks for attention, ms: the patience of a chat, not of a letter. */
export const WAIT_WARN_MS = 60_000;
/** And when it is late, ms. */
export const WAIT_LATE_MS = 180_000;

/** How urgent a wait is. */
export function urgency(waitMs: number): 'calm' | 'warn' | 'late' {
  if (waitMs >= WAIT_LATE_MS) return 'late';
  return waitMs >= WAIT_WARN_MS ? 'warn' : 'calm';
}

/** Unread messages of the own conversations: what the tab's title counts. */
export function unreadTotal(mine: readonly ConversationSummary[], reading: ConversationId | undefined): number {
  return mine.reduce((sum, row) => sum + (row.id === reading ? 0 : row.unread), 0);
}

/** The neighbour of a conversation in the list, around the ends; the first one when none is selected. */
export function neighbour(
  rows: readonly ConversationSummary[],
  selected: ConversationId | undefined,
  step: 1 | -1,
): ConversationId | undefined {
  if (rows.length === 0) return undefined;
  const index = rows.findIndex((row) => row.id === selected);
  if (index < 0) return rows[step === 1 ? 0 : rows.length - 1]?.id;
  return rows[(index + step + rows.length) % rows.length]?.id;
}
