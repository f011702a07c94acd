// Owns the reply: a text box that grows, keeps its draft, and sends with Enter.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type ConversationSummary, TEXT_CHARS_MAX } from '../protocol/generated.ts';
import { Button, Icon, useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';

/** Tallest text box, CSS pixels; beyond it scrolls. */
const HEIGHT_MAX = 180;
/** From here on the number of characters left is worth saying. */
const NEARLY_FULL = TEXT_CHARS_MAX - 200;

/** The reply of one conversation. */
export function Composer({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => desk.drafts.get(row.id));
  const chat = desk.session.chat(row.id);
  const asked = useStore(desk.focusReply);
  useEffect(() => {
    if (asked > 0) box.current?.focus();
  }, [asked]);
  useLayoutEffect(() => {
    const area = box.current;
    if (area === null) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(HEIGHT_MAX, area.scrollHeight + 2)}px`;
  }, [text]);

  const length = Array.from(text).length;
  const change = (next: string) => {
    setText(next);
    desk.draft(row.id, next);
    chat.typed(next.trim() !== '');
  };
  const send = () => {
    if (text.trim() === '' || length > TEXT_CHARS_MAX || !chat.send(text.trim())) return;
    setText('');
    desk.draft(row.id, '');
    box.current?.focus();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {!row.viewer_online && (
        <p class="composer__note">
          <Icon name="link" size={14} /> {t.thread.viewerAway}
        </p>
      )}
      <div class="composer__box">
        <textarea
          ref={box}
          rows={1}
          class="composer__text"
          aria-label={t.thread.reply}
          aria-describedby="composer-hint"
          placeholder={t.thread.replyPlaceholder}
          value={text}
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={(event) => {
            // An Enter that ends a composition belongs to the input method, not to us.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
            event.preventDefault();
            send();
          }}
        />
        <Button type="submit" tone="primary" small disabled={text.trim() === '' || length > TEXT_CHARS_MAX}>
          {t.thread.send}
        </Button>
      </div>
      <Hint length={length} />
    </form>
  );
}

/** Which key does what; near the bound, how much is left. */
function Hint({ length }: { length: number }) {
  const { t } = useTexts();
  const over = length - TEXT_CHARS_MAX;
  return (
    <p id="composer-hint" class="composer__hint">
      {over > 0 ? (
        <span class="composer__over" role="alert">
          {t.thread.tooLong(over)}
        </span>
      ) : (
        t.thread.sendHint
      )}
      {over <= 0 && length > NEARLY_FULL && (
        <span>
          {length} / {TEXT_CHARS_MAX}
        </span>
      )}
    </p>
  );
}
