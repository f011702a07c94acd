// Owns the middle pane: the conversation on the screen, what may be done with it, and the reply.

import { useState } from 'preact/hooks';
import { endReasonTexts, errorTexts } from '../i18n/common.ts';
import { formatElapsed } from '../i18n/i18n.ts';
import type { CallState, ConversationSummary, Entry } from '../protocol/generated.ts';
import { Avatar, Badge, Button, Empty, Icon, IconButton, Notice, useNow, useStore } from '../ui/ui.tsx';
import { Composer } from './composer.tsx';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { Log } from './log.tsx';
import { ticketHref } from './route.ts';

interface ThreadProps {
  desk: Desk;
  row: ConversationSummary | undefined;
  detailsOpen: boolean;
  toggleDetails: () => void;
}

/** The pane. */
export function Thread({ desk, row, detailsOpen, toggleDetails }: ThreadProps) {
  if (row === undefined) return <Nothing desk={desk} />;
  const mine = desk.owns(row);
  return (
    <main class="thread">
      <Head desk={desk} row={row} mine={mine} detailsOpen={detailsOpen} toggleDetails={toggleDetails} />
      <Notices desk={desk} row={row} />
      <Log key={row.id} desk={desk} row={row} mine={mine} />
      {mine ? <Composer key={row.id} desk={desk} row={row} /> : <Standing desk={desk} row={row} />}
    </main>
  );
}

/** No conversation is open. */
function Nothing({ desk }: { desk: Desk }) {
  const { t } = useTexts();
  const { welcomed } = useStore(desk.session.state);
  const { queue, mine } = desk.lists();
  return (
    <main class="thread thread--empty" tabIndex={-1}>
      {welcomed && (
        <Empty icon="chat" title={t.thread.none}>
          {queue.length > 0 && <p>{t.thread.noneQueue(queue.length)}</p>}
          <p>{mine.length > 0 ? t.thread.noneHint : queue.length > 0 ? t.nav.mineEmpty : t.nav.queueEmpty}</p>
        </Empty>
      )}
      {!welcomed && <p role="status">{t.connection.connecting}</p>}
    </main>
  );
}

interface HeadProps extends ThreadProps {
  row: ConversationSummary;
  mine: boolean;
}

function Head({ desk, row, mine, detailsOpen, toggleDetails }: HeadProps) {
  const { t } = useTexts();
  return (
    <header class="thread__head">
      <Avatar name={row.viewer_name} />
      <div class="thread__who">
        <h1 class="thread__name">{row.viewer_name}</h1>
        <p class="thread__sub">
          <span class="presence" data-on={row.viewer_online || undefined}>
            {row.viewer_online ? t.nav.online : t.nav.away}
          </span>
          <a href={ticketHref(row.ticket)}>{t.thread.ticket(row.ticket)}</a>
          {row.sample && <Badge>{t.nav.sample}</Badge>}
        </p>
      </div>
      {mine && <Actions desk={desk} row={row} />}
      <IconButton
        icon="info"
        class="thread__details"
        label={detailsOpen ? t.thread.closeDetails : t.thread.details}
        aria-expanded={detailsOpen}
        onClick={toggleDetails}
      />
    </header>
  );
}

/** What may be done with an own conversation. */
function Actions({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const running = useStore(desk.call.view).call;
  const [busy, setBusy] = useState<string | null>(null);
  const act = async (name: string, action: Promise<unknown>) => {
    setBusy(name);
    await action;
    setBusy(null);
  };
  const here = running?.conversation === row.id ? running : null;
  const elsewhere = running !== null && here === null;
  const blocked = elsewhere ? t.actions.inviteBusy : row.viewer_online ? undefined : t.actions.inviteOffline;
  return (
    <div class="thread__actions">
      {here === null && (
        <Button
          small
          tone="primary"
          icon="screen"
          busy={busy === 'invite'}
          aria-disabled={blocked !== undefined || undefined}
          title={blocked}
          onClick={() => blocked === undefined && void act('invite', desk.invite(row.id))}
        >
          {t.actions.invite}
        </Button>
      )}
      {here?.stage === 'invited' && (
        <Button
          small
          icon="close"
          busy={busy === 'cancel'}
          onClick={() => void act('cancel', desk.endCall(here.id, 'cancelled'))}
        >
          {t.actions.withdraw}
        </Button>
      )}
      <Button small icon="check" busy={busy === 'resolve'} onClick={() => void act('resolve', desk.resolve(row.id))}>
        {t.actions.resolve}
      </Button>
      <Button small tone="quiet" busy={busy === 'release'} onClick={() => void act('release', desk.release(row.id))}>
        {t.actions.release}
      </Button>
    </div>
  );
}

/** What has to be said between the head and the lines. */
function Notices({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { lang, t } = useTexts();
  const { calls } = useStore(desk.session.state);
  const problem = useStore(desk.problem);
  const dismissed = useStore(desk.dismissed);
  const { entries } = useStore(desk.session.chat(row.id).state);
  const call = calls.get(row.id);
  const reason = call?.stage === 'ended' ? (call.reason ?? reasonInTimeline(call, entries)) : undefined;
  return (
    <div class="thread__notices">
      {problem !== null && (
        <div role="alert">
          <Notice tone="danger" action={<Dismiss onClick={() => desk.problem.set(null)} />}>
            {problem.code === 'disconnected' ? t.signIn.unreachable : errorTexts(lang)[problem.code]}
          </Notice>
        </div>
      )}
      {call?.stage === 'invited' && <Invited desk={desk} call={call} />}
      {call !== undefined && reason !== undefined && !dismissed.has(call.id) && (
        <div role="status">
          <Notice action={<Dismiss onClick={() => desk.dismiss(call.id)} />}>
            {call.accepted_at_ms === undefined
              ? `${endReasonTexts(lang)[reason]}.`
              : t.call.ended(endReasonTexts(lang)[reason])}
          </Notice>
        </div>
      )}
    </div>
  );
}

/** After a break the call's last state may be lost; the timeline holds the reason. */
function reasonInTimeline(call: CallState, entries: readonly Entry[]) {
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const body = entries[index]?.body;
    if (body?.kind === 'call_ended' && body.call === call.id) return body.reason;
  }
  return undefined;
}

function Dismiss({ onClick }: { onClick: () => void }) {
  const { t } = useTexts();
  return <IconButton icon="close" class="thread__dismiss" label={t.call.dismiss} onClick={onClick} />;
}

/** The open invitation, with the time it has left. */
function Invited({ desk, call }: { desk: Desk; call: CallState }) {
  const { t } = useTexts();
  useNow(1000);
  return (
    <Notice>
      <span role="timer">{t.actions.expiresIn(formatElapsed(call.expires_at_ms - desk.nowMs()))}</span>
    </Notice>
  );
}

/** In the place of the reply when the conversation is not ours. */
function Standing({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const [busy, setBusy] = useState(false);
  const take = async () => {
    setBusy(true);
    await desk.take(row.id);
    setBusy(false);
  };
  return (
    <footer class="standing">
      {row.status === 'waiting' && (
        <>
          <p>
            <Icon name="eye" size={16} /> {t.thread.previewNote}
          </p>
          <Button tone="primary" busy={busy} onClick={() => void take()}>
            {t.thread.takeThis}
          </Button>
        </>
      )}
      {row.status === 'taken' && <p>{t.thread.elsewhereNote(row.agent_name ?? '')}</p>}
      {row.status === 'resolved' && (
        <p>
          <Icon name="check" size={16} /> {t.thread.resolvedNote}
        </p>
      )}
    </footer>
  );
}
