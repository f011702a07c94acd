// Owns the text box of a conversation: a reply or an internal note, each with its own draft, canned replies on "/", pictures
// by button, paste and drop. What it is for is said by colour, icon and words.

import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type ConversationSummary, TEXT_CHARS_MAX } from '../protocol/generated.ts';
import { Button, classes, Icon, IconButton, useStore } from '../ui/ui.tsx';
import { CannedList, optionId } from './canned/list.tsx';
import { useCanned } from './canned/use-canned.ts';
import { useTexts } from './context.ts';
import type { Desk, Writing } from './desk/desk.ts';
import { KEY } from './keys.ts';

/** Tallest text box, CSS pixels; beyond it scrolls. */
const HEIGHT_MAX = 180;
/** From here on the number of characters left is worth saying. */
const NEARLY_FULL = TEXT_CHARS_MAX - 200;
/** What may be chosen as a picture; the file's bytes decide in the end. */
const PICTURE_TYPES = 'image/png,image/jpeg,image/webp,image/gif';

interface ComposerProps {
  desk: Desk;
  row: ConversationSummary;
  /** Whether only a note may be written: the conversation is not the agent's own. */
  noteOnly?: boolean;
  manage: () => void;
}

/** The text box of one conversation. */
export function Composer({ desk, row, noteOnly = false, manage }: ComposerProps) {
  const { t } = useTexts();
  useStore(desk.noting);
  const writing: Writing = noteOnly ? 'note' : desk.writing(row.id);
  const box = useRef<HTMLTextAreaElement>(null);
  const file = useRef<HTMLInputElement>(null);
  const [texts, setTexts] = useState({ reply: desk.drafts.reply.get(row.id), note: desk.drafts.note.get(row.id) });
  useOnAsk(desk.redrafted, () =>
    setTexts({ reply: desk.drafts.reply.get(row.id), note: desk.drafts.note.get(row.id) }),
  );
  const text = texts[writing];
  const chat = desk.session.chat(row.id);
  const change = (next: string) => {
    setTexts((known) => ({ ...known, [writing]: next }));
    desk.draft(row.id, writing, next);
    // A viewer is told of typing that is meant for them.
    if (writing === 'reply') chat.typed(next.trim() !== '');
  };
  const canned = useCanned({ desk, row, box, text, change });
  useFocus(desk, box, canned.start);
  useHeight(box, text);
  useOnAsk(desk.choosePicture, () => file.current?.click());

  const length = Array.from(text).length;
  const fits = text.trim() !== '' && length <= TEXT_CHARS_MAX;
  const send = () => {
    if (!fits) return;
    const taken = writing === 'note' ? chat.note(text.trim()) : chat.send(text.trim());
    if (!taken) return;
    change('');
    box.current?.focus();
  };
  const pictures = (files: Iterable<File>) => addPictures(desk, row, files);
  const note = writing === 'note';
  return (
    <form
      class={classes('composer', note && 'composer--note')}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {note ? (
        <p class="composer__note" id="composer-note">
          <Icon name="lock" size={14} /> <b>{t.thread.note}</b> {t.thread.noteHint}
        </p>
      ) : (
        !row.viewer_online && (
          <p class="composer__note">
            <Icon name="link" size={14} /> {t.thread.viewerAway}
          </p>
        )
      )}
      <DropZone take={note ? undefined : pictures} label={t.thread.pictureDrop}>
        {canned.open && <CannedList {...canned.list} manage={manage} />}
        <textarea
          ref={box}
          rows={1}
          class="composer__text"
          aria-label={note ? t.thread.note : t.thread.reply}
          aria-describedby={note ? 'composer-note composer-hint' : 'composer-hint'}
          aria-autocomplete="list"
          aria-controls={canned.open ? canned.list.id : undefined}
          aria-activedescendant={
            canned.open && canned.list.found.length > 0 ? optionId(canned.list.id, canned.list.active) : undefined
          }
          placeholder={note ? t.thread.notePlaceholder : t.thread.replyPlaceholder}
          value={text}
          onInput={(event) => {
            change(event.currentTarget.value);
            canned.look();
          }}
          onKeyUp={canned.look}
          onClick={canned.look}
          onBlur={canned.close}
          onPaste={(event) => {
            const pasted = note ? [] : [...(event.clipboardData?.files ?? [])];
            if (pasted.length === 0) return;
            event.preventDefault();
            pictures(pasted);
          }}
          onKeyDown={(event) => {
            // A key that ends a composition belongs to the input method, not to us.
            if (event.isComposing || event.keyCode === 229 || canned.pressed(event)) return;
            if (event.key === 'Escape') {
              leave(box);
            } else if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              send();
            }
          }}
        />
        <div class="composer__tools">
          {!noteOnly && (
            <button
              type="button"
              class="composer__toggle"
              aria-pressed={note}
              title={`${t.thread.note} (${KEY.note})`}
              onClick={() => desk.write(row.id, note ? 'reply' : 'note')}
            >
              <Icon name="note" size={16} />
              <span>{t.thread.note}</span>
            </button>
          )}
          <IconButton
            icon="bolt"
            label={t.canned.label}
            title={`${t.canned.label} (${KEY.canned})`}
            onPointerDown={(event) => event.preventDefault()}
            onClick={canned.start}
          />
          {!note && (
            <>
              <IconButton
                icon="image"
                label={t.thread.picture}
                title={`${t.thread.picture} (${KEY.picture})`}
                onClick={() => file.current?.click()}
              />
              <input
                ref={file}
                type="file"
                hidden
                accept={PICTURE_TYPES}
                multiple
                aria-label={t.thread.picture}
                onChange={(event) => {
                  pictures(event.currentTarget.files ?? []);
                  event.currentTarget.value = '';
                }}
              />
            </>
          )}
          <Button type="submit" tone="primary" small class="composer__send" disabled={!fits}>
            {note ? t.thread.noteSave : t.thread.send}
          </Button>
        </div>
      </DropZone>
      <Hint length={length} />
    </form>
  );
}

/** Takes the focus when it is asked for, and opens the canned replies when those are. */
function useFocus(desk: Desk, box: RefObject<HTMLTextAreaElement | null>, openCanned: () => void): void {
  const asked = useStore(desk.focusReply);
  useEffect(() => {
    if (asked > 0) box.current?.focus();
  }, [asked]);
  useOnAsk(desk.openCanned, openCanned);
}

/** Runs when a counter grows, not for what was asked before. */
function useOnAsk(counter: { get(): number; subscribe(listener: () => void): () => void }, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => counter.subscribe(() => latest.current()), [counter]);
}

function useHeight(box: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const area = box.current;
    if (area === null) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(HEIGHT_MAX, area.scrollHeight + 2)}px`;
  }, [text]);
}

/** Out of the text box, so that single keys are shortcuts again. */
function leave(box: RefObject<HTMLTextAreaElement | null>): void {
  box.current?.blur();
  document.querySelector<HTMLElement>('#main [role=log]')?.focus({ preventScroll: true });
}

function addPictures(desk: Desk, row: ConversationSummary, files: Iterable<File>): void {
  const outbox = desk.pictures(row.id);
  for (const file of files) {
    if (!outbox.add(file, file.name)) desk.problem.set({ code: 'pictures_many', at_ms: Date.now() });
  }
}

interface DropZoneProps {
  /** Takes what is dropped; absent where nothing may be. */
  take: ((files: Iterable<File>) => void) | undefined;
  label: string;
  children: ComponentChildren;
}

/** The box itself, into which pictures may be dropped. */
function DropZone({ take, label, children }: DropZoneProps) {
  const [over, setOver] = useState(false);
  const hasFiles = (event: DragEvent) => take !== undefined && event.dataTransfer?.types.includes('Files') === true;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a way beside the button and pasting
    <div
      class="composer__box"
      data-over={over || undefined}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        take?.(event.dataTransfer?.files ?? []);
      }}
    >
      {children}
      {over && <p class="composer__drop">{label}</p>}
    </div>
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
