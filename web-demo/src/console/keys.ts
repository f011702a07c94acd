// Owns the keyboard shortcuts of the desk. Single keys never take anything from somebody who is writing, and can be turned
// off; the ones with Alt act everywhere.

import { useEffect, useRef } from 'preact/hooks';
import { Store } from '../client/emitter.ts';
import type { ConversationId, ConversationSummary } from '../protocol/generated.ts';
import { neighbour, nextUnread } from './desk/lists.ts';

/** The single keys, as they are shown. */
export const KEY = {
  next: 'J',
  previous: 'K',
  unread: 'U',
  take: 'T',
  reply: 'R',
  canned: '/',
  note: 'N',
  picture: 'P',
  invite: 'I',
  endCall: 'Shift+E',
  join: 'C',
  resolve: 'Shift+R',
  mic: 'M',
  theme: 'D',
  help: '?',
} as const;

/** What a key does. */
export type Action = keyof typeof KEY;

/** What the keys act on. */
export interface Keys {
  readonly mine: readonly ConversationSummary[];
  readonly selected: ConversationId | null;
  readonly open: (conversation: ConversationId) => void;
  /** Everything that is not about switching. */
  readonly act: (action: Action) => void;
  /** Whether single keys act. */
  readonly single: boolean;
}

/** What a key press means here; `null` when it is not ours. Pure. */
export function meaning(event: KeyPress, keys: Keys): (() => void) | null {
  if (event.ctrlKey || event.metaKey) return null;
  if (event.altKey) return event.shiftKey ? null : switching(event, keys);
  if (event.writing) return null;
  // The way to learn of the keys, and to turn them on again.
  if (event.key === '?') return () => keys.act('help');
  if (!keys.single || event.busy) return null;
  const action = ACTIONS.get(`${event.shiftKey ? 'Shift+' : ''}${event.key.toUpperCase()}`);
  if (action === undefined) return null;
  const goal = destination(action, keys);
  if (goal === null) return () => keys.act(action);
  return goal === undefined ? null : () => keys.open(goal);
}

const ACTIONS: ReadonlyMap<string, Action> = new Map(
  (Object.entries(KEY) as [Action, string][]).map(([action, key]) => [key, action]),
);

/** Where a key of switching leads; `undefined` to nowhere, `null` when it is no such key. */
function destination(action: Action, { mine, selected }: Keys): ConversationId | undefined | null {
  if (action === 'next') return neighbour(mine, selected ?? undefined, 1);
  if (action === 'previous') return neighbour(mine, selected ?? undefined, -1);
  return action === 'unread' ? nextUnread(mine, selected ?? undefined) : null;
}

function switching(event: KeyPress, keys: Keys): (() => void) | null {
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  const row = digit === undefined ? undefined : keys.mine[Number(digit) - 1];
  if (row !== undefined) return () => keys.open(row.id);
  const step = event.code === 'ArrowDown' ? 1 : event.code === 'ArrowUp' ? -1 : 0;
  const next = step === 0 ? undefined : neighbour(keys.mine, keys.selected ?? undefined, step);
  return next === undefined ? null : () => keys.open(next);
}

/** The part of a key press that counts. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  /** Whether it goes into a text field. */
  readonly writing: boolean;
  /** Whether a dialog or a panel has the keys. */
  readonly busy: boolean;
}

const STORED = 'sightline.single-keys';

/** Whether single keys act in this browser. */
export const singleKeys = new Store(keptSingle());

/** Turns the single keys on or off, and keeps it. */
export function setSingleKeys(on: boolean): void {
  singleKeys.set(on);
  try {
    localStorage.setItem(STORED, on ? 'on' : 'off');
  } catch {
    // Forgotten with the page.
  }
}

function keptSingle(): boolean {
  try {
    return localStorage.getItem(STORED) !== 'off';
  } catch {
    return true;
  }
}

/** What is no place for text: keys on it are shortcuts all the same. */
const NO_TEXT = 'input[type=checkbox], input[type=radio], input[type=range], input[type=file], input[type=button]';

/** Listens while the desk is open; `keys` is asked at each press. */
export function useKeys(keys: () => Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const { key, code, altKey, ctrlKey, metaKey, shiftKey, target } = event;
      const at = target instanceof Element ? target : null;
      const field = at?.closest('input, textarea, select, [contenteditable]') ?? null;
      const writing = field !== null && !field.matches(NO_TEXT);
      const busy = at !== null && at.closest('dialog, [role=dialog]') !== null;
      const act = meaning({ key, code, altKey, ctrlKey, metaKey, shiftKey, writing, busy }, latest.current());
      if (act === null) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}
