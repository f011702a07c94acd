// Owns how the lines of a conversation are grouped for reading. Pure.

import type { AuthorKind, Entry } from '../../protocol/generated.ts';

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

/** Groups lines for reading. `sameDay` says whether two moments are on one day where the reader is. */
export function logRows(entries: readonly Entry[], sameDay: (aMs: number, bMs: number) => boolean): LogRow[] {
  const rows: LogRow[] = [];
  let previous: number | undefined;
  let lastMessageAt = 0;
  for (const entry of entries) {
    if (previous === undefined || !sameDay(previous, entry.at_ms)) rows.push({ kind: 'day', at_ms: entry.at_ms });
    previous = entry.at_ms;
    if (entry.body.kind === 'message') {
      addMessage(rows, entry, entry.body.text, lastMessageAt);
      lastMessageAt = entry.at_ms;
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
    return;
  }
  const { kind, name } = entry.author;
  rows.push({ kind: 'group', author: kind, name, at_ms: entry.at_ms, messages: [message] });
}

/** How many of the lines after `seq` were written by the viewer: what is new below the fold. */
export function viewerMessagesAfter(entries: readonly Entry[], seq: number): number {
  let count = 0;
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const entry = entries[index];
    if (entry === undefined || entry.seq <= seq) break;
    if (entry.author.kind === 'viewer' && entry.body.kind === 'message') count += 1;
  }
  return count;
}
