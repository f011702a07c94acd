// From entries to what the conversation shows: days, messages in groups, events in words. Pure.

import type { PendingMessage } from '../../client/outbox.ts';
import { formatDuration, type Lang, sameDay } from '../../i18n/i18n.ts';
import type { CallId, Entry, PictureId, Surface } from '../../protocol/generated.ts';
import type { ChatTexts } from './texts.ts';

/** Messages of one author within this time stand together, ms. */
const GROUP_MS = 3 * 60_000;

/** How far an own message got. */
export type Delivery = 'sending' | 'sent' | 'read' | 'refused';

/** A picture as the server holds it. */
export interface RowPicture {
  readonly picture: PictureId;
  readonly width: number;
  readonly height: number;
}

/** A line of the conversation. */
export type Row =
  | { kind: 'day'; key: string; atMs: number }
  | { kind: 'event'; key: string; text: string; atMs: number }
  | {
      kind: 'message';
      key: string;
      own: boolean;
      author: string;
      /** Empty for a picture. */
      text: string;
      /** A picture in place of the text. */
      picture: RowPicture | null;
      atMs: number;
      /** First of its group: shows the author. */
      first: boolean;
      /** Last of its group: shows the time. */
      last: boolean;
      /** Own ones: how far it got; shown on the last own message and on every one that is not there yet. */
      delivery: Delivery | null;
      /** To send again or discard a refused one. */
      clientId: string;
    };

/** Whether two rows are drawn alike: every member is the same. */
export function sameRow(a: Row, b: Row): boolean {
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return Object.keys(one).every((name) => one[name] === other[name]) && a.kind === b.kind;
}

/** The rows of a conversation. */
export function rowsOf(
  entries: readonly Entry[],
  pending: readonly PendingMessage[],
  agentReadSeq: number,
  texts: ChatTexts,
  lang: Lang,
): Row[] {
  const rows: Row[] = [];
  const accepted = new Set<CallId>();
  let dayMs: number | null = null;
  const day = (atMs: number) => {
    if (dayMs !== null && sameDay(dayMs, atMs)) return;
    dayMs = atMs;
    rows.push({ kind: 'day', key: `day-${atMs}`, atMs });
  };
  for (const entry of entries) {
    if (entry.body.kind === 'call_accepted') accepted.add(entry.body.call);
    const { body } = entry;
    if (body.kind !== 'message' && body.kind !== 'picture') {
      const text = eventText(entry, texts, lang, accepted);
      if (!text) continue;
      day(entry.at_ms);
      rows.push({ kind: 'event', key: `e${entry.seq}`, text, atMs: entry.at_ms });
      continue;
    }
    day(entry.at_ms);
    const own = entry.author.kind === 'viewer';
    rows.push({
      kind: 'message',
      // The same key before and after the acknowledgement: the bubble stays where it is.
      key: entry.client_id ?? `e${entry.seq}`,
      own,
      author: own ? texts.you : entry.author.name,
      text: body.kind === 'message' ? body.text : '',
      picture: body.kind === 'picture' ? body : null,
      atMs: entry.at_ms,
      first: true,
      last: true,
      delivery: own ? (entry.seq <= agentReadSeq ? 'read' : 'sent') : null,
      clientId: entry.client_id ?? '',
    });
  }
  for (const message of pending) {
    day(message.atMs);
    rows.push({
      kind: 'message',
      key: message.clientId,
      own: true,
      author: texts.you,
      text: message.text,
      picture: null,
      atMs: message.atMs,
      first: true,
      last: true,
      delivery: message.refused ? 'refused' : 'sending',
      clientId: message.clientId,
    });
  }
  return withDelivery(grouped(rows));
}

function grouped(rows: Row[]): Row[] {
  return rows.map((row, at) => {
    if (row.kind !== 'message') return row;
    const together = (other: Row | undefined) =>
      other?.kind === 'message' && other.author === row.author && Math.abs(other.atMs - row.atMs) < GROUP_MS;
    return { ...row, first: !together(rows[at - 1]), last: !together(rows[at + 1]) };
  });
}

/** "Sent" and "Read" stand under the last own message alone; what is on its way says so itself. */
function withDelivery(rows: Row[]): Row[] {
  let lastDone = -1;
  rows.forEach((row, at) => {
    if (row.kind === 'message' && (row.delivery === 'sent' || row.delivery === 'read')) lastDone = at;
  });
  return rows.map((row, at) =>
    row.kind === 'message' && (row.delivery === 'sent' || row.delivery === 'read') && at !== lastDone
      ? { ...row, delivery: null }
      : row,
  );
}

/** An event in words; null for one that says nothing to a viewer. */
export function eventText(
  entry: Entry,
  texts: ChatTexts,
  lang: Lang,
  accepted: ReadonlySet<CallId> = new Set(),
): string | null {
  const { body } = entry;
  switch (body.kind) {
    case 'taken':
      return texts.taken(body.name);
    case 'released':
      return texts.released;
    case 'resolved':
      return texts.resolvedEntry;
    case 'reopened':
      return texts.reopened;
    case 'call_invited':
      return texts.invited(entry.author.name);
    case 'call_accepted':
      return acceptedText(body.surface, texts);
    case 'call_joined':
      return texts.joinedEntry(body.name);
    case 'call_left':
      return texts.leftEntry(body.name);
    case 'call_ended':
      return endText(body, texts, lang, accepted.has(body.call));
    case 'call_requested':
      return texts.askedEntry;
    case 'call_request_ended':
      return entry.author.kind === 'viewer' ? texts.withdrawnEntry : texts.requestDeclined;
    case 'rated':
      return texts.ratedEntry(body.score);
    default:
      return null;
  }
}

function acceptedText(surface: Surface, texts: ChatTexts): string {
  return {
    player: texts.acceptedPlayer,
    tab: texts.acceptedTab,
    window: texts.acceptedWindow,
    screen: texts.acceptedScreen,
    camera: texts.acceptedCamera,
    audio: texts.acceptedAudio,
  }[surface];
}

function endText(
  body: Extract<Entry['body'], { kind: 'call_ended' }>,
  texts: ChatTexts,
  lang: Lang,
  accepted: boolean,
): string {
  switch (body.reason) {
    case 'declined':
      return texts.declined;
    case 'unanswered':
      return texts.unanswered;
    case 'cancelled':
      return texts.cancelled;
    case 'server_restarted':
    case 'server_shutdown':
    case 'worker_failed':
      return texts.lostServer;
    case 'media_failed':
      return texts.lostMedia;
    case 'viewer_lost':
      return texts.lostLine;
    case 'agent_left':
    case 'agent_lost':
      return texts.lostAgent;
    default:
      return accepted && body.duration_ms > 0
        ? texts.endedAfter(formatDuration(lang, body.duration_ms))
        : texts.endedEarly;
  }
}
