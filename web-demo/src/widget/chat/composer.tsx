// Where the viewer writes, and chooses, pastes or drops pictures.

import type { Ref } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ViewerSession, ViewerState } from '../../client/viewer.ts';
import { TEXT_CHARS_MAX } from '../../protocol/generated.ts';
import { IconButton } from '../../ui/ui.tsx';
import type { ChatHost } from '../host.ts';
import type { ChatTexts } from './texts.ts';

/** From here on the characters that are left are worth a check: counting them costs time in long texts. */
const COUNT_FROM = TEXT_CHARS_MAX / 2;

/** Text box and buttons. Enter sends, Shift+Enter is a new line; while an input method composes, Enter is its own. */
export function Composer({
  ref,
  session,
  state,
  texts,
  host,
  problem,
  onProblem,
  onChoose,
  onFiles,
}: {
  ref: Ref<HTMLTextAreaElement>;
  session: ViewerSession;
  state: ViewerState;
  texts: ChatTexts;
  host: ChatHost;
  /** What the last thing that was sent was refused for; empty for nothing. */
  problem: string;
  onProblem: (text: string) => void;
  /** Opens the choice of a picture. */
  onChoose: () => void;
  /** Pictures were pasted. */
  onFiles: (files: readonly File[]) => void;
}) {
  const draft = useDraft(host);
  const box = useRef<HTMLTextAreaElement | null>(null);
  useLayoutEffect(() => grow(box.current), [draft.text]);

  const send = () => {
    const text = draft.text.trim();
    if (!text) return;
    if (text.length > COUNT_FROM && Array.from(text).length > TEXT_CHARS_MAX) {
      onProblem(texts.tooLong(TEXT_CHARS_MAX));
      return;
    }
    if (!session.sendMessage(text)) {
      onProblem(texts.tooMany);
      return;
    }
    onProblem('');
    draft.set('');
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
      {problem && (
        <p class="composer__problem" role="alert">
          {problem}
        </p>
      )}
      <div class="composer__box">
        <IconButton class="composer__picture" icon="image" label={texts.sendPicture} onClick={onChoose} />
        <textarea
          ref={(element) => {
            box.current = element;
            if (typeof ref === 'function') ref(element);
            else if (ref) ref.current = element;
          }}
          class="composer__text"
          rows={1}
          aria-label={texts.message}
          placeholder={state.conversation?.status === 'resolved' ? texts.placeholderResolved : texts.placeholder}
          value={draft.text}
          enterkeyhint="send"
          onInput={(event) => {
            draft.set(event.currentTarget.value);
            onProblem('');
            session.typed(event.currentTarget.value !== '');
          }}
          onPaste={(event) => {
            const files = filesOf(event.clipboardData);
            if (files.length === 0) return;
            event.preventDefault();
            onFiles(files);
          }}
          onKeyDown={(event) => {
            // 229: browsers that end the composition before they tell of the key.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
            event.preventDefault();
            send();
          }}
        />
        <IconButton class="composer__send" type="submit" icon="send" label={texts.send} disabled={!draft.text.trim()} />
      </div>
    </form>
  );
}

/** The files of a paste or drop; text that comes with them, such as a picture's address, is left alone. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}

/** The unfinished text, kept over a reload of the tab. */
function useDraft(host: ChatHost): { text: string; set: (text: string) => void } {
  const name = `sightline:draft:${host.key.slice(0, 8)}`;
  const [text, setText] = useState(() => stored(name));
  useEffect(() => {
    try {
      sessionStorage.setItem(name, text);
    } catch {
      // Forbidden or full: it lives as long as the page.
    }
  }, [name, text]);
  return { text, set: setText };
}

function stored(name: string): string {
  try {
    return sessionStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

/** As high as its text, up to what the styles allow, where `field-sizing` does not do it. */
function grow(box: HTMLTextAreaElement | null): void {
  if (!box || CSS.supports('field-sizing', 'content')) return;
  box.style.height = 'auto';
  // 0 while the dialog is closed: the next keystroke measures.
  if (box.scrollHeight > 0) box.style.height = `${box.scrollHeight}px`;
}
