// Owns how canned replies are found while one types, and how their text is filled in. Pure.

import type { CannedReply } from '../../protocol/generated.ts';

/** Most replies offered at once; who types another letter sees others. */
export const OFFERED_MAX = 20;

/** The word under the caret that asks for a canned reply. */
export interface Slash {
  /** Where its "/" stands, in UTF-16 units. */
  readonly from: number;
  /** What was typed after it. */
  readonly query: string;
}

/** The "/word" that ends at the caret: at the beginning or after a space, so that `1/2` and addresses are left alone. */
export function slashAt(text: string, caret: number): Slash | null {
  const found = /(?:^|\s)\/([\p{L}\p{N}-]*)$/u.exec(text.slice(0, caret));
  return found === null ? null : { from: caret - (found[1] ?? '').length - 1, query: found[1] ?? '' };
}

/**
 * Replies that fit what was typed: by shortcut before title, and those in the conversation's language first; of one shortcut
 * in several languages that one stands on top.
 */
export function matching(replies: readonly CannedReply[], query: string, lang: string): CannedReply[] {
  const wanted = query.toLocaleLowerCase();
  return replies
    .map((reply) => ({ reply, rank: rankOf(reply, wanted) }))
    .filter(({ rank }) => rank < NO_MATCH)
    .map(({ reply, rank }) => ({ reply, rank, away: distance(reply.lang, lang) }))
    .sort((a, b) => a.away - b.away || a.rank - b.rank || a.reply.shortcut.localeCompare(b.reply.shortcut))
    .slice(0, OFFERED_MAX)
    .map(({ reply }) => reply);
}

const NO_MATCH = 3;

function rankOf({ shortcut, title }: CannedReply, wanted: string): number {
  if (shortcut.toLocaleLowerCase().startsWith(wanted)) return 0;
  if (title.toLocaleLowerCase().startsWith(wanted)) return 1;
  return title.toLocaleLowerCase().includes(wanted) || shortcut.toLocaleLowerCase().includes(wanted) ? 2 : NO_MATCH;
}

/** 0: the conversation's language; 1: meant for every language; 2: another one. */
function distance(own: string, conversation: string): number {
  if (own === '') return 1;
  return primary(own) === primary(conversation) ? 0 : 2;
}

function primary(tag: string): string {
  return tag.toLowerCase().split('-')[0] ?? '';
}

/** What stands for the placeholders. */
export interface Filling {
  readonly viewer: string;
  readonly agent: string;
  readonly ticket: number;
}

/** The reply's text with names and number in the place of `{viewer}`, `{agent}` and `{ticket}`; others stay as they are. */
export function filled(text: string, filling: Filling): string {
  return text.replace(/\{(viewer|agent|ticket)\}/g, (_, name: keyof Filling) => String(filling[name]));
}

/** Puts a reply in the place of the "/word". Returns the text and where the caret goes. */
export function inserted(text: string, slash: Slash, caret: number, reply: string): { text: string; caret: number } {
  const after = text.slice(caret);
  const space = after === '' || /^\s/.test(after) ? '' : ' ';
  return { text: text.slice(0, slash.from) + reply + space + after, caret: slash.from + reply.length };
}

/** What a shortcut consists of. */
export function isShortcut(word: string): boolean {
  return /^[\p{L}\p{N}-]+$/u.test(word);
}
