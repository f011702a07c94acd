// Owns which measures the two timelines of a ticket show: a call's three places on one axis, and the player's health.

import { useMemo } from 'preact/hooks';
import type { Call, Series } from '../../protocol/generated.ts';
import { useTexts } from '../context.ts';
import { bitrate, milliseconds, percent, plain } from '../format.ts';
import { type CallKey, callColumns, type PlayerKey, playerColumns } from '../telemetry/rates.ts';
import type { Texts } from '../texts.ts';
import { type Lane, type LaneLine, Lanes } from './lanes.tsx';

type Place = 'viewer_up' | 'server_in' | 'server_out' | 'agent_down';

const LOOK: Record<Place, Pick<LaneLine<CallKey>, 'color' | 'dash'>> = {
  viewer_up: { color: 2 },
  server_in: { color: 4, dash: [6, 3] },
  server_out: { color: 3, dash: [2, 3] },
  agent_down: { color: 1 },
};

function callLanes(t: Texts): Lane<CallKey>[] {
  const line = (measure: 'kbps' | 'fps' | 'rtt' | 'loss', place: Place): LaneLine<CallKey> => ({
    key: `${measure}_${place}` as CallKey,
    label: t.charts.leg[place],
    ...LOOK[place],
  });
  const everywhere: Place[] = ['viewer_up', 'server_in', 'server_out', 'agent_down'];
  return [
    {
      id: 'kbps',
      title: t.charts.bitrate,
      write: bitrate,
      floor: 100,
      lines: everywhere.map((place) => line('kbps', place)),
    },
    {
      id: 'fps',
      title: t.charts.fps,
      write: plain,
      floor: 10,
      lines: [line('fps', 'viewer_up'), line('fps', 'agent_down')],
    },
    {
      id: 'rtt',
      title: t.charts.rtt,
      write: milliseconds,
      floor: 20,
      lines: everywhere.map((place) => line('rtt', place)),
    },
    {
      id: 'loss',
      title: t.charts.loss,
      write: percent,
      floor: 2,
      lines: everywhere.map((place) => line('loss', place)),
    },
  ];
}

/** What viewer, server and agent measured, second by second, under one cursor. */
export function CallTimeline({ call }: { call: Call }) {
  const { t } = useTexts();
  const columns = useMemo(() => callColumns(call.legs), [call.legs]);
  const lanes = useMemo(() => callLanes(t), [t]);
  if (columns.seconds.length === 0) return <p class="muted">{t.charts.none}</p>;
  return <Lanes label={t.charts.call} columns={columns} lanes={lanes} />;
}

function playerLanes(t: Texts): Lane<PlayerKey>[] {
  const label = t.charts.leg.player;
  return [
    {
      id: 'buffer',
      title: t.charts.buffer,
      write: (value) => (value === null ? plain(null) : `${plain(value)} s`),
      floor: 2,
      lines: [{ key: 'buffer_s', label, color: 1 }],
    },
    {
      id: 'stalled',
      title: t.charts.stalled,
      write: percent,
      floor: 10,
      lines: [{ key: 'stalled_percent', label, color: 2 }],
    },
    {
      id: 'dropped',
      title: t.charts.dropped,
      write: percent,
      floor: 10,
      lines: [{ key: 'dropped_percent', label, color: 4 }],
    },
  ];
}

/** The player's health since the chat was opened and the minute before. */
export function PlayerTimeline({ series }: { series: Series }) {
  const { t } = useTexts();
  const columns = useMemo(() => playerColumns(series.samples), [series.samples]);
  const lanes = useMemo(() => playerLanes(t), [t]);
  if (columns.seconds.length === 0) return <p class="muted">{t.ticket.playerEmpty}</p>;
  return <Lanes label={t.charts.player} columns={columns} lanes={lanes} />;
}
