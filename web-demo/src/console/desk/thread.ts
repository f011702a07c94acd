// Owns what the console knows of one conversation's lines, and how they are grouped for reading. Pure.

import type { AuthorKind, Entry } from '../../protocol/generated.ts';

/** An own message on its way to the server. */
export interface Pending {
  /** Unique in the conversation; the committed entry carries it too. */
  readonly client_id: string;
  /** What was written. */
  readonly text: string;
  /** When it was sent, ms on the server's clock. */
  readonly at_ms: number;
}

/** One conversation's lines. A change makes a new object. */
export interface Thread {
  /** Committed lines, ascending by `seq`, without holes or doubles. */
  readonly entries: readonly Entry[];
  /** Own messages nobody acknowledged yet, oldest first. */
  readonly pending: readonly Pending[];
  /** Until when the viewer counts as typing, ms on the server's clock. */
  readonly typing_until_ms: number;
  /** Highest line the viewer has read. */
  readonly viewer_read_seq: number;
  /** Whether the history has arrived. */
  readonly loaded: boolean;
}

/** How long a `typing` lasts unless repeated, ms (docs/protocol.md). */
export const TYPING_MS = 6_000;

/** Nothing known yet. */
export const EMPTY_THREAD: Thread = {
  entries: [],
  pending: [],
  typing_until_ms: 0,
  viewer_read_seq: 0,
  loaded: false,
};

/** Highest line held, 0 for none. */
export function lastSeq(thread: Thread): number {
  return thread.entries.at(-1)?.seq ?? 0;
}

/** Takes lines from the server: drops those it holds, removes the own ones from the pending. */
export function withEntries(thread: Thread, arrived: readonly Entry[]): Thread {
  let held = lastSeq(thread);
  const fresh: Entry[] = [];
  for (const entry of arrived) {
    if (entry.seq <= held) continue;
    held = entry.seq;
    fresh.push(entry);
  }
  const committed = new Set(fresh.map((entry) => entry.client_id).filter((id) => id !== undefined));
  const viewerSpoke = fresh.some((entry) => entry.author.kind === 'viewer');
  return {
    ...thread,
    loaded: true,
    entries: fresh.length === 0 ? thread.entries : [...thread.entries, ...fresh],
    pending: committed.size === 0 ? thread.pending : thread.pending.filter((one) => !committed.has(one.client_id)),
    typing_until_ms: viewerSpoke ? 0 : thread.typing_until_ms,
  };
}

/** Highest line that is the viewer's, for the read mark of the agent; 0 for none. */
export function lastViewerSeq(thread: Thread): number {
  for (let index = thread.entries.length - 1; index >= 0; index -= 1) {
    const entry = thread.entries[index];
    if (entry?.author.kind === 'viewer') return entry.seq;
  }
  return 0;
}

/** Messages of one side that belong together. */
export interface Group {
  readonly kind: 'group';
  readonly author: AuthorKind;
  readonly name: string;
  /** When the first of them was committed, ms. */
  readonly at_ms: number;
  readonly messages: readonly { readonly seq: number; readonly at_ms: number; readonly text: string }[];
}

/** A row of the log. */
export type LogRow =
  | { readonly kind: 'day'; readonly at_ms: number }
  | { readonly kind: 'event'; readonly entry: Entry }
  | Group;

/** Messages of one side further apart than this start a new group, ms: a pause a reader would notice. */
export const GROUP_GAP_MS = 5 * 60_000;

/** Groups lines for reading. `dayOf` names the day of a moment where the reader is. */
export function logRows(entries: readonly Entry[], dayOf: (ms: number) => string): LogRow[] {
  const rows: LogRow[] = [];
  let day: string | undefined;
  let lastAt = 0;
  for (const entry of entries) {
    const today = dayOf(entry.at_ms);
    if (today !== day) {
      rows.push({ kind: 'day', at_ms: entry.at_ms });
      day = today;
    }
    if (entry.body.kind === 'message') {
      addMessage(rows, entry, entry.body.text, lastAt);
      lastAt = entry.at_ms;
    } else {
      rows.push({ kind: 'event', entry });
    }
  }
  return rows;
}

function addMessage(rows: LogRow[], entry: Entry, text: string, lastAt: number): void {
  const message = { seq: entry.seq, at_ms: entry.at_ms, text };
  const last = rows.at(-1);
  const joins =
    last?.kind === 'group' &&
    last.author === entry.author.kind &&
    last.name === entry.author.name &&
    entry.at_ms - lastAt <= GROUP_GAP_MS;
  if (joins) {
    rows[rows.length - 1] = { ...last, messages: [...last.messages, message] };
  } else {
    rows.push({
      kind: 'group',
      author: entry.author.kind,
      name: entry.author.name,
      at_ms: entry.at_ms,
      messages: [message],
    });
  }
}
