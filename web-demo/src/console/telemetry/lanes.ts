// Owns the way from a ticket's telemetry file to one timeline of all places that measured: player, segments, device, call and
// picture on the same seconds. Pure.

import type { TelemetryExport } from '../../protocol/generated.ts';
import {
  addRows,
  CALL_GAP_MS_MAX,
  CALL_ROWS,
  type CallKey,
  type Columns,
  droppedPercent,
  numberAt,
  ordered,
  PLAYER_GAP_MS_MAX,
  type Row,
  type Sample,
  stalledPercent,
  toColumns,
} from './rates.ts';

/** Lines of the diagnosis timeline. Shares are in percent, times in ms, the buffer in s. */
export type LaneKey =
  | 'stalled'
  | 'dropped'
  | 'buffer'
  | 'first_byte'
  | 'whole'
  | 'blocked'
  | 'loss_viewer_up'
  | 'loss_server_in'
  | 'loss_server_out'
  | 'loss_agent_down'
  | 'rtt_socket'
  | 'rtt_viewer_up'
  | 'rtt_agent_down'
  | 'frozen'
  | 'black'
  | 'damaged';

const KEYS: readonly LaneKey[] = [
  'stalled',
  'dropped',
  'buffer',
  'first_byte',
  'whole',
  'blocked',
  'loss_viewer_up',
  'loss_server_in',
  'loss_server_out',
  'loss_agent_down',
  'rtt_socket',
  'rtt_viewer_up',
  'rtt_agent_down',
  'frozen',
  'black',
  'damaged',
];

/** The samples of one lane of a file, wherever in it they stand: the player's, a call's legs, or the other lanes. */
export function laneSamples(file: TelemetryExport, lane: string): Sample[] {
  const beside: unknown = file.lanes?.[lane];
  const legs = file.calls.flatMap((call) => call.legs.filter(({ leg }) => leg === lane).map(({ series }) => series));
  return [
    ...(lane === 'player' ? file.player.samples : []),
    ...legs.flatMap(({ samples }) => samples),
    ...samplesOf(beside),
  ];
}

/** Samples as an array, or under `samples`; what is no sample is left out. */
function samplesOf(value: unknown): Sample[] {
  const list = Array.isArray(value) ? value : ((value as { samples?: unknown } | null | undefined)?.samples ?? []);
  if (!Array.isArray(list)) return [];
  return list.filter((one): one is Sample => typeof one === 'object' && one !== null && Number.isFinite(one.t));
}

/** All lanes of a file on one axis of time. */
export function laneColumns(file: TelemetryExport): Columns<LaneKey> {
  const rows = new Map<number, Row<LaneKey>>();
  addSpread(rows, laneSamples(file, 'player'), playerRow);
  for (const [second, row] of segmentRows(laneSamples(file, 'segments'))) {
    rows.set(second, { ...rows.get(second), ...row });
  }
  addSpread(rows, laneSamples(file, 'device'), deviceRow);
  addSpread(rows, laneSamples(file, 'picture'), pictureRow);
  for (const [leg, row] of Object.entries(CALL_ROWS)) {
    if (row === undefined) continue;
    addRows(rows, ordered(laneSamples(file, leg)), (before, now) => callPart(row(before, now)));
  }
  return toColumns(rows, KEYS, CALL_GAP_MS_MAX);
}

/** Of what a call's second says, the lines of this timeline. */
function callPart(row: Row<CallKey>): Row<LaneKey> {
  return Object.fromEntries(Object.entries(row).filter(([key]) => (KEYS as readonly string[]).includes(key)));
}

function playerRow(before: Sample | undefined, now: Sample): Row<LaneKey> {
  return {
    stalled: stalledPercent(before, now),
    dropped: droppedPercent(before, now),
    buffer: numberAt(now, 'bufferedAheadS'),
  };
}

function deviceRow(_before: Sample | undefined, now: Sample): Row<LaneKey> {
  const blocked = numberAt(now, 'blockedMs');
  return { blocked: blocked === null ? null : Math.min(100, blocked / 10), rtt_socket: numberAt(now, 'pingMs') };
}

function pictureRow(_before: Sample | undefined, now: Sample): Row<LaneKey> {
  const share = (name: string) => {
    const value = numberAt(now, name);
    return value === null ? null : value * 100;
  };
  const damages = ['corrupt', 'blocky', 'striped', 'banded', 'torn'].map(share).filter((one) => one !== null);
  return {
    frozen: share('frozen'),
    black: share('black'),
    damaged: damages.length === 0 ? null : Math.max(...damages),
  };
}

/** Segments by the second in which they were over; of several in one the slowest, since that is the one that is waited for. */
function segmentRows(segments: readonly Sample[]): Map<number, Row<LaneKey>> {
  const rows = new Map<number, Row<LaneKey>>();
  for (const one of segments) {
    if (one.cached === true) continue;
    const second = Math.round(one.t / 1000);
    const known = rows.get(second);
    rows.set(second, {
      first_byte: worse(known?.first_byte, numberAt(one, 'ttfbMs')),
      whole: worse(known?.whole, numberAt(one, 'durationMs')),
    });
  }
  return rows;
}

function worse(a: number | null | undefined, b: number | null): number | null {
  if (a === null || a === undefined) return b;
  return b === null ? a : Math.max(a, b);
}

/**
 * Rows of a lane that is not sampled every second: what a sample says holds for the seconds since the one before, as far as
 * that is not too long ago. So a line beside one of every second has no holes that nobody made.
 */
function addSpread(
  rows: Map<number, Row<LaneKey>>,
  samples: readonly Sample[],
  row: (before: Sample | undefined, now: Sample) => Row<LaneKey>,
): void {
  let before: Sample | undefined;
  for (const now of ordered(samples)) {
    const values = row(before, now);
    const second = Math.round(now.t / 1000);
    const since =
      before === undefined || now.t - before.t > PLAYER_GAP_MS_MAX ? second - 1 : Math.round(before.t / 1000);
    for (let at = second; at > since; at -= 1) rows.set(at, { ...rows.get(at), ...values });
    before = now;
  }
}
