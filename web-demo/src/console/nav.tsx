// Owns the left pane: who waits, whose conversations are ours, and the way to the other pages.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatElapsed } from '../i18n/i18n.ts';
import type { ConversationId, ConversationSummary, SessionView } from '../protocol/generated.ts';
import { Avatar, Badge, Button, classes, Icon, IconButton, useNow, useStore } from '../ui/ui.tsx';
import { AlertsButton } from './alerts/button.tsx';
import { Brand } from './brand.tsx';
import { teamCalls } from './call/team.ts';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { urgency, waitsSince } from './desk/lists.ts';
import { VerdictChip } from './diagnosis/chip.tsx';
import { KEY } from './keys.ts';
import { DESK_HREF, type Route, TICKETS_HREF } from './route.ts';
import { TeamRows } from './team.tsx';
import { ThemeButton } from './theme-button.tsx';

interface NavProps {
  desk: Desk;
  me: SessionView;
  open: (conversation: ConversationId) => void;
  route: Route;
  help: () => void;
  signOut: () => void;
}

/** The pane. */
export function Nav({ desk, me, open, route, help, signOut }: NavProps) {
  const { t } = useTexts();
  return (
    <div class="nav">
      <header class="nav__head">
        <Brand />
        <div class="nav__settings">
          <AlertsButton alerts={desk.alerts} />
          <ThemeButton />
        </div>
      </header>
      <Pages route={route} />
      <Lists desk={desk} open={open} onDesk={route.page === 'desk'} />
      <footer class="nav__foot">
        <Avatar name={me.name} />
        <span class="nav__me">
          <b>{me.name}</b>
          <Presence desk={desk} />
        </span>
        <button
          type="button"
          class="sl-icon-button nav__help"
          aria-label={t.header.help}
          title={t.help.with(t.header.help, KEY.help)}
          onClick={help}
        >
          ?
        </button>
        <IconButton icon="logout" label={t.header.signOut} onClick={signOut} />
      </footer>
    </div>
  );
}

/** The console's two places. */
function Pages({ route }: { route: Route }) {
  const { t } = useTexts();
  return (
    <nav class="nav__pages" aria-label={t.product}>
      <a href={DESK_HREF} aria-current={route.page === 'desk' ? 'page' : undefined} title={t.header.desk}>
        <Icon name="chat" size={16} />
        <span class="nav__word">{t.header.desk}</span>
      </a>
      <a href={TICKETS_HREF} aria-current={route.page === 'desk' ? undefined : 'page'} title={t.header.tickets}>
        <Icon name="list" size={16} />
        <span class="nav__word">{t.header.tickets}</span>
      </a>
    </nav>
  );
}

function Presence({ desk }: { desk: Desk }) {
  const { t } = useTexts();
  const on = useStore(desk.session.connection.state).kind === 'open';
  return (
    <span class="presence" data-on={on || undefined}>
      {on ? t.header.online : t.header.offline}
    </span>
  );
}

/** The lists, with a clock that ticks in them alone. */
function Lists({ desk, open, onDesk }: { desk: Desk; open: NavProps['open']; onDesk: boolean }) {
  const { t } = useTexts();
  useStore(desk.session.state);
  useNow(1000);
  useStore(desk.order);
  const selected = useStore(desk.selected);
  const { queue, mine, others } = desk.lists();
  const team = teamCalls(desk.session.state.get()).length;
  const now = desk.nowMs();
  const shown = onDesk ? selected : null;
  return (
    <nav class="nav__lists" aria-label={t.nav.label}>
      <Section title={t.nav.mine} count={mine.length} tool={<SortButton desk={desk} />}>
        {mine.length === 0 && <p class="nav__empty">{t.nav.mineEmpty}</p>}
        <ul aria-label={t.nav.mine}>
          {mine.map((row, index) => (
            <MineRow
              key={row.id}
              desk={desk}
              row={row}
              now={now}
              place={index + 1}
              selected={row.id === shown}
              open={open}
            />
          ))}
        </ul>
      </Section>
      <Section title={t.nav.queue} count={queue.length} alarm={queue.length > 0}>
        {queue.length === 0 && <p class="nav__empty">{t.nav.queueEmpty}</p>}
        <ul aria-label={t.nav.queue}>
          {queue.map((row) => (
            <QueueRow key={row.id} desk={desk} row={row} now={now} selected={row.id === shown} open={open} />
          ))}
        </ul>
      </Section>
      {team > 0 && (
        <Section title={t.team.list} count={team}>
          <TeamRows desk={desk} shown={shown} now={now} open={open} />
        </Section>
      )}
      {others.length > 0 && (
        <details class="nav__others">
          <summary>
            {t.nav.others} <span class="nav__count">{others.length}</span>
          </summary>
          <ul>
            {others.map((row) => (
              <li key={row.id} class="nav__other">
                <a href={`#/tickets/${row.ticket}`}>#{row.ticket}</a> {row.viewer_name}
                <span class="muted"> · {row.agent_name}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </nav>
  );
}

interface SectionProps {
  title: string;
  count: number;
  alarm?: boolean;
  tool?: ComponentChildren;
  children: ComponentChildren;
}

/** Who waits longest first, or the steady order by number. */
function SortButton({ desk }: { desk: Desk }) {
  const { t } = useTexts();
  const waiting = useStore(desk.order) === 'waiting';
  return (
    <IconButton
      icon="sort"
      class="nav__sort"
      label={t.nav.sortWaiting}
      aria-pressed={waiting}
      onClick={() => desk.sort(waiting ? 'number' : 'waiting')}
    />
  );
}

function Section({ title, count, alarm, tool, children }: SectionProps) {
  return (
    <section class="nav__section">
      <h2 class="nav__title">
        {title}
        <span class="nav__count" data-alarm={alarm || undefined}>
          {count}
        </span>
      </h2>
      {tool}
      {children}
    </section>
  );
}

interface RowProps {
  desk: Desk;
  row: ConversationSummary;
  /** The server's time, ms. */
  now: number;
  selected: boolean;
  open: (conversation: ConversationId) => void;
}

function Wait({ since, now }: { since: number; now: number }) {
  const { t } = useTexts();
  const clock = formatElapsed(now - since);
  return (
    <span class="wait" data-urgency={urgency(now - since)} title={t.nav.waitsFor(clock)}>
      <Icon name="clock" size={12} />
      <span class="sl-visually-hidden">{t.nav.waiting} </span>
      {clock}
    </span>
  );
}

/** Somebody who waits: to be read along, or taken. */
function QueueRow({ desk, row, now, selected, open }: RowProps) {
  const { t } = useTexts();
  return (
    <li
      class="row row--queue"
      data-selected={selected || undefined}
      data-verdict={row.verdict !== undefined || undefined}
    >
      <button type="button" class="row__open" aria-current={selected ? 'true' : undefined} onClick={() => open(row.id)}>
        <span class="sl-visually-hidden">{t.nav.preview(row.ticket)}: </span>
        <Who row={row} />
        <span class="row__body">
          <span class="row__top">
            <span class="row__name">{row.viewer_name}</span>
            {row.lang !== '' && <span class="row__lang">{row.lang.split('-')[0]}</span>}
            <Wait since={waitsSince(row)} now={now} />
          </span>
          <span class="row__text">{row.last_text}</span>
          {row.verdict !== undefined && <VerdictChip verdict={row.verdict} class="row__verdict" />}
          <Marks row={row} now={now} drafted={false} />
        </span>
      </button>
      <Button small class="row__take" onClick={() => void desk.take(row.id)}>
        {t.nav.take(row.ticket)}
      </Button>
      <AcceptRequest desk={desk} row={row} selected={selected} />
    </li>
  );
}

/** Keeps the selected row in sight, as after a switch by keyboard. */
function useInSight(selected: boolean) {
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (selected) item.current?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  return item;
}

/** An own conversation. Its name begins with the ticket's number. */
function MineRow({ desk, row, now, place, selected, open }: RowProps & { place: number }) {
  const { t } = useTexts();
  const drafted = useStore(desk.drafted).has(row.id);
  const { peerTyping } = useStore(desk.session.chat(row.id).state);
  const unread = selected && !document.hidden ? 0 : row.unread;
  const item = useInSight(selected);
  return (
    <li ref={item} class="row row--mine" data-selected={selected || undefined} data-unread={unread > 0 || undefined}>
      <button
        type="button"
        class="row__open"
        aria-current={selected ? 'true' : undefined}
        aria-keyshortcuts={place <= 9 ? `Alt+${place}` : undefined}
        onClick={() => open(row.id)}
      >
        <span class="row__body">
          <span class="row__top">
            <span class="row__number">#{row.ticket}</span> <span class="row__name">{row.viewer_name}</span>
            {row.waiting_since_ms !== undefined && <Wait since={row.waiting_since_ms} now={now} />}
          </span>
          <span class={classes('row__text', peerTyping && 'row__text--typing')}>
            {peerTyping ? t.nav.typing : row.last_text}
          </span>
          {row.verdict !== undefined && <VerdictChip verdict={row.verdict} class="row__verdict" />}
          <Marks row={row} now={now} drafted={drafted} />
        </span>
        {unread > 0 && (
          <span class="row__unread">
            <span aria-hidden="true">{unread > 99 ? '99+' : unread}</span>
            <span class="sl-visually-hidden">{t.nav.unread(unread)}</span>
          </span>
        )}
        <Who row={row} />
      </button>
      <AcceptRequest desk={desk} row={row} selected={selected} />
    </li>
  );
}

/** The way from a row straight into the call that its viewer asks for. The open conversation has its own. */
function AcceptRequest({ desk, row, selected }: Pick<RowProps, 'desk' | 'row' | 'selected'>) {
  const { t } = useTexts();
  if (row.call_requested_at_ms === undefined || selected) return null;
  const label = t.nav.acceptRequestOf(row.ticket);
  return (
    <Button
      small
      icon="phone"
      class="row__accept"
      aria-label={label}
      title={label}
      onClick={() => void desk.acceptRequest(row)}
    >
      {t.actions.acceptRequest}
    </Button>
  );
}

/** The viewer's initial with a presence dot; the word beside the dot is in the marks or for the ear. */
function Who({ row }: { row: ConversationSummary }) {
  const { t } = useTexts();
  return (
    <span class="who" data-on={row.viewer_online || undefined} title={row.viewer_online ? t.nav.online : t.nav.away}>
      <Avatar name={row.viewer_name} />
      <span class="sl-visually-hidden">{row.viewer_online ? t.nav.online : t.nav.away}</span>
    </span>
  );
}

function Marks({ row, now, drafted }: { row: ConversationSummary; now: number; drafted: boolean }) {
  const { t } = useTexts();
  const { stage, viewer } = row.call ?? {};
  const since = row.status === 'waiting' ? waitsSince(row) : row.waiting_since_ms;
  const wait = since === undefined ? 'calm' : urgency(now - since);
  return (
    <span class="row__marks">
      <span class="presence" data-on={row.viewer_online || undefined} aria-hidden="true">
        {row.viewer_online ? t.nav.online : t.nav.away}
      </span>
      {stage === 'invited' && <Badge tone="info">{t.nav.invited}</Badge>}
      {stage === 'connecting' && <Badge tone="live">{t.nav.connecting}</Badge>}
      {stage === 'live' && (
        <Badge tone="live" icon={row.call?.surface === 'audio' ? 'phone' : 'screen'}>
          {t.nav.live}
        </Badge>
      )}
      {viewer?.away_since_ms !== undefined && stage !== 'ended' && (
        <Badge tone="warn" icon="offline">
          {t.nav.connectionLost}
        </Badge>
      )}
      {row.call_requested_at_ms !== undefined && (
        <Badge tone="accent" icon="phone">
          {t.nav.asksForCall}
        </Badge>
      )}
      {wait !== 'calm' && (
        <Badge tone={wait === 'late' ? 'danger' : 'warn'} icon={wait === 'late' ? 'warning' : 'clock'}>
          {wait === 'late' ? t.nav.lateWait : t.nav.longWait}
        </Badge>
      )}
      {drafted && <Badge tone="warn">{t.nav.draft}</Badge>}
      {row.sample && <Badge>{t.nav.sample}</Badge>}
    </span>
  );
}
