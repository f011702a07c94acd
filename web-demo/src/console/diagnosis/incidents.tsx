// Owns incidents on the screen: what many viewers share, in one line with the tickets it is on, and the banner for agents.

import { useState } from 'preact/hooks';
import type { AgentSession } from '../../client/agent.ts';
import { formatTime } from '../../i18n/i18n.ts';
import type { Incident } from '../../protocol/generated.ts';
import { Icon, IconButton, useSelected } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { lookOf, sharePercent } from './facts.ts';
import { diagnosisNames, nameIn } from './names.ts';
import { diagnosisTexts } from './texts.ts';

/** Incidents of the banner at most; more are on the operations page. */
const BANNERS_MAX = 2;
/** Tickets named in a line at most; the others are counted. */
const TICKETS_MAX = 6;

/** What goes on, above everything, until it fades or is dismissed. */
export function IncidentBanner({ session }: { session: AgentSession }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang).incidents;
  const incidents = useSelected(session.state, (state) => state.incidents);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const open = incidents.filter(({ id, resolved_ms }) => resolved_ms === undefined && !dismissed.has(id));
  return (
    <div role="status">
      {open.slice(0, BANNERS_MAX).map((incident) => (
        <div key={incident.id} class="banner banner--danger incident">
          <Icon name={incident.cause === undefined ? 'warning' : lookOf(incident.cause).icon} size={16} />
          <span>
            <IncidentLine incident={incident} />
          </span>
          <IconButton
            icon="close"
            class="incident__dismiss"
            label={t.dismiss}
            onClick={() => setDismissed((before) => new Set(before).add(incident.id))}
          />
        </div>
      ))}
      {open.length > BANNERS_MAX && (
        <p class="banner banner--danger">
          <a href="/ops">{t.more(open.length - BANNERS_MAX)}</a>
        </p>
      )}
    </div>
  );
}

/** An incident in one line: whose trouble, who shares it, how many, since when, on which tickets. */
export function IncidentLine({ incident }: { incident: Incident }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang).incidents;
  const { cause, scope, key, affected, total, baseline, since_ms, resolved_ms } = incident;
  const title = cause === undefined ? t.unknown : nameIn(diagnosisNames(lang).cause, cause);
  return (
    <>
      <b>{title}</b> · {t.sentence(nameIn(t.scope, scope), key, affected, total)} ({t.usual(sharePercent(baseline))}) ·{' '}
      {t.since(formatTime(lang, since_ms))}
      {resolved_ms !== undefined && `, ${t.until(formatTime(lang, resolved_ms))}`}
      {incident.tickets.length > 0 && (
        <>
          {' · '}
          {t.tickets} <IncidentTickets tickets={incident.tickets} />
        </>
      )}
    </>
  );
}

function IncidentTickets({ tickets }: { tickets: readonly number[] }) {
  const { lang } = useTexts();
  const more = tickets.length - TICKETS_MAX;
  return (
    <span class="incident__tickets">
      {tickets.slice(0, TICKETS_MAX).map((ticket) => (
        <a key={ticket} href={`/agent#/tickets/${ticket}`}>
          #{ticket}
        </a>
      ))}
      {more > 0 && <span>{diagnosisTexts(lang).incidents.more(more)}</span>}
    </span>
  );
}
