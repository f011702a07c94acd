// The conversation: greeting, days, messages, events, who is typing.

import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { PendingPicture, PictureOutbox } from '../../client/picture-outbox.ts';
import type { PictureAccess } from '../../client/pictures.ts';
import type { ViewerSession, ViewerState } from '../../client/viewer.ts';
import { errorTexts } from '../../i18n/common.ts';
import { formatDay, formatTime, type Lang } from '../../i18n/i18n.ts';
import type { ErrorCode } from '../../protocol/generated.ts';
import { Avatar, classes, Icon, Notice, useNow } from '../../ui/ui.tsx';
import { Picture, Sending } from './picture.tsx';
import { type Row, rowsOf, sameRow } from './rows.ts';
import type { ChatTexts } from './texts.ts';

interface Props {
  state: ViewerState;
  session: ViewerSession;
  texts: ChatTexts;
  lang: Lang;
  /** Pictures on their way. */
  pictures: readonly PendingPicture[];
  outbox: PictureOutbox;
  access: PictureAccess;
  /** The private link, for who has to come back for the answer. */
  link: string;
  /** A usual trouble was picked. */
  onChip: (text: string) => void;
}

/** Everything said so far. */
export function Conversation({ state, session, texts, lang, pictures, outbox, access, link, onChip }: Props) {
  const { conversation, entries, pending, peerTyping } = state;
  const rows = rowsOf(entries, pending, conversation?.agent_read_seq ?? 0, texts, lang);
  const refusals = new Map(pending.map(({ clientId, refused }) => [clientId, refused ?? null]));
  const draw = useRowViews({ session, texts, lang, access });
  const untouched = rows.length === 0 && pictures.length === 0;
  const nobody = state.welcomed && conversation?.status !== 'taken' && state.agentsOnline === 0;
  const name = conversation?.agent_name ?? texts.anAgent;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrolls with the keyboard, and not every browser sees to it */}
      <div class="log" role="log" aria-label={texts.conversation} tabIndex={0}>
        <div class="row row--other">
          <span class="row__face row__face--desk">
            <Icon name="eye" size={18} />
          </span>
          <p class="bubble">{texts.greeting}</p>
        </div>
        {draw(rows, refusals)}
        {pictures.map((one) => (
          <Sending key={one.clientId} one={one} held={!conversation} outbox={outbox} texts={texts} lang={lang} />
        ))}
      </div>
      {untouched && <Chips onChip={onChip} texts={texts} />}
      {nobody && conversation?.status !== 'resolved' && (
        <Notice>{conversation ? <AnswerByLink link={link} texts={texts} /> : texts.nobodyMore}</Notice>
      )}
      {peerTyping && (
        <p class="typing">
          <span class="typing__dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {texts.typing(name)}
        </p>
      )}
    </>
  );
}

/** The message is left; the answer will be at the link, which stands here to be copied or photographed. */
function AnswerByLink({ link, texts }: { link: string; texts: ChatTexts }) {
  return (
    <div class="by-link">
      <p>{texts.nobodyLeft}</p>
      <input
        class="sl-input"
        readOnly
        aria-label={texts.linkByHand}
        value={link}
        onFocus={(event) => event.currentTarget.select()}
      />
    </div>
  );
}

/** The three usual troubles, one click each. */
function Chips({ onChip, texts }: { onChip: (text: string) => void; texts: ChatTexts }) {
  return (
    <div class="chips">
      {[texts.chipStutter, texts.chipStripes, texts.chipElse].map((text) => (
        <button type="button" class="chip" key={text} onClick={() => onChip(text)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** What every row is drawn with. */
interface RowProps {
  session: ViewerSession;
  texts: ChatTexts;
  lang: Lang;
  access: PictureAccess;
}

/**
 * Draws rows, each anew only when it changed: in a long conversation a new message must not cost the host's page the drawing
 * of all the others.
 */
function useRowViews(props: RowProps) {
  const drawn = useRef(new Map<string, { row: Row; refused: ErrorCode | null; view: VNode }>());
  return (rows: readonly Row[], refusals: ReadonlyMap<string, ErrorCode | null>): VNode[] => {
    const before = drawn.current;
    drawn.current = new Map();
    return rows.map((row) => {
      const refused = (row.kind === 'message' ? refusals.get(row.clientId) : null) ?? null;
      const known = before.get(row.key);
      const kept =
        known && known.refused === refused && sameRow(known.row, row)
          ? known
          : { row, refused, view: <RowView key={row.key} row={row} refused={refused} {...props} /> };
      drawn.current.set(row.key, kept);
      return kept.view;
    });
  };
}

function RowView({ row, refused, session, texts, lang, access }: RowProps & { row: Row; refused: ErrorCode | null }) {
  if (row.kind === 'day') return <Day atMs={row.atMs} lang={lang} />;
  if (row.kind === 'event') {
    return (
      <p class="event">
        {row.text} <time dateTime={new Date(row.atMs).toISOString()}>{formatTime(lang, row.atMs)}</time>
      </p>
    );
  }
  return (
    <div class={classes('row', row.own ? 'row--own' : 'row--other', row.first && 'row--first')}>
      {!row.own && <span class="row__face">{row.last && <Avatar name={row.author} />}</span>}
      <div class="row__stack">
        {row.first && <span class={classes('row__author', row.own && 'sl-visually-hidden')}>{row.author}</span>}
        {row.picture ? (
          <Picture
            access={access}
            {...row.picture}
            label={texts.pictureOf(row.author, formatTime(lang, row.atMs))}
            texts={texts}
          />
        ) : (
          <p class={classes('bubble', row.delivery === 'sending' && 'bubble--sending')}>{row.text}</p>
        )}
        {refused && (
          <p class="row__refused">
            {texts.refused} {errorTexts(lang)[refused]}{' '}
            <button type="button" class="text-button" onClick={() => session.retryMessage(row.clientId)}>
              {texts.again}
            </button>{' '}
            <button type="button" class="text-button" onClick={() => session.discardMessage(row.clientId)}>
              {texts.discard}
            </button>
          </p>
        )}
        {(row.last || row.delivery) && !refused && (
          <span class="row__meta">
            <time dateTime={new Date(row.atMs).toISOString()}>{formatTime(lang, row.atMs)}</time>
            {row.delivery && <DeliveryMark delivery={row.delivery} texts={texts} />}
          </span>
        )}
      </div>
    </div>
  );
}

function DeliveryMark({ delivery, texts }: { delivery: 'sending' | 'sent' | 'read' | 'refused'; texts: ChatTexts }) {
  if (delivery === 'refused') return null;
  const icon = { sending: 'clock', sent: 'check', read: 'checks' } as const;
  return (
    <span class="row__delivery">
      <Icon name={icon[delivery]} size={14} /> {texts[delivery]}
    </span>
  );
}

function Day({ atMs, lang }: { atMs: number; lang: Lang }) {
  const now = useNow(60_000);
  return (
    <p class="day">
      <span>{formatDay(lang, atMs, now)}</span>
    </p>
  );
}
