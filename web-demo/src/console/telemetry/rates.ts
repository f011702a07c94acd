// Owns the arithmetic from one-second samples to what a chart draws: rates out of cumulative W3C counters, gaps where
// nothing was measured. Pure; knows nothing of charts, texts or the network.

import type { Call, LegSeries } from '../../protocol/generated.ts';

/** One sample as it came: server-clock `t` in ms and whatever was measured. */
export type Sample = Record<string, unknown> & { t: number };

/** A drawn line's values, one per entry of the common time axis; `null` is "not measured", never 0. */
export type Values = (number | null)[];

/** Columns over one common time axis, ready for a chart. */
export interface Columns<Key extends string> {
  /** Seconds since the Unix epoch, ascending. */
  readonly seconds: number[];
  /** A column per key. */
  readonly values: Readonly<Record<Key, Values>>;
}

/** Longest distance between two call samples over which a rate still means something, ms: one lost sample. */
export const CALL_GAP_MS_MAX = 2_500;
/** The same for the player, which is sampled every 10 s outside calls, ms. */
export const PLAYER_GAP_MS_MAX = 25_000;
/** Most points of one chart; longer calls are thinned. Eight screens' width of pixels is more than anyone can see. */
export const POINTS_MAX = 16_000;

/** Lines of the call timeline: metric and the place it was measured at. */
export type CallKey =
  | 'kbps_viewer_up'
  | 'kbps_server_in'
  | 'kbps_server_out'
  | 'kbps_agent_down'
  | 'fps_viewer_up'
  | 'fps_agent_down'
  | 'rtt_viewer_up'
  | 'rtt_server_in'
  | 'rtt_server_out'
  | 'rtt_agent_down'
  | 'loss_viewer_up'
  | 'loss_server_in'
  | 'loss_server_out'
  | 'loss_agent_down';

/** Lines of the player timeline. */
export type PlayerKey = 'buffer_s' | 'stalled_percent' | 'dropped_percent';

/** Reads a nested member such as `video.bytesSent`; anything but a finite number is `null`. */
export function numberAt(sample: Sample | undefined, path: string): number | null {
  let value: unknown = sample;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return null;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Reads a nested member that is text, else `null`. */
export function textAt(sample: Sample | undefined, path: string): string | null {
  let value: unknown = sample;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return null;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Samples in time order, one per second; a repeated second keeps the later one. */
export function ordered(samples: readonly Sample[]): Sample[] {
  const bySecond = new Map<number, Sample>();
  for (const sample of samples) {
    if (Number.isFinite(sample.t)) bySecond.set(Math.round(sample.t / 1000), sample);
  }
  return [...bySecond.entries()].sort((a, b) => a[0] - b[0]).map(([, sample]) => sample);
}

/**
 * Growth of a cumulative counter between two samples, or `null` when either lacks it, when they are too far apart or
 * when the counter went backwards (a restarted source counts from 0 again, and nobody knows what was lost between).
 */
export function growth(before: Sample | undefined, now: Sample, path: string, gapMsMax: number): number | null {
  if (before === undefined) return null;
  const elapsed = now.t - before.t;
  if (elapsed <= 0 || elapsed > gapMsMax) return null;
  const from = numberAt(before, path);
  const to = numberAt(now, path);
  if (from === null || to === null || to < from) return null;
  return to - from;
}

/** Growth per second. */
export function perSecond(before: Sample | undefined, now: Sample, path: string, gapMsMax: number): number | null {
  const grown = growth(before, now, path, gapMsMax);
  return grown === null || before === undefined ? null : grown / ((now.t - before.t) / 1000);
}

function kbps(before: Sample | undefined, now: Sample, path: string): number | null {
  const bytes = perSecond(before, now, path, CALL_GAP_MS_MAX);
  return bytes === null ? null : (bytes * 8) / 1000;
}

/**
 * Lost share in percent between two samples. `packetsLost` may shrink by itself (RFC 3550 counts late packets back), so a
 * small step back is no loss, while a step back of the packet counter is a restart.
 */
function lossPercent(
  before: Sample | undefined,
  now: Sample,
  lost: string,
  passed: string,
  passedIncludesLost: boolean,
): number | null {
  const packets = growth(before, now, passed, CALL_GAP_MS_MAX);
  const from = numberAt(before, lost);
  const to = numberAt(now, lost);
  if (packets === null || from === null || to === null) return null;
  const gone = Math.max(0, to - from);
  const whole = passedIncludesLost ? packets : packets + gone;
  return whole <= 0 ? null : Math.min(100, (gone / whole) * 100);
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}

function firstOf(...candidates: (number | null)[]): number | null {
  return candidates.find((value) => value !== null) ?? null;
}

/** What one second says of each line; a line that is left out was not measured in it. */
export type Row<Key extends string> = Partial<Record<Key, number | null>>;

function viewerUpRow(before: Sample | undefined, now: Sample): Row<CallKey> {
  return {
    kbps_viewer_up: kbps(before, now, 'video.bytesSent'),
    fps_viewer_up: firstOf(
      perSecond(before, now, 'video.framesSent', CALL_GAP_MS_MAX),
      perSecond(before, now, 'video.framesEncoded', CALL_GAP_MS_MAX),
    ),
    rtt_viewer_up: scaled(
      firstOf(numberAt(now, 'pair.currentRoundTripTime'), numberAt(now, 'video.roundTripTime')),
      1000,
    ),
    loss_viewer_up: firstOf(
      lossPercent(before, now, 'video.packetsLost', 'video.packetsSent', true),
      scaled(numberAt(now, 'video.fractionLost'), 100),
    ),
  };
}

function agentDownRow(before: Sample | undefined, now: Sample): Row<CallKey> {
  return {
    kbps_agent_down: kbps(before, now, 'video.bytesReceived'),
    fps_agent_down: perSecond(before, now, 'video.framesDecoded', CALL_GAP_MS_MAX),
    rtt_agent_down: scaled(numberAt(now, 'pair.currentRoundTripTime'), 1000),
    loss_agent_down: lossPercent(before, now, 'video.packetsLost', 'video.packetsReceived', false),
  };
}

function serverRow(before: Sample | undefined, now: Sample): Row<CallKey> {
  return {
    kbps_server_in: kbps(before, now, 'in.bytes'),
    kbps_server_out: kbps(before, now, 'out.bytes'),
    rtt_server_in: numberAt(now, 'in.rtt_ms'),
    rtt_server_out: numberAt(now, 'out.rtt_ms'),
    loss_server_in: lossPercent(before, now, 'in.lost', 'in.packets', false),
    loss_server_out: scaled(numberAt(now, 'out.loss'), 100),
  };
}

/** How a second of each leg of a call is read. */
export const CALL_ROWS: Readonly<Partial<Record<string, (before: Sample | undefined, now: Sample) => Row<CallKey>>>> = {
  viewer_up: viewerUpRow,
  agent_down: agentDownRow,
  server: serverRow,
};

const CALL_KEYS: readonly CallKey[] = [
  'kbps_viewer_up',
  'kbps_server_in',
  'kbps_server_out',
  'kbps_agent_down',
  'fps_viewer_up',
  'fps_agent_down',
  'rtt_viewer_up',
  'rtt_server_in',
  'rtt_server_out',
  'rtt_agent_down',
  'loss_viewer_up',
  'loss_server_in',
  'loss_server_out',
  'loss_agent_down',
];
const PLAYER_KEYS: readonly PlayerKey[] = ['buffer_s', 'stalled_percent', 'dropped_percent'];

/** The one common timeline of a call: every leg on the same seconds. */
export function callColumns(legs: readonly LegSeries[]): Columns<CallKey> {
  const rows = new Map<number, Row<CallKey>>();
  for (const { leg, series } of legs) {
    const row = CALL_ROWS[leg];
    if (row !== undefined) addRows(rows, ordered(series.samples), row);
  }
  return toColumns(rows, CALL_KEYS, CALL_GAP_MS_MAX);
}

/** The player's timeline: buffer ahead, share of time stalled, share of frames dropped. */
export function playerColumns(samples: readonly Sample[]): Columns<PlayerKey> {
  const rows = new Map<number, Row<PlayerKey>>();
  addRows(rows, ordered(samples), (before, now) => ({
    buffer_s: numberAt(now, 'bufferedAheadS'),
    stalled_percent: stalledPercent(before, now),
    dropped_percent: droppedPercent(before, now),
  }));
  return toColumns(rows, PLAYER_KEYS, PLAYER_GAP_MS_MAX);
}

/** Share of the time between two samples of the player in which it waited for data, percent. */
export function stalledPercent(before: Sample | undefined, now: Sample): number | null {
  const ms = perSecond(before, now, 'stalledMs', PLAYER_GAP_MS_MAX);
  return ms === null ? null : Math.min(100, ms / 10);
}

/** Share of the frames between two samples of the player that were dropped, percent. */
export function droppedPercent(before: Sample | undefined, now: Sample): number | null {
  const dropped = growth(before, now, 'droppedVideoFrames', PLAYER_GAP_MS_MAX);
  const total = growth(before, now, 'totalVideoFrames', PLAYER_GAP_MS_MAX);
  if (dropped === null || total === null || total <= 0) return null;
  return Math.min(100, (dropped / total) * 100);
}

/** Puts what each sample says into the row of its second. */
export function addRows<Key extends string>(
  rows: Map<number, Row<Key>>,
  samples: readonly Sample[],
  row: (before: Sample | undefined, now: Sample) => Row<Key>,
): void {
  let before: Sample | undefined;
  for (const now of samples) {
    const second = Math.round(now.t / 1000);
    rows.set(second, { ...rows.get(second), ...row(before, now) });
    before = now;
  }
}

/** Rows by their second as columns, with a gap wherever longer than `gapMsMax` nothing was measured. */
export function toColumns<Key extends string>(
  rows: Map<number, Row<Key>>,
  keys: readonly Key[],
  gapMsMax: number,
): Columns<Key> {
  const measured = [...rows.keys()].sort((a, b) => a - b);
  const stride = Math.max(1, Math.ceil(measured.length / POINTS_MAX));
  const seconds: number[] = [];
  const values = Object.fromEntries(keys.map((key) => [key, [] as Values])) as Record<Key, Values>;
  let previous: number | undefined;
  for (let index = 0; index < measured.length; index += stride) {
    const second = measured[index] as number;
    if (previous !== undefined && (second - previous) * 1000 > gapMsMax * stride) {
      seconds.push((previous + second) / 2);
      for (const key of keys) values[key].push(null);
    }
    seconds.push(second);
    const row = rows.get(second);
    for (const key of keys) values[key].push(row?.[key] ?? null);
    previous = second;
  }
  return { seconds, values };
}

/** Middle and extremes of a line, for the text beside a chart; `null` when nothing was measured. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** How many seconds were measured. */
  readonly count: number;
}

/** Summarises a column. */
export function spread(values: Values): Spread | null {
  const known = values.filter((value): value is number => value !== null).sort((a, b) => a - b);
  const count = known.length;
  if (count === 0) return null;
  return {
    min: known[0] as number,
    median: known[Math.floor((count - 1) / 2)] as number,
    max: known[count - 1] as number,
    count,
  };
}

/** Whether a call has anything to draw. */
export function hasSamples(call: Call): boolean {
  return call.legs.some(({ series }) => series.samples.length > 0);
}
