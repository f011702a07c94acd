// Owns the table of connect steps: how long each took in the recent calls, as figures and as a bar.

import { milliseconds } from '../console/format.ts';
import { texts } from '../console/texts.ts';
import type { Lang } from '../i18n/i18n.ts';
import type { OpsCall } from '../protocol/generated.ts';
import { stepTimes } from './history.ts';
import type { OpsTexts } from './texts.ts';

/** The table; nothing when no step was measured. */
export function ConnectSteps({ calls, t, lang }: { calls: readonly OpsCall[]; t: OpsTexts; lang: Lang }) {
  const rows = stepTimes(calls);
  if (rows.length === 0) return null;
  const names = texts(lang).ticket.steps;
  const longest = Math.max(...rows.map((row) => row.p95), 1);
  const width = (ms: number) => `${(ms / longest) * 100}%`;
  return (
    <div class="table-scroll">
      <table class="table table--dense steps">
        <caption class="strip__title">{t.steps.title}</caption>
        <thead>
          <tr>
            <th scope="col">{t.steps.step}</th>
            <th scope="col">
              <span class="sl-visually-hidden">{t.steps.bar}</span>
            </th>
            <th scope="col" class="table__number">
              {t.strip.median}
            </th>
            <th scope="col" class="table__number">
              {t.strip.worst}
            </th>
            <th scope="col" class="table__number">
              {t.steps.count}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{names[row.name]}</th>
              <td class="steps__bar" aria-hidden="true">
                <span class="steps__worst" style={{ width: width(row.p95) }} />
                <span class="steps__median" style={{ width: width(row.median) }} />
              </td>
              <td class="table__number">{milliseconds(row.median)}</td>
              <td class="table__number">{milliseconds(row.p95)}</td>
              <td class="table__number">{row.count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
