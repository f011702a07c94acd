// Owns the drawing of a timeline: a chart per measure, one under the other, with one time axis, one cursor and one zoom,
// and beside them the same figures as a table for those who do not see lines.

import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { localeOf } from '../../i18n/i18n.ts';
import { isDark, theme } from '../../ui/theme.ts';
import { useTexts } from '../context.ts';
import { ABSENT } from '../format.ts';
import { type Columns, spread, type Values } from '../telemetry/rates.ts';
import type { Sight } from '../telemetry/spans.ts';
import { MarkRow, type Over, SpanRow } from './over.tsx';

/** A line: told apart by colour and by dash. */
export interface LaneLine<Key extends string> {
  /** Column it draws. */
  readonly key: Key;
  /** Where it was measured. */
  readonly label: string;
  /** Number of the token `--sl-chart-N`. */
  readonly color: 1 | 2 | 3 | 4 | 5 | 6;
  /** Dash pattern in CSS pixels; absent for a full line. */
  readonly dash?: readonly number[];
}

/** One measure. */
export interface Lane<Key extends string> {
  /** Stable name. */
  readonly id: string;
  /** What is measured, with its unit in the values. */
  readonly title: string;
  /** Writes a value with its unit. */
  readonly write: (value: number | null) => string;
  /** Upper end of an idle lane's scale, so that noise near 0 does not look like trouble. */
  readonly floor: number;
  /** Its lines. */
  readonly lines: readonly LaneLine<Key>[];
}

/** Height of a lane's plot, CSS pixels, and of the time axis under the last one. */
const LANE_PX = 84;
const AXIS_PX = 26;
/** Width of the values at the left, CSS pixels: the same for all lanes, so that seconds stand under each other. */
export const VALUES_PX = 64;
/** Room at the right of a plot, CSS pixels. */
export const END_PX = 10;

interface LanesProps<Key extends string> {
  /** Accessible name of the figure. */
  label: string;
  columns: Columns<Key>;
  lanes: readonly Lane<Key>[];
  /** Troubles, marks and the judged seconds, laid over the same time. */
  over?: Over;
  /** What is said under the lanes; how to read a chart unless told. */
  hint?: string;
}

/** The figure. Lanes without a single measured value and without a trouble are left out. */
export function Lanes<Key extends string>({ label, columns, lanes, over, hint }: LanesProps<Key>) {
  const { t } = useTexts();
  const look = useTheme();
  const drawn = useMemo(
    () => lanes.map((lane) => measured(lane, columns)).filter((lane) => lane.lines.length > 0 || troubled(lane, over)),
    [lanes, columns, over],
  );
  const sync = useRef(uPlot.sync(`lanes-${Math.random()}`)).current;
  const [sight, setSight] = useState<Sight | null>(null);
  const seen = useCallback(
    (next: Sight) => setSight((before) => (before !== null && sameSight(before, next) ? before : next)),
    [],
  );
  const last = drawn.findLastIndex((lane) => lane.lines.length > 0);
  return (
    <figure class="lanes" aria-label={label} data-look={look}>
      {over === undefined && <Legend lanes={drawn} />}
      {over !== undefined && sight !== null && <MarkRow over={over} sight={sight} />}
      {drawn.map((lane, index) => (
        <LanePlot
          key={`${lane.id} ${look}`}
          lane={lane}
          columns={columns}
          syncKey={sync.key}
          last={index === last}
          over={over}
          sight={sight}
          seen={seen}
        />
      ))}
      <figcaption class="lanes__hint">{hint ?? t.charts.hint}</figcaption>
      <Summary columns={columns} lanes={drawn} />
    </figure>
  );
}

function troubled<Key extends string>(lane: Lane<Key>, over: Over | undefined): boolean {
  return over?.spans.some((span) => span.lane === lane.id) === true;
}

function sameSight(a: Sight, b: Sight): boolean {
  return a.from_s === b.from_s && a.to_s === b.to_s && a.width === b.width;
}

function measured<Key extends string>(lane: Lane<Key>, columns: Columns<Key>): Lane<Key> {
  return { ...lane, lines: lane.lines.filter((line) => columns.values[line.key].some((value) => value !== null)) };
}

interface LanePlotProps<Key extends string> {
  lane: Lane<Key>;
  columns: Columns<Key>;
  syncKey: string;
  last: boolean;
  over: Over | undefined;
  /** What is in sight; `null` before the first drawing. */
  sight: Sight | null;
  /** Told what is in sight after each drawing. */
  seen: (sight: Sight) => void;
}

function LanePlot<Key extends string>({ lane, columns, syncKey, last, over, sight, seen }: LanePlotProps<Key>) {
  const { lang } = useTexts();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const readouts = useRef<(HTMLElement | null)[]>([]);
  const laid = useRef(over);
  laid.current = over;
  const shape = `${lane.lines.map((line) => line.key).join()} ${lang} ${last}`;

  useEffect(() => {
    const place = host.current;
    if (place === null || lane.lines.length === 0) return;
    const readOut = (index: number | null | undefined) => {
      lane.lines.forEach((line, number) => {
        const cell = readouts.current[number];
        if (cell) cell.textContent = lane.write(valueAt(plot.current, number + 1, index));
        cell?.toggleAttribute('data-live', index !== null && index !== undefined && line.key !== '');
      });
    };
    const options = plotOptions({
      lane,
      syncKey,
      last,
      locale: localeOf(lang),
      width: place.clientWidth,
      place,
      readOut,
      over: () => laid.current,
      seen,
    });
    plot.current = new uPlot(options, alignedData(lane, columns), place);
    readOut(null);
    const resized = new ResizeObserver(() => {
      if (place.clientWidth > 0) plot.current?.setSize({ width: place.clientWidth, height: options.height });
    });
    resized.observe(place);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    if (plot.current !== null) setDataInSight(plot.current, alignedData(lane, columns));
  }, [lane, columns]);
  useEffect(() => plot.current?.redraw(false), [over?.window?.from_ms, over?.window?.to_ms, over?.marks.length]);

  return (
    <div class="lane">
      <div class="lane__head">
        <span class="lane__title">{lane.title}</span>
        {lane.lines.map((line, index) => (
          <span class="lane__key" key={line.key} title={line.label}>
            <Swatch line={line} />
            {over !== undefined && line.label}
            <b
              class="lane__value"
              ref={(cell) => {
                readouts.current[index] = cell;
              }}
            >
              {ABSENT}
            </b>
          </span>
        ))}
      </div>
      {over !== undefined && sight !== null && <SpanRow lane={lane.id} title={lane.title} over={over} sight={sight} />}
      {lane.lines.length > 0 && <div class="lane__plot" ref={host} aria-hidden="true" />}
    </div>
  );
}

/** New samples, without taking away the part that somebody has zoomed to. */
function setDataInSight(plot: uPlot, data: uPlot.AlignedData): void {
  const { min, max } = plot.scales.x ?? {};
  const [first, last] = [plot.data[0][0], plot.data[0].at(-1)];
  // Without a scale nothing was drawn yet; around a single second the scale is wider than the data.
  const whole = typeof min !== 'number' || typeof max !== 'number' || (min <= (first ?? min) && max >= (last ?? max));
  plot.setData(data, whole);
  if (!whole) plot.redraw();
}

/** Names the lines once for all lanes; where every lane has one line there is nothing to tell apart. */
function Legend<Key extends string>({ lanes }: { lanes: readonly Lane<Key>[] }) {
  const lines = new Map(lanes.flatMap((lane) => lane.lines.map((line) => [line.label, line] as const)));
  if (lines.size < 2) return null;
  return (
    <p class="lanes__legend" aria-hidden="true">
      {[...lines.values()].map((line) => (
        <span class="lane__key" key={line.label}>
          <Swatch line={line} />
          {line.label}
        </span>
      ))}
    </p>
  );
}

/** The line as it is drawn, before its name. */
function Swatch<Key extends string>({ line }: { line: LaneLine<Key> }) {
  return (
    <svg class="lane__swatch" width="22" height="8" viewBox="0 0 22 8" aria-hidden="true">
      <line
        x1="1"
        x2="21"
        y1="4"
        y2="4"
        stroke={`var(--sl-chart-${line.color})`}
        stroke-width="2.4"
        stroke-dasharray={line.dash?.join(' ')}
      />
    </svg>
  );
}

function alignedData<Key extends string>(lane: Lane<Key>, columns: Columns<Key>): uPlot.AlignedData {
  return [columns.seconds, ...lane.lines.map((line) => columns.values[line.key])];
}

/** The value under the cursor; without a cursor the last one measured. */
function valueAt(plot: uPlot | null, series: number, index: number | null | undefined): number | null {
  const values = plot?.data[series];
  if (values === undefined) return null;
  if (index !== null && index !== undefined) return values[index] ?? null;
  for (let last = values.length - 1; last >= 0; last -= 1) {
    const value = values[last];
    if (typeof value === 'number') return value;
  }
  return null;
}

interface PlotOptions<Key extends string> {
  lane: Lane<Key>;
  syncKey: string;
  last: boolean;
  locale: string;
  width: number;
  place: HTMLElement;
  readOut: (index: number | null | undefined) => void;
  over: () => Over | undefined;
  seen: (sight: Sight) => void;
}

function plotOptions<Key extends string>(from: PlotOptions<Key>): uPlot.Options {
  const style = getComputedStyle(from.place);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const clock = new Intl.DateTimeFormat(from.locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const axis = { font, stroke: token('--sl-text-muted'), ticks: { show: false } };
  const grid = { stroke: token('--sl-chart-grid'), width: 1 };
  return {
    width: Math.max(1, from.width),
    height: LANE_PX + (from.last ? AXIS_PX : 0),
    padding: [6, END_PX, from.last ? 0 : 6, 0],
    legend: { show: false },
    cursor: {
      sync: { key: from.syncKey },
      points: { size: 7 },
      drag: { x: true, y: false },
    },
    scales: {
      x: { time: true },
      y: { range: (_plot, _min, max) => [0, Math.max(from.lane.floor, (max ?? 0) * 1.12)] },
    },
    axes: [
      {
        ...axis,
        show: from.last,
        size: AXIS_PX,
        space: 90,
        grid: { ...grid, show: true },
        values: (_plot, splits) => splits.map((second) => clock.format(second * 1000)),
      },
      {
        ...axis,
        size: VALUES_PX,
        space: 26,
        grid,
        values: (_plot, splits) => splits.map((value) => from.lane.write(value)),
      },
    ],
    series: [{}, ...from.lane.lines.map((line) => series(line, token(`--sl-chart-${line.color}`)))],
    hooks: {
      setCursor: [(plot) => from.readOut(plot.cursor.idx)],
      drawClear: [(plot) => shadeWindow(plot, from.over(), token('--sl-accent-soft'))],
      draw: [
        (plot) => {
          drawMarks(plot, from.over(), token('--sl-text-muted'));
          const { min, max } = plot.scales.x ?? {};
          if (typeof min !== 'number' || typeof max !== 'number') return;
          from.seen({ from_s: min, to_s: max, width: plot.over.clientWidth });
        },
      ],
    },
  };
}

/** The judged seconds, behind the lines. */
function shadeWindow(plot: uPlot, over: Over | undefined, fill: string): void {
  if (over === undefined || over.window === null) return;
  const { left, top, width, height } = plot.bbox;
  const edge = (ms: number) => Math.min(left + width, Math.max(left, plot.valToPos(ms / 1000, 'x', true)));
  const [from, to] = [edge(over.window.from_ms), edge(over.window.to_ms)];
  plot.ctx.save();
  plot.ctx.globalAlpha = 0.6;
  plot.ctx.fillStyle = fill;
  plot.ctx.fillRect(from, top, to - from, height);
  plot.ctx.restore();
}

/** A line for each mark; its name stands above the lanes. */
function drawMarks(plot: uPlot, over: Over | undefined, stroke: string): void {
  if (over === undefined) return;
  const { left, top, width, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.strokeStyle = stroke;
  plot.ctx.lineWidth = devicePixelRatio;
  plot.ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { at_ms } of over.marks) {
    const x = plot.valToPos(at_ms / 1000, 'x', true);
    if (x < left || x > left + width) continue;
    plot.ctx.beginPath();
    plot.ctx.moveTo(x, top);
    plot.ctx.lineTo(x, top + height);
    plot.ctx.stroke();
  }
  plot.ctx.restore();
}

function series<Key extends string>(line: LaneLine<Key>, stroke: string): uPlot.Series {
  const drawn: uPlot.Series = {
    label: line.label,
    stroke,
    width: 1.75,
    points: { size: 5, fill: stroke, filter: (plot, index) => lonely(plot.data[index] as Values | undefined) },
  };
  if (line.dash !== undefined) drawn.dash = [...line.dash];
  return drawn;
}

/** A second between two gaps has no line of its own: it is drawn as a point. */
function lonely(values: Values | undefined): number[] {
  const found: number[] = [];
  values?.forEach((value, index) => {
    if (value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null)
      found.push(index);
  });
  return found;
}

function Summary<Key extends string>({ columns, lanes }: { columns: Columns<Key>; lanes: readonly Lane<Key>[] }) {
  const { t } = useTexts();
  return (
    <details class="lanes__summary">
      <summary>{t.charts.summary}</summary>
      <div class="table-scroll">
        <table class="table table--dense">
          <thead>
            <tr>
              <th scope="col">{t.charts.measure}</th>
              <th scope="col">{t.charts.where}</th>
              <th scope="col" class="table__number">
                {t.charts.lowest}
              </th>
              <th scope="col" class="table__number">
                {t.charts.median}
              </th>
              <th scope="col" class="table__number">
                {t.charts.highest}
              </th>
              <th scope="col" class="table__number">
                {t.charts.seconds}
              </th>
            </tr>
          </thead>
          <tbody>
            {lanes.flatMap((lane) =>
              lane.lines.map((line) => {
                const figures = spread(columns.values[line.key]);
                return (
                  <tr key={line.key}>
                    <th scope="row">{lane.title}</th>
                    <td>{line.label}</td>
                    <td class="table__number">{lane.write(figures?.min ?? null)}</td>
                    <td class="table__number">{lane.write(figures?.median ?? null)}</td>
                    <td class="table__number">{lane.write(figures?.max ?? null)}</td>
                    <td class="table__number">{figures?.count ?? 0}</td>
                  </tr>
                );
              }),
            )}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** `dark` or `light`; a canvas does not follow the tokens by itself. */
function useTheme(): string {
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const changed = () => setDark(isDark());
    changed();
    return theme.subscribe(changed);
  }, []);
  return dark ? 'dark' : 'light';
}
