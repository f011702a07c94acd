// Owns the list of tickets: filter by status, pages of older ones, and what it says when there is nothing or no answer.

import { useState } from 'preact/hooks';
import { ApiFailure, listTickets } from '../../client/api.ts';
import { formatDateTime } from '../../i18n/i18n.ts';
import type { ConversationStatus, TicketSummary } from '../../protocol/generated.ts';
import { Badge, Button, Empty, Notice, type Tone } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { ABSENT } from '../format.ts';
import { useLoaded } from '../load.ts';
import { ticketHref } from '../route.ts';
import { Stars } from './stars.tsx';
import { Failed, Skeleton } from './states.tsx';

/** Rows a page: more than a screen, less than a second to read from a phone's line. */
const PAGE_ROWS = 50;
/** How often the first page is read again, ms. */
const REFRESH_MS = 10_000;

type Filter = ConversationStatus | 'any';
const FILTERS: readonly Filter[] = ['any', 'waiting', 'taken', 'resolved'];
/** Looks of each status; the word always stands beside. */
export const STATUS_TONE: Record<ConversationStatus, Tone> = { waiting: 'warn', taken: 'info', resolved: 'good' };

/** The page `#/tickets`. */
export function TicketList() {
  const { t } = useTexts();
  const [filter, setFilter] = useState<Filter>('any');
  return (
    <main class="page" aria-labelledby="tickets-title" tabIndex={-1}>
      <header class="page__head">
        <h1 id="tickets-title" class="page__title">
          {t.tickets.title}
        </h1>
        <fieldset class="segments">
          <legend class="sl-visually-hidden">{t.tickets.filter}</legend>
          {FILTERS.map((one) => (
            <label key={one} class="segments__one">
              <input type="radio" name="status" checked={one === filter} onChange={() => setFilter(one)} />
              <span>{one === 'any' ? t.tickets.any : t.tickets.status[one]}</span>
            </label>
          ))}
        </fieldset>
      </header>
      <Pages key={filter} filter={filter} />
    </main>
  );
}

function query(filter: Filter, before?: number) {
  return { limit: PAGE_ROWS, before, status: filter === 'any' ? undefined : filter };
}

/** The first page follows the desk; older ones are added below on demand. */
function Pages({ filter }: { filter: Filter }) {
  const { t } = useTexts();
  const { loaded, again } = useLoaded(filter, (signal) => listTickets(query(filter), { signal }), REFRESH_MS);
  const [older, setOlder] = useState<readonly TicketSummary[]>([]);
  const [cursor, setCursor] = useState<number | null | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  if (loaded.state === 'loading') return <Skeleton rows={8} />;
  if (loaded.state === 'failed') return <Failed title={t.tickets.failed} failure={loaded.failure} again={again} />;

  const first = loaded.value.tickets;
  const next = cursor === undefined ? loaded.value.next_before : (cursor ?? undefined);
  const more = async () => {
    if (next === undefined) return;
    setBusy(true);
    try {
      const page = await listTickets(query(filter, next));
      setOlder((rows) => [...rows, ...page.tickets]);
      setCursor(page.next_before ?? null);
      setFailure(null);
    } catch (error) {
      setFailure(error instanceof ApiFailure ? error : new ApiFailure(0, undefined, String(error)));
    }
    setBusy(false);
  };
  if (first.length === 0) {
    return (
      <Empty icon="chat" title={t.tickets.empty}>
        <p>{t.tickets.emptyHint}</p>
      </Empty>
    );
  }
  const numbers = new Set(first.map((ticket) => ticket.number));
  return (
    <>
      {(loaded.failure ?? failure) !== null && <Notice tone="warn">{t.tickets.failed}</Notice>}
      <Rows tickets={[...first, ...older.filter((ticket) => !numbers.has(ticket.number))]} />
      {next !== undefined && (
        <p class="page__more">
          <Button busy={busy} onClick={() => void more()}>
            {t.tickets.more}
          </Button>
        </p>
      )}
    </>
  );
}

function Rows({ tickets }: { tickets: readonly TicketSummary[] }) {
  const { t } = useTexts();
  return (
    <div class="table-scroll">
      <table class="table tickets">
        <thead>
          <tr>
            <th scope="col">{t.tickets.number}</th>
            <th scope="col">{t.tickets.subject}</th>
            <th scope="col">{t.tickets.filter}</th>
            <th scope="col" class="tickets__wide">
              {t.tickets.agent}
            </th>
            <th scope="col" class="tickets__wide table__number">
              {t.tickets.calls}
            </th>
            <th scope="col">{t.tickets.rating}</th>
            <th scope="col" class="tickets__wide">
              {t.tickets.updated}
            </th>
          </tr>
        </thead>
        <tbody>
          {tickets.map((ticket) => (
            <Row key={ticket.number} ticket={ticket} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ ticket }: { ticket: TicketSummary }) {
  const { lang, t } = useTexts();
  return (
    <tr class="tickets__row">
      <th scope="row" class="tickets__number">
        <a href={ticketHref(ticket.number)} aria-label={t.thread.ticket(ticket.number)}>
          #{ticket.number}
        </a>
      </th>
      <td class="tickets__subject">
        <span class="tickets__text" title={ticket.subject}>
          {ticket.subject}
        </span>
        <span class="tickets__who">
          {ticket.viewer_name}
          {ticket.sample && <Badge>{t.tickets.sample}</Badge>}
        </span>
      </td>
      <td>
        <Badge tone={STATUS_TONE[ticket.status]}>{t.tickets.status[ticket.status]}</Badge>
      </td>
      <td class="tickets__wide tickets__agent">{ticket.agent_name ?? <span class="muted">{t.tickets.nobody}</span>}</td>
      <td class="tickets__wide table__number">{ticket.call_count === 0 ? ABSENT : ticket.call_count}</td>
      <td>{ticket.rating === undefined ? <span class="muted">{ABSENT}</span> : <Stars score={ticket.rating} />}</td>
      <td class="tickets__wide tickets__time">{formatDateTime(lang, ticket.updated_at_ms)}</td>
    </tr>
  );
}
