// Owns how the lines of a conversation are grouped for reading. Pure.

import type { AuthorKind, Entry, EntryBody } from '../../protocol/generated.ts';

/** A picture in a line. */
export type PictureBody = Extract<EntryBody, { kind: 'picture' }>;

/** One message of a group: text or a picture. */
export interface GroupMessage {
  readonly seq: number;
  readonly at_ms: number;
  readonly content: { readonly kind: 'text'; readonly text: string } | PictureBody;
}

/** Messages of one side that belong together. */
export interface Group {
  readonly kind: 'group';
  readonly author: AuthorKind;
  readonly name: string;
  /** When the first of them was committed, ms. */
  readonly at_ms: number;
  readonly messages: readonly GroupMessage[];
}

/** A note of an agent: never in a group, never among messages. */
export interface NoteRow {
  readonly kind: 'note';
  readonly seq: number;
  readonly at_ms: number;
  readonly name: string;
  readonly text: string;
}

/** A row of the log. */
export type LogRow =
  | { readonly kind: 'day'; readonly at_ms: number }
  | { readonly kind: 'event'; readonly entry: Entry }
  | NoteRow
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
    const { body, seq, at_ms } = entry;
    if (body.kind === 'message' || body.kind === 'picture') {
      const content = body.kind === 'message' ? ({ kind: 'text', text: body.text } as const) : body;
      addMessage(rows, entry, { seq, at_ms, content }, lastMessageAt);
      lastMessageAt = at_ms;
    } else if (body.kind === 'note') {
      rows.push({ kind: 'note', seq, at_ms, name: entry.author.name, text: body.text });
    } else {
      rows.push({ kind: 'event', entry });
    }
  }
  return rows;
}

function addMessage(rows: LogRow[], { author }: Entry, message: GroupMessage, lastAt: number): void {
  const last = rows.at(-1);
  const joins =
    last?.kind === 'group' &&
    last.author === author.kind &&
    last.name === author.name &&
    message.at_ms - lastAt <= GROUP_GAP_MS;
  if (joins) {
    rows[rows.length - 1] = { ...last, messages: [...last.messages, message] };
    return;
  }
  rows.push({ kind: 'group', author: author.kind, name: author.name, at_ms: message.at_ms, messages: [message] });
}

/** How many of the lines after `seq` were written by the viewer: what is new below the fold. */
export function viewerMessagesAfter(entries: readonly Entry[], seq: number): number {
  let count = 0;
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const entry = entries[index];
    if (entry === undefined || entry.seq <= seq) break;
    if (entry.author.kind !== 'viewer') continue;
    if (entry.body.kind === 'message' || entry.body.kind === 'picture') count += 1;
  }
  return count;
}
