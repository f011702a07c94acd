// Owns the list of the team's calls under the conversations, and the button that leads into a colleague's call.

import { useEffect } from 'preact/hooks';
import { formatElapsed, formatTime } from '../i18n/i18n.ts';
import type { CallId, ConversationId } from '../protocol/generated.ts';
import { Avatar, Button, Icon, useSelected, useStore } from '../ui/ui.tsx';
import { runningElsewhere, runningHere } from './call/own-calls.ts';
import { type TeamCall, teamCalls } from './call/team.ts';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { KEY } from './keys.ts';

interface TeamProps {
  desk: Desk;
  /** The conversation on the screen. */
  shown: ConversationId | null;
  /** The server's time, ms. */
  now: number;
  open: (conversation: ConversationId) => void;
}

/** The list's rows: who is in a call, about which ticket, since when. */
export function TeamRows({ desk, shown, now, open }: TeamProps) {
  const { t } = useTexts();
  const calls = teamCalls(desk.session.state.get());
  return (
    <ul aria-label={t.team.list}>
      {calls.map((one) => (
        <TeamRow key={one.call.id} desk={desk} one={one} shown={shown} now={now} open={open} />
      ))}
    </ul>
  );
}

function TeamRow({ desk, one, shown, now, open }: TeamProps & { one: TeamCall }) {
  const { lang, t } = useTexts();
  const { row, call, sinceMs } = one;
  const selected = row.id === shown;
  const joined = useStore(desk.guest.view).call === call.id;
  const local = sinceMs - desk.session.connection.clock.offsetMs();
  const look = () => desk.guest.watch(call.id);
  const pass = () => desk.guest.unwatch(call.id);
  return (
    <li
      class="row row--team"
      data-selected={selected || undefined}
      onPointerEnter={look}
      onPointerLeave={pass}
      onFocusIn={look}
      onFocusOut={pass}
    >
      <button type="button" class="row__open" aria-current={selected ? 'true' : undefined} onClick={() => open(row.id)}>
        <span class="sl-visually-hidden">{t.team.readAlong(row.ticket)}: </span>
        <Avatar name={call.agent_name} />
        <span class="row__body">
          <span class="row__top">
            <span class="row__name">{call.agent_name}</span>
            <span class="wait">
              <Icon name={call.surface === 'audio' ? 'phone' : 'screen'} size={12} />
              <span class="sl-visually-hidden">{t.team.inCallFor} </span>
              {formatElapsed(now - sinceMs)}
            </span>
          </span>
          <span class="row__text">
            #{row.ticket} {row.viewer_name}
          </span>
          <span class="row__marks">
            <span class="presence" data-on>
              {joined ? t.team.joinedRow : t.team.since(formatTime(lang, local))}
            </span>
          </span>
        </span>
      </button>
      <JoinButton desk={desk} one={one} class="row__take" label={t.team.join} />
    </li>
  );
}

interface JoinProps {
  desk: Desk;
  one: TeamCall;
  label: string;
  class?: string;
}

/** The way into a colleague's call. Gone while one is in it; then the stage has the way out. */
export function JoinButton({ desk, one, label, class: extra }: JoinProps) {
  const { t } = useTexts();
  const { call } = useStore(desk.guest.view);
  const busy = useSelected(
    desk.session.state,
    (state) => runningHere(state) !== null || runningElsewhere(state) !== null,
  );
  if (call === one.call.id) return null;
  const hint = t.help.with(t.team.joinHint(one.call.agent_name, one.row.ticket), KEY.join);
  return (
    <Button
      small
      tone="primary"
      icon="users"
      {...(extra === undefined ? {} : { class: extra })}
      aria-disabled={busy || undefined}
      title={busy ? t.actions.inviteBusy : hint}
      onClick={() => !busy && void desk.join(one.call.id)}
    >
      {label}
    </Button>
  );
}

/** Makes ready for a call while something about it is on the screen. */
export function useWatch(desk: Desk, call: CallId | undefined): void {
  useEffect(() => {
    if (call === undefined) return;
    const watch = () => desk.guest.watch(call);
    watch();
    // After a break of the connection once more.
    const end = desk.session.connection.on('welcome', watch);
    return () => {
      end();
      desk.guest.unwatch(call);
    };
  }, [desk, call]);
}
