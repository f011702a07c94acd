// The chat: header with the ticket's state, conversation, what the viewer is asked, composer.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LineCheck } from '../../client/line-check.ts';
import type { PictureOutbox } from '../../client/picture-outbox.ts';
import type { ViewerSession, ViewerState } from '../../client/viewer.ts';
import { errorTexts } from '../../i18n/common.ts';
import type { Lang } from '../../i18n/i18n.ts';
import { Button, Icon, IconButton, Notice, useStore } from '../../ui/ui.tsx';
import type { ChatHost } from '../host.ts';
import { type CallHolder, CardPlace } from './call.tsx';
import { Composer, filesOf } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { CopyLink, privateLink } from './link.tsx';
import { Rating } from './rating.tsx';
import { CallRequest, Outcome } from './request.tsx';
import { Sees } from './sees.tsx';
import { type ChatTexts, chatTexts } from './texts.ts';

/** Attempts after which "reconnecting" becomes "cannot reach". */
const ATTEMPTS_HOPEFUL = 5;
/** This near to its end the conversation follows what is new, px. */
const NEAR_END_PX = 40;

/** The whole chat, inside the dialog. */
export function ChatView({
  session,
  host,
  calls,
  outbox,
  check,
}: {
  session: ViewerSession;
  host: ChatHost;
  calls: CallHolder;
  outbox: PictureOutbox;
  check: LineCheck;
}) {
  const state = useStore(session.state);
  const texts = chatTexts(host.lang);
  const [open, setOpen] = useState(host.isOpen());
  const message = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    host.onToggle = (now, byPerson) => {
      setOpen(now);
      if (now && byPerson) message.current?.focus();
    };
    // Opened by a click that was faster than this module: the focus waits on the dialog.
    if (host.root.activeElement?.getAttribute('role') === 'dialog') message.current?.focus();
  }, [host]);
  useUnread(state, open, session, host);
  useEffect(() => {
    if (open && state.welcomed && host.mode === 'bubble') check.chatOpened();
  }, [open, state.welcomed, host, check]);
  const resolved = state.conversation?.status === 'resolved';
  const pictures = useStore(outbox.pending);
  const [problem, setProblem] = useState('');
  const chooser = useRef<HTMLInputElement>(null);
  const sendFiles = (files: readonly File[]) => {
    setProblem(files.every((file) => outbox.add(file, file.name)) ? '' : texts.picturesPending);
  };
  const drop = useDrop(sendFiles);
  return (
    <div class="sl-root chat" {...drop.handlers}>
      <Header state={state} host={host} texts={texts} />
      <ConnectionNotice state={state} session={session} texts={texts} lang={host.lang} />
      <Scroller jump={`${jumpKey(state)}/${pictures.at(-1)?.clientId ?? ''}`}>
        <Sees check={check} lang={host.lang} />
        <Conversation
          state={state}
          session={session}
          texts={texts}
          lang={host.lang}
          pictures={pictures}
          outbox={outbox}
          access={host}
          link={privateLink(host)}
          onChip={(text) => {
            session.sendMessage(text);
            // The chips go, the focus does not: with a finger it stays off the text box, which would call the keyboard.
            const place = matchMedia('(pointer: coarse)').matches ? host.body.parentElement : message.current;
            place?.focus();
          }}
        />
        <CardPlace calls={calls} host={host} texts={texts} onPicture={() => chooser.current?.click()} />
        {resolved && (
          <section class="card card--done">
            <p class="card__title">
              <Icon name="check" size={18} /> {texts.resolvedTitle}
            </p>
            <Button tone="secondary" onClick={() => host.startOver()}>
              {texts.startNew}
            </Button>
          </section>
        )}
        <Rating state={state} session={session} texts={texts} />
      </Scroller>
      <Outcome state={state} session={session} texts={texts} lang={host.lang} />
      <CallRequest state={state} session={session} texts={texts} lang={host.lang} />
      <Composer
        ref={message}
        session={session}
        state={state}
        texts={texts}
        host={host}
        problem={problem}
        onProblem={setProblem}
        onChoose={() => chooser.current?.click()}
        onFiles={sendFiles}
      />
      <input
        ref={chooser}
        type="file"
        accept="image/*"
        multiple
        hidden
        aria-label={texts.sendPicture}
        onChange={(event) => {
          sendFiles([...(event.currentTarget.files ?? [])]);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
      {drop.over && <p class="drop">{texts.dropHere}</p>}
    </div>
  );
}

/** Files dragged over the chat. Anything else that is dragged, such as text into the box, is the browser's. */
function useDrop(onFiles: (files: readonly File[]) => void) {
  const [over, setOver] = useState(false);
  const withFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  return {
    over,
    handlers: {
      onDragOver: (event: DragEvent) => {
        if (!withFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: (event: DragEvent) => {
        const into = event.relatedTarget as Node | null;
        if (!into || !(event.currentTarget as Node).contains(into)) setOver(false);
      },
      onDrop: (event: DragEvent) => {
        if (!withFiles(event)) return;
        event.preventDefault();
        setOver(false);
        onFiles(filesOf(event.dataTransfer));
      },
    },
  };
}

/** Changes with an own message, an invitation, and the end of the ticket. */
function jumpKey({ pending, call, conversation }: ViewerState): string {
  const invitation = call?.stage === 'invited' ? call.id : '';
  return `${pending.at(-1)?.clientId ?? ''}/${invitation}/${conversation?.status === 'resolved'}`;
}

/** Tells the server what was seen, and the launcher what was not. */
function useUnread(state: ViewerState, open: boolean, session: ViewerSession, host: ChatHost): void {
  const seen = useRef<number | null>(null);
  const { entries } = state;
  const visible = open && document.visibilityState === 'visible';
  const [, redraw] = useState(0);
  useEffect(() => {
    const onVisibility = () => redraw((n) => n + 1);
    document.addEventListener('visibilitychange', onVisibility);
    return () => document.removeEventListener('visibilitychange', onVisibility);
  }, []);
  useEffect(() => {
    const last = entries.at(-1)?.seq ?? 0;
    if (visible) {
      seen.current = last;
      session.markRead();
    }
    // What came before this page was opened is unread only as far as the viewer had not answered it.
    if (seen.current === null && entries.length > 0) {
      seen.current = entries.findLast((entry) => entry.author.kind === 'viewer')?.seq ?? 0;
    }
    const from = seen.current ?? last;
    const fresh = entries.filter(
      ({ seq, author, body }) =>
        seq > from &&
        author.kind === 'agent' &&
        (body.kind === 'message' || body.kind === 'picture' || body.kind === 'call_invited'),
    );
    host.setUnread(open ? 0 : fresh.length);
  }, [entries, open, visible, session, host]);
}

function Header({ state, host, texts }: { state: ViewerState; host: ChatHost; texts: ChatTexts }) {
  const { conversation } = state;
  return (
    <header class="head">
      <div class="head__row">
        <span class="head__mark">
          <Icon name="eye" size={22} />
        </span>
        <div class="head__text">
          <h2 class="head__title">{texts.title}</h2>
          <p class="head__status" role="status">
            {conversation && <strong>{texts.ticket(conversation.ticket)}</strong>}
            <span>{statusText(state, texts)}</span>
          </p>
        </div>
        {host.mode === 'bubble' && (
          <IconButton class="head__button" icon="minimize" label={texts.minimize} onClick={() => host.minimize()} />
        )}
      </div>
      {conversation && <CopyLink host={host} texts={texts} />}
    </header>
  );
}

/** One honest line: who helps, or how long the line is, or that nobody is there. */
function statusText(state: ViewerState, texts: ChatTexts): string {
  const { conversation, agentsOnline, welcomed, connection } = state;
  if (!welcomed) return connection.kind === 'refused' ? texts.unavailable : texts.connecting;
  if (conversation?.status === 'resolved') return texts.resolved;
  if (conversation?.status === 'taken') {
    const name = conversation.agent_name ?? texts.anAgent;
    return conversation.agent_online ? texts.helping(name) : texts.away(name);
  }
  if (!conversation) return agentsOnline > 0 ? texts.agentsOnline(agentsOnline) : texts.nobody;
  const place = conversation.place === undefined ? texts.waitUnknown : texts.place(conversation.place);
  if (conversation.agents_online === 0) return `${texts.nobody} · ${place}`;
  const wait = conversation.wait_ms_estimate;
  return wait === undefined ? place : `${place} · ${texts.wait(wait)}`;
}

function ConnectionNotice({
  state,
  session,
  texts,
  lang,
}: {
  state: ViewerState;
  session: ViewerSession;
  texts: ChatTexts;
  lang: Lang;
}) {
  const { connection, welcomed } = state;
  return (
    <div class="notices" aria-live="polite">
      {connection.kind === 'refused' && (
        <Notice
          tone="danger"
          action={
            connection.code === 'version' ? (
              <Button small onClick={() => location.reload()}>
                {texts.reload}
              </Button>
            ) : (
              <Button small onClick={() => session.connection.retryNow()}>
                {texts.tryAgain}
              </Button>
            )
          }
        >
          {connection.code === 'version' ? texts.outdated : errorTexts(lang)[connection.code]}
        </Notice>
      )}
      {reachTrouble(connection, welcomed) && (
        <Notice
          tone="warn"
          action={
            connection.kind === 'waiting' && (
              <Button small onClick={() => session.connection.retryNow()}>
                {texts.tryAgain}
              </Button>
            )
          }
        >
          {reachTrouble(connection, welcomed) === 'short' ? texts.reconnecting : texts.unreachable}
        </Notice>
      )}
    </div>
  );
}

function reachTrouble(connection: ViewerState['connection'], welcomed: boolean): 'short' | 'long' | null {
  if (connection.kind !== 'waiting' && connection.kind !== 'connecting') return null;
  if (connection.attempt > ATTEMPTS_HOPEFUL) return 'long';
  return welcomed || connection.attempt > 0 ? 'short' : null;
}

/**
 * Keeps the newest in sight while the reader is at the end; leaves who reads further up alone. `jump` changes when
 * something came that must be seen.
 */
function Scroller({ jump, children }: { jump: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const last = useRef({ top: 0, room: '' });
  useLayoutEffect(() => {
    const element = box.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    const follow = () => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    };
    const observer = new ResizeObserver(follow);
    observer.observe(content);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    atEnd.current = true;
    element.scrollTop = element.scrollHeight;
  }, [jump]);
  return (
    <div
      class="scroll"
      ref={box}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        const near = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
        // Only a person scrolls up while nothing else changes: what goes away ("is typing", room for the keyboard) moves the
        // content too, and what comes in the same moment must not look like the end being left.
        const room = `${scrollHeight}/${clientHeight}`;
        if (near) atEnd.current = true;
        else if (scrollTop < last.current.top && room === last.current.room) atEnd.current = false;
        last.current = { top: scrollTop, room };
      }}
    >
      <div class="scroll__content">{children}</div>
    </div>
  );
}
