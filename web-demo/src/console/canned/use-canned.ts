// Owns how the canned replies and the text box work together: when the list is open, which one is meant, what the keys do.

import type { RefObject } from 'preact';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CannedReply, ConversationSummary } from '../../protocol/generated.ts';
import { useStore } from '../../ui/ui.tsx';
import type { Desk } from '../desk/desk.ts';
import { filled, inserted, matching, type Slash, slashAt } from './match.ts';

interface CannedOptions {
  desk: Desk;
  row: ConversationSummary;
  box: RefObject<HTMLTextAreaElement | null>;
  text: string;
  change: (text: string) => void;
}

/** The list at a text box. */
export function useCanned({ desk, row, box, text, change }: CannedOptions) {
  const id = useId();
  const { replies, state } = useStore(desk.canned.state);
  const { name } = useStore(desk.session.state);
  const [slash, setSlash] = useState<Slash | null>(null);
  const [active, setActive] = useState(0);
  /** Where the "/" stands whose list was closed by hand: it does not open again for that one. */
  const dismissed = useRef<number | null>(null);
  const caretTo = useRef<number | null>(null);
  const found = useMemo(
    () => (slash === null ? [] : matching(replies, slash.query, row.lang)),
    [replies, slash?.query, slash === null, row.lang],
  );
  useEffect(() => setActive(0), [found]);
  useLayoutEffect(() => {
    if (caretTo.current === null) return;
    box.current?.setSelectionRange(caretTo.current, caretTo.current);
    caretTo.current = null;
  }, [text]);

  const close = () => setSlash(null);
  const look = () => {
    const area = box.current;
    const at =
      area === null || area.selectionStart !== area.selectionEnd ? null : slashAt(area.value, area.selectionStart);
    if (at === null) dismissed.current = null;
    if (at !== null && at.from === dismissed.current) return;
    if (at !== null) desk.canned.want();
    setSlash((known) => (known?.from === at?.from && known?.query === at?.query ? known : at));
  };
  const choose = (reply: CannedReply) => {
    const area = box.current;
    if (area === null || slash === null) return;
    const words = filled(reply.text, { viewer: row.viewer_name, agent: name, ticket: row.ticket });
    const next = inserted(area.value, slash, area.selectionStart, words);
    caretTo.current = next.caret;
    setSlash(null);
    change(next.text);
    area.focus();
  };
  /** Types the "/" for somebody who pressed the button, or the key elsewhere on the page. */
  const start = () => {
    const area = box.current;
    if (area === null) return;
    area.focus();
    dismissed.current = null;
    let { value, selectionEnd: caret } = area;
    if (slashAt(value, caret) === null) {
      const before = value.slice(0, caret);
      const sign = before === '' || /\s$/.test(before) ? '/' : ' /';
      value = before + sign + value.slice(caret);
      caret += sign.length;
      caretTo.current = caret;
      change(value);
    }
    desk.canned.want();
    setSlash(slashAt(value, caret));
  };
  /** Takes the keys that are the list's. True when the box has nothing more to do. */
  const pressed = (event: KeyboardEvent): boolean => {
    if (slash === null) return false;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && found.length > 0) {
      setActive((at) => (at + step + found.length) % found.length);
    } else if (event.key === 'Escape') {
      dismissed.current = slash.from;
      close();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) {
      const reply = found[active];
      if (reply === undefined) return false;
      choose(reply);
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  };
  return {
    open: slash !== null,
    close,
    look,
    start,
    pressed,
    list: {
      id,
      state,
      some: replies.length > 0,
      found,
      active: Math.min(active, Math.max(0, found.length - 1)),
      lang: row.lang,
      choose,
      point: setActive,
    },
  };
}
