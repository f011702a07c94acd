// Owns the keyboard shortcuts of the desk. They never take a key from somebody who is writing.

import { useEffect, useRef } from 'preact/hooks';
import type { ConversationId, ConversationSummary } from '../protocol/generated.ts';
import { neighbour } from './desk/lists.ts';

/** What the keys act on. */
export interface Keys {
  readonly mine: readonly ConversationSummary[];
  readonly selected: ConversationId | null;
  readonly open: (conversation: ConversationId) => void;
  readonly help: () => void;
}

/** What a key press means here; `null` when it is not ours. Pure. */
export function meaning(event: KeyPress, keys: Keys): (() => void) | null {
  const plain = !event.ctrlKey && !event.metaKey;
  if (event.altKey && plain && !event.shiftKey) {
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
    const row = digit === undefined ? undefined : keys.mine[Number(digit) - 1];
    if (row !== undefined) return () => keys.open(row.id);
    const step = event.code === 'ArrowDown' ? 1 : event.code === 'ArrowUp' ? -1 : 0;
    const next = step === 0 ? undefined : neighbour(keys.mine, keys.selected ?? undefined, step);
    return next === undefined ? null : () => keys.open(next);
  }
  if (event.key === '?' && plain && !event.altKey && !event.writing) return keys.help;
  return null;
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
}

/** Listens while the desk is open. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const { key, code, altKey, ctrlKey, metaKey, shiftKey } = event;
      const writing = event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
      const act = meaning({ key, code, altKey, ctrlKey, metaKey, shiftKey, writing }, latest.current);
      if (act === null) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}
