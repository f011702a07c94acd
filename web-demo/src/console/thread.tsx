// Owns the middle pane: the conversation on the screen, what may be done with it, and the reply.

import { useEffect, useState } from 'preact/hooks';
import type { AgentState } from '../client/agent.ts';
import { errorTexts } from '../i18n/common.ts';
import { formatElapsed } from '../i18n/i18n.ts';
import type { CallState, ConversationSummary, EndReason, Entry } from '../protocol/generated.ts';
import { Avatar, Badge, Button, Empty, Icon, IconButton, Notice, useNow, useSelected, useStore } from '../ui/ui.tsx';
import { INVITATIONS_MAX, invitationsOpen, runningElsewhere, runningHere } from './call/own-calls.ts';
import { teamCalls } from './call/team.ts';
import { Composer } from './composer.tsx';
import { useTexts } from './context.ts';
import type { Desk, Problem } from './desk/desk.ts';
import { VerdictLine } from './diagnosis/line.tsx';
import { KEY } from './keys.ts';
import { Log } from './log.tsx';
import { ticketHref } from './route.ts';
import { JoinButton, useWatch } from './team.tsx';
import type { Texts } from './texts.ts';

interface ThreadProps {
  desk: Desk;
  row: ConversationSummary | undefined;
  detailsOpen: boolean;
  toggleDetails: () => void;
  /** Opens the dialog with the canned replies. */
  manage: () => void;
}

/** The pane. */
export function Thread({ desk, row, detailsOpen, toggleDetails, manage }: ThreadProps) {
  if (row === undefined) return <Nothing desk={desk} />;
  const mine = desk.owns(row);
  const openDetails = () => {
    if (!detailsOpen) toggleDetails();
  };
  return (
    <main class="thread">
      <Head desk={desk} row={row} mine={mine} detailsOpen={detailsOpen} toggleDetails={toggleDetails} />
      {row.verdict !== undefined && <VerdictLine verdict={row.verdict} open={openDetails} />}
      <Notices desk={desk} row={row} mine={mine} />
      <Log key={row.id} desk={desk} row={row} mine={mine} />
      {mine ? (
        <Composer key={row.id} desk={desk} row={row} manage={manage} />
      ) : (
        <Standing desk={desk} row={row} manage={manage} />
      )}
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

interface HeadProps extends Omit<ThreadProps, 'manage'> {
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
      {mine ? <Actions desk={desk} row={row} /> : <TeamActions desk={desk} row={row} />}
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

/** What may be done with a colleague's: going into the call. */
function TeamActions({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const one = teamCalls(desk.session.state.get()).find((other) => other.row.id === row.id);
  useWatch(desk, one?.call.id);
  if (one === undefined) return null;
  return (
    <div class="thread__actions">
      <JoinButton desk={desk} one={one} label={t.team.joinHere} />
    </div>
  );
}

/** What may be done with an own conversation. */
function Actions({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const here = openCall(useSelected(desk.session.state, ({ calls }) => calls.get(row.id)));
  const blocked = useSelected(desk.session.state, (state) => inviteBlocked(state, row, t.actions));
  const [busy, setBusy] = useState<string | null>(null);
  const act = async (name: string, action: Promise<unknown>) => {
    setBusy(name);
    await action;
    setBusy(null);
  };
  return (
    <div class="thread__actions">
      {here === null && (
        <Button
          small
          tone="primary"
          icon="screen"
          busy={busy === 'invite'}
          aria-disabled={blocked !== undefined || undefined}
          title={blocked ?? t.help.with(t.actions.invite, KEY.invite)}
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
          title={t.help.with(t.actions.withdraw, KEY.endCall)}
          onClick={() => void act('cancel', desk.endCall(here.id, 'cancelled'))}
        >
          {t.actions.withdraw}
        </Button>
      )}
      <Button
        small
        icon="check"
        busy={busy === 'resolve'}
        title={t.help.with(t.actions.resolve, KEY.resolve)}
        onClick={() => void act('resolve', desk.resolve(row.id))}
      >
        {t.actions.resolve}
      </Button>
      <Button small tone="quiet" busy={busy === 'release'} onClick={() => void act('release', desk.release(row.id))}>
        {t.actions.release}
      </Button>
    </div>
  );
}

/** A call that has not ended. */
function openCall(call: CallState | undefined): CallState | null {
  return call === undefined || call.stage === 'ended' ? null : call;
}

/** Why the agent cannot invite this viewer now. */
function inviteBlocked(
  state: AgentState,
  row: ConversationSummary,
  t: { inviteBusy: string; inviteOffline: string; inviteMany: string },
): string | undefined {
  if (runningHere(state) !== null || runningElsewhere(state) !== null) return t.inviteBusy;
  if (!row.viewer_online) return t.inviteOffline;
  return invitationsOpen(state) >= INVITATIONS_MAX ? t.inviteMany : undefined;
}

/** What has to be said between the head and the lines. */
function Notices({ desk, row, mine }: { desk: Desk; row: ConversationSummary; mine: boolean }) {
  const { lang, t } = useTexts();
  const call = useSelected(desk.session.state, ({ calls }) => calls.get(row.id));
  const elsewhere = useSelected(desk.session.state, (state) => runningElsewhere(state)?.id);
  const problem = useStore(desk.problem);
  const dismissed = useStore(desk.dismissed);
  const { entries } = useStore(desk.session.chat(row.id).state);
  const ended = call?.stage === 'ended' && !dismissed.has(call.id) ? call : undefined;
  const reason = ended === undefined ? undefined : (ended.reason ?? reasonInTimeline(ended, entries));
  return (
    <div class="thread__notices">
      {problem !== null && (
        <div role="alert">
          <Notice tone="danger" action={<Dismiss onClick={() => desk.problem.set(null)} />}>
            {problemText(problem.code, errorTexts(lang), t)}
          </Notice>
        </div>
      )}
      {row.call_requested_at_ms !== undefined && (mine || row.status === 'waiting') && (
        <Requested desk={desk} row={row} sinceMs={row.call_requested_at_ms} />
      )}
      {call?.stage === 'invited' && <Invited desk={desk} call={call} />}
      {call !== undefined && call.id === elsewhere && <Elsewhere desk={desk} call={call} />}
      {ended !== undefined && reason !== undefined && (
        <div role="status">
          <Notice
            action={
              <span class="thread__ended">
                {mine && AGAIN.includes(reason) && <InviteAgain desk={desk} row={row} />}
                <Dismiss onClick={() => desk.dismiss(ended.id)} />
              </span>
            }
          >
            {ended.accepted_at_ms === undefined ? t.call.reasons[reason] : t.call.ended(t.call.reasons[reason])}
          </Notice>
        </div>
      )}
    </div>
  );
}

/** Ends after which the agent may well want to go on. */
const AGAIN: readonly EndReason[] = [
  'declined',
  'unanswered',
  'viewer_stopped',
  'capture_ended',
  'viewer_left',
  'viewer_lost',
  'agent_left',
  'agent_lost',
  'media_failed',
  'server_restarted',
  'worker_failed',
];

function problemText(code: Problem['code'], codes: ReturnType<typeof errorTexts>, t: Texts): string {
  if (code === 'disconnected') return t.signIn.unreachable;
  return code === 'pictures_many' ? t.thread.picturesMany : codes[code];
}

/** One click back to where the call was. */
function InviteAgain({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const { t } = useTexts();
  const blocked = useSelected(desk.session.state, (state) => inviteBlocked(state, row, t.actions));
  return (
    <Button
      small
      icon="refresh"
      aria-disabled={blocked !== undefined || undefined}
      title={blocked}
      onClick={() => blocked === undefined && void desk.invite(row.id)}
    >
      {t.actions.inviteAgain}
    </Button>
  );
}

/** The viewer asks for a call. */
function Requested({ desk, row, sinceMs }: { desk: Desk; row: ConversationSummary; sinceMs: number }) {
  const { t } = useTexts();
  useNow(1000);
  return (
    <div role="status">
      <Notice
        action={
          <span class="thread__ended">
            <Button small tone="primary" icon="phone" onClick={() => void desk.acceptRequest(row)}>
              {t.actions.acceptRequest}
            </Button>
            {desk.owns(row) && (
              <Button small onClick={() => void desk.declineRequest(row.id)}>
                {t.actions.declineRequest}
              </Button>
            )}
          </span>
        }
      >
        {t.actions.requested(row.viewer_name)}
        <span class="thread__clock" aria-hidden="true">
          {' '}
          · {formatElapsed(desk.nowMs() - sinceMs)}
        </span>
      </Notice>
    </div>
  );
}

/** The same agent has the call in another window. */
function Elsewhere({ desk, call }: { desk: Desk; call: CallState }) {
  const { t } = useTexts();
  return (
    <div role="status">
      <Notice
        action={
          <Button small tone="live" icon="stop" onClick={() => void desk.endCall(call.id, 'agent_ended')}>
            {t.actions.endCall}
          </Button>
        }
      >
        {t.call.elsewhere} {t.call.elsewhereHint}
      </Notice>
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

/** In the place of the reply when the conversation is not ours: what one may do, and a note for who has it. */
function Standing({ desk, row, manage }: { desk: Desk; row: ConversationSummary; manage: () => void }) {
  const { t } = useTexts();
  const [busy, setBusy] = useState(false);
  const [noting, setNoting] = useState(() => desk.drafts.note.has(row.id));
  useEffect(() => setNoting(desk.drafts.note.has(row.id)), [desk, row.id]);
  const take = async () => {
    setBusy(true);
    await desk.take(row.id);
    setBusy(false);
  };
  return (
    <>
      <footer class="standing">
        {row.status === 'waiting' && (
          <>
            <p>
              <Icon name="eye" size={16} /> {t.thread.previewNote}
            </p>
            <Button
              tone="primary"
              busy={busy}
              title={t.help.with(t.thread.takeThis, KEY.take)}
              onClick={() => void take()}
            >
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
        {!noting && (
          <Button small tone="quiet" icon="note" onClick={() => setNoting(true)}>
            {t.thread.noteForColleague}
          </Button>
        )}
      </footer>
      {noting && <Composer key={row.id} desk={desk} row={row} noteOnly manage={manage} />}
    </>
  );
}
