// Owns the strip plot of connect times: a dot per call, warm above cold, with the median marked.

import { milliseconds } from '../console/format.ts';
import type { OpsCall } from '../protocol/generated.ts';
import { roundUp, type Strip, strips, type Until } from './history.ts';
import type { OpsTexts } from './texts.ts';

/** Drawing units; the picture scales to its place. */
const WIDTH = 640;
const ROW = 56;
const LEFT = 8;
const RIGHT = 24;
const AXIS = 26;
/** The scale is never shorter than this, ms, so that a handful of fast calls does not look scattered. */
const SCALE_MS_MIN = 200;

/** Connect times of the recent calls. */
export function StripPlot({ calls, until, t }: { calls: readonly OpsCall[]; until: Until; t: OpsTexts }) {
  const rows = strips(calls, until).filter((row) => row.values.length > 0);
  if (rows.length === 0) return until === 'first' ? <p class="muted">{t.strip.empty}</p> : null;
  const top = roundUp(Math.max(...rows.map((row) => row.values.at(-1) ?? 0)), SCALE_MS_MIN);
  const x = (ms: number) => LEFT + (ms / top) * (WIDTH - LEFT - RIGHT);
  const height = rows.length * ROW + AXIS;
  return (
    <figure class="strip" aria-label={t.strip[until]}>
      <h3 class="strip__title">{t.strip[until]}</h3>
      <div class="strip__rows">
        {rows.map((row) => (
          <p key={row.mode} class="strip__label">
            <b>{t.calls[row.mode]}</b>
            <span class="muted">{t.strip.count(row.values.length)}</span>
            <span>
              {t.strip.median} <b>{milliseconds(row.median)}</b>
            </span>
            <span>
              {t.strip.worst} <b>{milliseconds(row.p95)}</b>
            </span>
          </p>
        ))}
      </div>
      <svg class="strip__plot" viewBox={`0 0 ${WIDTH} ${height}`} aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <g key={share}>
            <line class="strip__grid" x1={x(share * top)} x2={x(share * top)} y1={4} y2={rows.length * ROW} />
            <text class="strip__tick" x={x(share * top)} y={height - 8} text-anchor={share === 0 ? 'start' : 'middle'}>
              {milliseconds(share * top)}
            </text>
          </g>
        ))}
        {rows.map((row, index) => (
          <Dots key={row.mode} row={row} middle={index * ROW + ROW / 2} x={x} />
        ))}
      </svg>
      {until === 'first' && <figcaption class="muted">{t.strip.hint}</figcaption>}
    </figure>
  );
}

function Dots({ row, middle, x }: { row: Strip; middle: number; x: (ms: number) => number }) {
  return (
    <g class={`strip__row strip__row--${row.mode}`}>
      {row.median !== null && (
        <line class="strip__median" x1={x(row.median)} x2={x(row.median)} y1={middle - 22} y2={middle + 22} />
      )}
      {row.values.map((value, index) => (
        // Dots of equal times are spread up and down by their place, so that each is seen.
        <circle key={index} cx={x(value)} cy={middle + (((index * 7) % 5) - 2) * 6} r={4.5} />
      ))}
    </g>
  );
}
