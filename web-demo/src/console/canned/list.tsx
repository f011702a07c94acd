// Owns the list of canned replies above the text box. The focus stays in the box; the list is steered from there.

import { useEffect, useRef } from 'preact/hooks';
import { langOf, localeOf } from '../../i18n/i18n.ts';
import type { CannedReply } from '../../protocol/generated.ts';
import { useTexts } from '../context.ts';
import { languageName } from '../format.ts';
import type { RepliesState } from './replies.ts';

interface ListProps {
  id: string;
  state: RepliesState['state'];
  /** Whether there is any reply at all. */
  some: boolean;
  found: readonly CannedReply[];
  active: number;
  /** The conversation's language; another one is named beside the title. */
  lang: string;
  choose: (reply: CannedReply) => void;
  point: (index: number) => void;
  manage: () => void;
}

/** The id of an option, for `aria-activedescendant`. */
export function optionId(list: string, index: number): string {
  return `${list}-${index}`;
}

/** The list. */
export function CannedList({ id, state, some, found, active, lang, choose, point, manage }: ListProps) {
  const { lang: reader, t } = useTexts();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active, found]);
  const nothing =
    state === 'unread'
      ? t.loading
      : state === 'failed' && !some
        ? t.canned.failed
        : some
          ? t.canned.none
          : t.canned.empty;
  return (
    <div class="canned">
      {/* Focusable as everything that scrolls; the keys come from the text box. */}
      <div id={id} ref={list} class="canned__list" role="listbox" aria-label={t.canned.label} tabIndex={0}>
        {found.map((reply, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the text box's, which keeps the focus
          // biome-ignore lint/a11y/useFocusableInteractive: chosen by aria-activedescendant
          <div
            key={reply.id}
            id={optionId(id, index)}
            role="option"
            class="canned__one"
            aria-selected={index === active}
            onPointerMove={() => index !== active && point(index)}
            // Before the box loses the focus.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(reply)}
          >
            <span class="canned__key">/{reply.shortcut}</span>
            <span class="canned__title">{reply.title}</span>
            {reply.lang !== '' && langOf(reply.lang) !== langOf(lang) && (
              <span class="row__lang" title={languageName(reply.lang, localeOf(reader))}>
                {reply.lang.split('-')[0]}
              </span>
            )}
            <span class="canned__text">{reply.text}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p class="canned__none" role="status">
          {nothing}
        </p>
      )}
      <div class="canned__foot">
        <span class="sl-visually-hidden" role="status">
          {found.length > 0 && t.canned.found(found.length)}
        </span>
        <button type="button" class="link" onPointerDown={(event) => event.preventDefault()} onClick={manage}>
          {t.canned.manage}
        </button>
      </div>
    </div>
  );
}
