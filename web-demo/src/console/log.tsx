// Owns the lines of one conversation on the screen: grouped, with read marks, keeping the place of whoever reads further up.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PendingMessage } from '../client/outbox.ts';
import { errorTexts } from '../i18n/common.ts';
import { formatDay, formatTime, sameDay } from '../i18n/i18n.ts';
import type { ConversationSummary } from '../protocol/generated.ts';
import { Button, classes, Icon, Spinner, useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import {
  type Group,
  type GroupMessage,
  type LogRow,
  logRows,
  type NoteRow,
  viewerMessagesAfter,
} from './desk/log-rows.ts';
import { eventText } from './event-text.ts';
import { PendingPictures, Picture } from './pictures.tsx';

/** Lines drawn at once; earlier ones come on demand, so that switching stays fast however long the talk was. */
const LINES_SHOWN = 120;
/** Nearer to the end than this counts as being at the end, CSS pixels: a line and a half. */
const END_PX = 40;

interface LogProps {
  desk: Desk;
  row: ConversationSummary;
  /** Whether the conversation is the agent's own: only then is it marked as read. */
  mine: boolean;
}

/** The log. One per conversation: it remembers where it was scrolled to. */
export function Log({ desk, row, mine }: LogProps) {
  const { t } = useTexts();
  const chat = desk.session.chat(row.id);
  const { entries, pending, peerTyping } = useStore(chat.state);
  const [shown, setShown] = useState(LINES_SHOWN);
  const pictures = useStore(desk.pictures(row.id).pending).length;
  const { log, seen, atEnd, toEnd } = useScroll(desk, row, entries.length, pending.length + pictures, peerTyping);
  const lines = useMemo(() => logRows(entries.slice(-shown), sameDay), [entries, shown]);
  const lastSeq = entries.at(-1)?.seq ?? 0;
  if (atEnd) seen.current = lastSeq;
  const below = atEnd ? 0 : viewerMessagesAfter(entries, seen.current);
  useReadMark(desk, row, mine && atEnd, lastSeq);
  const loading = entries.length === 0 && row.last_seq > 0;
  return (
    <div class="logbox">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled pane must be reachable by keyboard */}
      <div class="log" role="log" aria-label={t.thread.log} aria-busy={loading} tabIndex={0} ref={log}>
        {loading && (
          <p class="log__loading">
            <Spinner /> {t.thread.loading}
          </p>
        )}
        {entries.length > shown && (
          <p class="log__earlier">
            <Button small onClick={() => setShown((count) => count + LINES_SHOWN)}>
              {t.thread.earlier}
            </Button>
          </p>
        )}
        {lines.map((line) => (
          <Line key={keyOf(line)} line={line} viewerRead={row.viewer_read_seq} newest={newestOwn(lines)} />
        ))}
        {pending.map((message) => (
          <Pending key={message.clientId} desk={desk} row={row} message={message} />
        ))}
        <PendingPictures desk={desk} row={row} />
        {peerTyping && <Typing name={row.viewer_name} />}
      </div>
      {below > 0 && (
        <Button small tone="primary" icon="chevronDown" class="log__below" onClick={toEnd}>
          {t.thread.newBelow(below)}
        </Button>
      )}
    </div>
  );
}

/** Keeps the end in sight for who is at the end, and the place of who is not. */
function useScroll(desk: Desk, row: ConversationSummary, lines: number, pending: number, typing: boolean) {
  const log = useRef<HTMLDivElement>(null);
  const seen = useRef(desk.scrolled.get(row.id)?.seen ?? 0);
  const [atEnd, setAtEnd] = useState(!desk.scrolled.has(row.id));
  const stick = useRef(atEnd);

  useLayoutEffect(() => {
    const place = log.current;
    if (place === null) return;
    const before = desk.scrolled.get(row.id);
    if (before !== undefined) place.scrollTop = before.top;
    // A scroll told after the pane changed its size was nobody's: without the observer below it would pass for leaving the end.
    let size = `${place.clientWidth}×${place.clientHeight}`;
    const scrolled = () => {
      if (size !== `${place.clientWidth}×${place.clientHeight}`) return;
      const end = place.scrollHeight - place.scrollTop - place.clientHeight < END_PX;
      stick.current = end;
      setAtEnd(end);
      if (end) desk.scrolled.delete(row.id);
      else desk.scrolled.set(row.id, { top: place.scrollTop, seen: seen.current });
    };
    const resized = new ResizeObserver(() => {
      size = `${place.clientWidth}×${place.clientHeight}`;
      if (stick.current) place.scrollTop = place.scrollHeight;
    });
    place.addEventListener('scroll', scrolled, { passive: true });
    resized.observe(place);
    return () => {
      place.removeEventListener('scroll', scrolled);
      resized.disconnect();
    };
  }, [desk, row.id]);

  useLayoutEffect(() => {
    const place = log.current;
    if (place !== null && stick.current) place.scrollTop = place.scrollHeight;
  }, [lines, pending, typing]);

  const toEnd = () => {
    stick.current = true;
    setAtEnd(true);
    log.current?.scrollTo({ top: log.current.scrollHeight });
  };
  // An own message brings the end into sight: one wants to see what one has said.
  const said = useRef(pending);
  useLayoutEffect(() => {
    if (pending > said.current) toEnd();
    said.current = pending;
  });
  return { log, seen, atEnd, toEnd };
}

/** What stands at the end of a log on a visible page has been seen. */
function useReadMark(desk: Desk, row: ConversationSummary, reading: boolean, lastSeq: number): void {
  const { kind } = useStore(desk.session.connection.state);
  useEffect(() => {
    if (!reading) return;
    const mark = () => {
      if (!document.hidden) desk.session.chat(row.id).markRead();
    };
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => document.removeEventListener('visibilitychange', mark);
  }, [desk, row.id, reading, lastSeq, kind]);
}

function keyOf(line: LogRow): string {
  if (line.kind === 'day') return `day ${line.at_ms}`;
  if (line.kind === 'note') return `note ${line.seq}`;
  return line.kind === 'event' ? `event ${line.entry.seq}` : `group ${line.messages[0]?.seq}`;
}

/** The newest own message: only there stands whether it was seen. */
function newestOwn(lines: readonly LogRow[]): number {
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const line = lines[index];
    if (line?.kind === 'group' && line.author === 'agent') return line.messages.at(-1)?.seq ?? 0;
  }
  return 0;
}

function Line({ line, viewerRead, newest }: { line: LogRow; viewerRead: number; newest: number }) {
  const { lang } = useTexts();
  if (line.kind === 'day') return <p class="log__day">{formatDay(lang, line.at_ms, Date.now())}</p>;
  if (line.kind === 'event') {
    return (
      <p class="log__event">
        <span>{eventText(line.entry, lang)}</span>
        <time dateTime={new Date(line.entry.at_ms).toISOString()}>{formatTime(lang, line.entry.at_ms)}</time>
      </p>
    );
  }
  if (line.kind === 'note') return <NoteLine note={line} />;
  return <Messages group={line} viewerRead={viewerRead} newest={newest} />;
}

function Messages({ group, viewerRead, newest }: { group: Group; viewerRead: number; newest: number }) {
  const { lang, t } = useTexts();
  const last = group.messages.at(-1);
  const marked = last !== undefined && last.seq === newest;
  return (
    <div class={`says says--${group.author}`}>
      <p class="says__who">
        <b>{group.name}</b>
        <time dateTime={new Date(group.at_ms).toISOString()}>{formatTime(lang, group.at_ms)}</time>
      </p>
      {group.messages.map((message) => (
        <Said key={message.seq} message={message} name={group.name} />
      ))}
      {marked && (
        <p class="says__mark">
          <Icon name={viewerRead >= last.seq ? 'checks' : 'check'} size={14} />
          {viewerRead >= last.seq ? t.thread.seen : t.thread.delivered}
        </p>
      )}
    </div>
  );
}

function Said({ message, name }: { message: GroupMessage; name: string }) {
  const { lang } = useTexts();
  if (message.content.kind === 'picture') return <Picture body={message.content} name={name} />;
  return (
    <p class="says__text" title={formatTime(lang, message.at_ms)}>
      {message.content.text}
    </p>
  );
}

/** A note among the lines: a slip of another colour across the log, with its lock and its name. */
function NoteLine({ note }: { note: NoteRow }) {
  const { lang, t } = useTexts();
  return (
    <div class="slip">
      <p class="slip__head">
        <Icon name="lock" size={13} />
        <b>{t.thread.noteBy(note.name)}</b>
        <time dateTime={new Date(note.at_ms).toISOString()}>{formatTime(lang, note.at_ms)}</time>
      </p>
      <p class="slip__text">{note.text}</p>
    </div>
  );
}

/** An own message or note on its way, or refused. */
function Pending({ desk, row, message }: { desk: Desk; row: ConversationSummary; message: PendingMessage }) {
  const { lang, t } = useTexts();
  const open = useStore(desk.session.connection.state).kind === 'open';
  const chat = desk.session.chat(row.id);
  return (
    <div
      class={classes(
        message.note ? 'slip slip--pending' : 'says says--agent says--pending',
        message.refused && 'says--refused',
      )}
    >
      {message.note && (
        <p class="slip__head">
          <Icon name="lock" size={13} />
          <b>{t.thread.note}</b>
        </p>
      )}
      <p class={message.note ? 'slip__text' : 'says__text'}>{message.text}</p>
      <p class="says__mark">
        {message.refused === undefined ? (
          <>
            <Icon name="clock" size={14} />
            {open ? t.thread.sending : t.thread.waitingForServer}
          </>
        ) : (
          <>
            <Icon name="warning" size={14} />
            <span role="alert">{errorTexts(lang)[message.refused]}</span>
            <Button small onClick={() => chat.retry(message.clientId)}>
              {t.retry}
            </Button>
            <Button small tone="quiet" onClick={() => chat.discard(message.clientId)}>
              {t.thread.discard}
            </Button>
          </>
        )}
      </p>
    </div>
  );
}

function Typing({ name }: { name: string }) {
  const { t } = useTexts();
  return (
    <p class="log__typing">
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {t.thread.typing(name)}
    </p>
  );
}
