// Owns the drawing of how a call connected: a bar per step on one line, and the same as a table.

import type { Connect } from '../../protocol/generated.ts';
import { Badge } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { milliseconds } from '../format.ts';
import { type Actor, bars, steps } from '../telemetry/waterfall.ts';

interface WaterfallProps {
  connect: Connect;
  /** Whether the viewer accepted: only then was a picture to be expected. */
  accepted: boolean;
}

/** How a call connected. */
export function Waterfall({ connect, accepted }: WaterfallProps) {
  const { t } = useTexts();
  const placed = bars(steps(connect));
  if (placed.length === 0) return <p class="muted">{t.ticket.noPhases}</p>;
  const actors = (['setup', 'person', 'media'] as const).filter((actor) => placed.some((bar) => bar.actor === actor));
  return (
    <div class="waterfall">
      {accepted && <ConnectHeadline connect={connect} />}
      <table class="waterfall__table">
        <thead class="sl-visually-hidden">
          <tr>
            <th scope="col">{t.ticket.phase}</th>
            <th scope="col">{t.ticket.after}</th>
            <th scope="col">{t.ticket.takes}</th>
          </tr>
        </thead>
        <tbody>
          {placed.map((bar) => (
            <tr key={bar.name}>
              <th scope="row" class="waterfall__name">
                {t.ticket.steps[bar.name]}
              </th>
              <td class="waterfall__line">
                <span class="sl-visually-hidden">{milliseconds(bar.from_ms)}</span>
                <span
                  class={`waterfall__bar waterfall__bar--${bar.actor}`}
                  style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
                  title={`${milliseconds(bar.from_ms)} + ${milliseconds(bar.length_ms)}`}
                />
              </td>
              <td class="waterfall__ms">{milliseconds(bar.length_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="waterfall__legend">
        {actors.map((actor: Actor) => (
          <span key={actor} class="waterfall__key">
            <span class={`waterfall__chip waterfall__bar--${actor}`} aria-hidden="true" />
            {t.ticket.actor[actor]}
          </span>
        ))}
        {actors.includes('person') && <span>{t.ticket.shortened}</span>}
      </p>
    </div>
  );
}

/** The one figure that counts, and whether the path was warm. */
function ConnectHeadline({ connect }: { connect: Connect }) {
  const { t } = useTexts();
  return (
    <p class="waterfall__headline">
      <span class="muted">{t.ticket.consentToFirstFrame}</span>
      <strong>
        {connect.consent_to_first_frame_ms === null
          ? t.ticket.noFirstFrame
          : milliseconds(connect.consent_to_first_frame_ms)}
      </strong>
      {connect.consent_to_legible_ms !== null && connect.consent_to_legible_ms !== undefined && (
        <span class="muted">
          {milliseconds(connect.consent_to_legible_ms)} {t.ticket.consentToLegible}
        </span>
      )}
      {connect.mode !== undefined && (
        <span title={t.ticket.modeHint[connect.mode]}>
          <Badge tone={connect.mode === 'warm' ? 'accent' : 'neutral'}>{t.ticket.mode[connect.mode]}</Badge>
        </span>
      )}
    </p>
  );
}
