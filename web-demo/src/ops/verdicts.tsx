// Owns what the operations page says about diagnosis: incidents of late, and how often verdicts were right by the agents' words.

import { readAccuracy, readIncidents } from '../client/diagnosis.ts';
import { sharePercent } from '../console/diagnosis/facts.ts';
import { IncidentLine } from '../console/diagnosis/incidents.tsx';
import { diagnosisNames } from '../console/diagnosis/names.ts';
import { type DiagnosisTexts, diagnosisTexts } from '../console/diagnosis/texts.ts';
import { ABSENT } from '../console/format.ts';
import { useLoaded } from '../console/load.ts';
import type { Lang } from '../i18n/i18n.ts';
import { Badge } from '../ui/ui.tsx';
import { type CauseShares, causeShares, macro, WORDS_MIN } from './accuracy.ts';

/** How often incidents are read, ms: they are counted over minutes. */
const INCIDENTS_MS = 10_000;
/** How often the words are read, ms: agents give a few an hour. */
const ACCURACY_MS = 30_000;

interface SectionProps {
  lang: Lang;
  /** API key, where the page was opened by one. */
  bearer: string | undefined;
}

/** What many viewers shared of late. */
export function IncidentList({ lang, bearer }: SectionProps) {
  const t = diagnosisTexts(lang).incidents;
  const { loaded } = useLoaded(
    `incidents ${bearer}`,
    (signal) => readIncidents({ signal, ...(bearer === undefined ? {} : { bearer }) }),
    INCIDENTS_MS,
  );
  return (
    <section class="sl-card" aria-labelledby="incidents">
      <h2 id="incidents" class="ops__section">
        {t.region}
      </h2>
      {loaded.state === 'failed' && <p class="muted">{t.failed}</p>}
      {loaded.state === 'ready' && loaded.value.list.length === 0 && <p class="muted">{t.none}</p>}
      {loaded.state === 'ready' && (
        <ul class="incidents">
          {loaded.value.list.map((incident) => (
            <li key={incident.id} class="incidents__one">
              {incident.resolved_ms === undefined ? (
                <Badge tone="danger" icon="warning">
                  {t.running}
                </Badge>
              ) : (
                <Badge icon="check">{t.over}</Badge>
              )}
              <span>
                <IncidentLine incident={incident} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Precision and recall of each cause. */
export function AccuracyTable({ lang, bearer }: SectionProps) {
  const t = diagnosisTexts(lang).accuracy;
  const { loaded } = useLoaded(
    `accuracy ${bearer}`,
    (signal) => readAccuracy({ signal, ...(bearer === undefined ? {} : { bearer }) }),
    ACCURACY_MS,
  );
  return (
    <section class="sl-card" aria-labelledby="accuracy">
      <h2 id="accuracy" class="ops__section">
        {t.title}
      </h2>
      {loaded.state === 'failed' && <p class="muted">{t.failed}</p>}
      {loaded.state === 'ready' && <p class="muted">{told(loaded.value.judged, t)}</p>}
      {loaded.state === 'ready' && loaded.value.judged > 0 && <Table rows={causeShares(loaded.value)} lang={lang} />}
    </section>
  );
}

function told(judged: number, t: DiagnosisTexts['accuracy']): string {
  if (judged === 0) return t.none;
  return judged < WORDS_MIN ? t.few(judged, WORDS_MIN) : t.judged(judged);
}

function Table({ rows, lang }: { rows: readonly CauseShares[]; lang: Lang }) {
  const t = diagnosisTexts(lang).accuracy;
  const names = diagnosisNames(lang).cause;
  const share = (value: number | null) => (value === null ? ABSENT : sharePercent(value));
  return (
    <div class="table-scroll">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t.cause}</th>
            <th scope="col" class="table__number">
              {t.said}
            </th>
            <th scope="col" class="table__number">
              {t.right}
            </th>
            <th scope="col" class="table__number">
              {t.was}
            </th>
            <th scope="col" class="table__number" title={t.precisionHint}>
              {t.precision}
            </th>
            <th scope="col" class="table__number" title={t.recallHint}>
              {t.recall}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.cause}>
              <th scope="row">{names[row.cause]}</th>
              <td class="table__number">{row.said}</td>
              <td class="table__number">{row.right}</td>
              <td class="table__number">{row.was}</td>
              <td class="table__number">{share(row.precision)}</td>
              <td class="table__number">{share(row.recall)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">{t.macro}</th>
            <td colSpan={3} />
            <td class="table__number">{share(macro(rows, 'precision'))}</td>
            <td class="table__number">{share(macro(rows, 'recall'))}</td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}
