// Owns the page of one ticket: who and where, what was said, each call with how it connected and how it went, the player's
// health, and the rating.

import type { ComponentChildren } from 'preact';
import { readTicket, telemetryHref } from '../../client/api.ts';
import { readTelemetry, rtcstatsHref } from '../../client/diagnosis.ts';
import { endReasonTexts } from '../../i18n/common.ts';
import { formatDateTime, formatDuration, formatTime, localeOf } from '../../i18n/i18n.ts';
import type { Call, Entry, Ticket } from '../../protocol/generated.ts';
import { Badge, Button, Empty, Icon, Notice, useSelected } from '../../ui/ui.tsx';
import { teamCalls } from '../call/team.ts';
import { useTexts } from '../context.ts';
import type { Desk } from '../desk/desk.ts';
import { DiagnosisPanel } from '../diagnosis/panel.tsx';
import { diagnosisTexts } from '../diagnosis/texts.ts';
import { useDiagnosis } from '../diagnosis/use-diagnosis.ts';
import { eventText } from '../event-text.ts';
import { ABSENT, languageName, resolution } from '../format.ts';
import { useLoaded } from '../load.ts';
import { Picture } from '../pictures.tsx';
import { JoinButton, useWatch } from '../team.tsx';
import { DiagnosisTimeline } from './diagnosis-timeline.tsx';
import { STATUS_TONE } from './list.tsx';
import { Stars } from './stars.tsx';
import { Failed, Skeleton } from './states.tsx';
import { CallTimeline, PlayerTimeline } from './timelines.tsx';
import { Waterfall } from './waterfall.tsx';

/** How often an open ticket is read again, ms: blocks arrive every 5 s. */
const REFRESH_MS = 5_000;
/** And all of its samples, ms. */
const TELEMETRY_MS = 5_000;

/** The page `#/tickets/N`. */
export function TicketPage({ desk, number }: { desk: Desk; number: number }) {
  const { t } = useTexts();
  const { loaded, again } = useLoaded(`ticket ${number}`, (signal) => readTicket(number, { signal }), REFRESH_MS);
  return (
    <main class="page page--ticket" tabIndex={-1}>
      <section aria-label={t.ticket.region}>
        {loaded.state === 'loading' && <Skeleton rows={10} />}
        {loaded.state === 'failed' &&
          (loaded.failure.status === 404 ? (
            <Empty icon="info" title={t.ticket.notFound} />
          ) : (
            <Failed title={t.ticket.failed} failure={loaded.failure} again={again} />
          ))}
        {loaded.state === 'ready' && (
          <>
            {loaded.failure !== null && <Notice tone="warn">{t.ticket.failed}</Notice>}
            <TicketView desk={desk} ticket={loaded.value} />
          </>
        )}
      </section>
    </main>
  );
}

function TicketView({ desk, ticket }: { desk: Desk; ticket: Ticket }) {
  const { t } = useTexts();
  return (
    <div class="ticket">
      <Head desk={desk} ticket={ticket} />
      <div class="ticket__columns">
        <div class="ticket__main">
          <TicketDiagnosis desk={desk} ticket={ticket} />
          <h2 class="ticket__section">{t.ticket.calls}</h2>
          {ticket.calls.length === 0 && <p class="muted">{t.ticket.callsEmpty}</p>}
          {ticket.calls.map((call, index) => (
            <CallCard key={call.id} call={call} place={index + 1} />
          ))}
          <h2 class="ticket__section">{t.ticket.playerSection}</h2>
          <div class="sl-card">
            <PlayerTimeline series={ticket.player} />
          </div>
        </div>
        <aside class="ticket__aside">
          <h2 class="ticket__section">{t.ticket.timeline}</h2>
          <Timeline entries={ticket.timeline} />
        </aside>
      </div>
    </div>
  );
}

/** Why the picture stuttered, and everything that was measured on one axis. */
function TicketDiagnosis({ desk, ticket }: { desk: Desk; ticket: Ticket }) {
  const { lang, t } = useTexts();
  const { number, conversation, status } = ticket;
  const row = useSelected(desk.session.state, ({ conversations }) => conversations.get(conversation));
  const view = useDiagnosis(number, row?.verdict?.at_ms ?? 0);
  const { loaded } = useLoaded(
    `telemetry ${number}`,
    (signal) => readTelemetry(number, { signal }),
    status === 'resolved' ? null : TELEMETRY_MS,
  );
  return (
    <>
      <DiagnosisPanel desk={desk} ticket={number} row={row} view={view} wide />
      <h2 class="ticket__section">{diagnosisTexts(lang).timeline}</h2>
      <div class="sl-card">
        {loaded.state === 'loading' && <Skeleton rows={4} />}
        {loaded.state === 'failed' && <p class="muted">{t.ticket.failed}</p>}
        {loaded.state === 'ready' && <DiagnosisTimeline file={loaded.value} diagnosis={view.diagnosis} />}
      </div>
    </>
  );
}

/** The way into the call that runs on this ticket, when it is a colleague's. */
function JoinHere({ desk, ticket }: { desk: Desk; ticket: number }) {
  const { t } = useTexts();
  const row = useSelected(
    desk.session.state,
    (state) => teamCalls(state).find((one) => one.row.ticket === ticket)?.row,
  );
  const one = row && teamCalls(desk.session.state.get()).find((other) => other.row === row);
  useWatch(desk, one?.call.id);
  return one === undefined ? null : <JoinButton desk={desk} one={one} label={t.team.joinHere} />;
}

function Head({ desk, ticket }: { desk: Desk; ticket: Ticket }) {
  const { lang, t } = useTexts();
  return (
    <header class="ticket__head">
      <div class="ticket__top">
        <h1 class="page__title">{t.ticket.heading(ticket.number)}</h1>
        <Badge tone={STATUS_TONE[ticket.status]}>{t.tickets.status[ticket.status]}</Badge>
        {ticket.sample && <Badge>{t.tickets.sample}</Badge>}
        <JoinHere desk={desk} ticket={ticket.number} />
        <Raw number={ticket.number} />
      </div>
      <p class="ticket__subject">{ticket.subject}</p>
      <dl class="facts facts--row">
        <Fact name={t.tickets.viewer}>{ticket.viewer_name}</Fact>
        <Fact name={t.viewer.language}>{languageName(ticket.lang, localeOf(lang))}</Fact>
        <Fact name={t.tickets.agent}>{ticket.agent_name ?? t.tickets.nobody}</Fact>
        <Fact name={t.tickets.opened}>{formatDateTime(lang, ticket.opened_at_ms)}</Fact>
        <Fact name={t.tickets.updated}>{formatDateTime(lang, ticket.updated_at_ms)}</Fact>
        {ticket.page !== undefined && (
          <>
            <Fact name={t.viewer.page}>
              <span title={ticket.page.url}>{ticket.page.title || ticket.page.url}</span>
            </Fact>
            <Fact name={t.viewer.client}>{ticket.page.client || ABSENT}</Fact>
          </>
        )}
        {(ticket.rating !== undefined || ticket.status === 'resolved') && (
          <Fact name={t.ticket.rating}>
            {ticket.rating === undefined ? t.tickets.unrated : <Stars score={ticket.rating} />}
            {ticket.rating_comment ? <q class="ticket__comment">{ticket.rating_comment}</q> : null}
          </Fact>
        )}
      </dl>
    </header>
  );
}

/** What was measured, to be taken along: as a file, and on paper. */
function Raw({ number }: { number: number }) {
  const { lang, t } = useTexts();
  const texts = diagnosisTexts(lang);
  return (
    <div class="ticket__raw">
      <a
        class="sl-button sl-button--secondary sl-button--small"
        href={telemetryHref(number)}
        download={`ticket-${number}-telemetry.json`}
      >
        <Icon name="download" size={16} />
        {t.ticket.download}
      </a>
      <a
        class="sl-button sl-button--secondary sl-button--small"
        href={rtcstatsHref(number)}
        download={`ticket-${number}-rtcstats.txt`}
      >
        <Icon name="download" size={16} />
        {texts.rtcstats}
      </a>
      <Button small icon="print" onClick={() => print()}>
        {texts.print}
      </Button>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="facts__one">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** One call: what it was, how it connected, how it went. */
function CallCard({ call, place }: { call: Call; place: number }) {
  const { t } = useTexts();
  const title = `${t.ticket.call(place)}`;
  return (
    <article class="sl-card callcard" aria-label={title}>
      <header class="callcard__head">
        <h3 class="callcard__title">{title}</h3>
        <CallState call={call} />
      </header>
      <CallFacts call={call} />
      <div class="callcard__connect">
        <h4 class="callcard__sub">{t.ticket.connect}</h4>
        <Waterfall connect={call.connect} accepted={call.accepted_at_ms !== undefined} />
      </div>
      {call.accepted_at_ms !== undefined && <CallTimeline call={call} />}
    </article>
  );
}

function CallState({ call }: { call: Call }) {
  const { lang, t } = useTexts();
  if (call.end_reason !== undefined) return <Badge>{endReasonTexts(lang)[call.end_reason]}</Badge>;
  return (
    <Badge tone="live" icon="screen">
      {t.ticket.running}
    </Badge>
  );
}

function CallFacts({ call }: { call: Call }) {
  const { lang, t } = useTexts();
  const from = call.accepted_at_ms;
  const lasted = from === undefined || call.ended_at_ms === undefined ? undefined : call.ended_at_ms - from;
  const people = call.participants.map((one) => `${one.name} (${roleName(one.role, t.ticket.role)})`).join(', ');
  const { codec, width, height, viewer_path, agent_path } = call.media;
  const path =
    viewer_path === null && agent_path === null
      ? null
      : t.ticket.pathValue(pathName(viewer_path), pathName(agent_path));
  return (
    <dl class="facts facts--row">
      <Fact name={t.ticket.participants}>{people || ABSENT}</Fact>
      <Fact name={t.ticket.started}>{from === undefined ? t.ticket.notAccepted : formatDateTime(lang, from)}</Fact>
      {lasted !== undefined && <Fact name={t.ticket.lasted}>{formatDuration(lang, lasted)}</Fact>}
      {call.surface !== undefined && <Fact name={t.ticket.shared}>{t.call.surface[call.surface]}</Fact>}
      {codec !== null && <Fact name={t.ticket.codec}>{codec}</Fact>}
      {width !== null && <Fact name={t.ticket.resolution}>{resolution(width, height)}</Fact>}
      {path !== null && <Fact name={t.ticket.path}>{path}</Fact>}
    </dl>
  );
}

function roleName(role: string, names: { viewer: string; agent: string }): string {
  return role === 'viewer' || role === 'agent' ? names[role] : role;
}

function pathName(path: string | null): string {
  return path === null ? ABSENT : path.toUpperCase();
}

/** What was said and what happened, as it was numbered. */
function Timeline({ entries }: { entries: readonly Entry[] }) {
  const { lang, t } = useTexts();
  if (entries.length === 0) return <p class="muted">{t.ticket.timelineEmpty}</p>;
  return (
    <ol class="timeline">
      {entries.map((entry) => (
        <li key={entry.seq} class={`timeline__one timeline__one--${lineKind(entry)}`}>
          <time class="timeline__time" dateTime={new Date(entry.at_ms).toISOString()}>
            {formatTime(lang, entry.at_ms)}
          </time>
          <div class="timeline__text">
            {entry.body.kind === 'note' && (
              <span class="timeline__who">
                <Icon name="lock" size={12} /> {t.thread.noteBy(entry.author.name)}
              </span>
            )}
            {(entry.body.kind === 'message' || entry.body.kind === 'picture') && (
              <span class="timeline__who">{entry.author.name}</span>
            )}
            {entry.body.kind === 'picture' ? (
              <Picture body={entry.body} name={entry.author.name} />
            ) : (
              <p>{eventText(entry, lang)}</p>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

function lineKind({ author, body }: Entry): string {
  if (body.kind === 'note') return 'note';
  return body.kind === 'message' || body.kind === 'picture' ? author.kind : 'event';
}
