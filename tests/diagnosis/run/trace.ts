// From a ticket's telemetry file to a trace of the corpus: its lanes alone, on a fixed day, with hosts that tell nothing.

import { gzipSync } from 'node:zlib';

/** First second of every trace, ms since the Unix epoch. A round number of the past. */
export const ORIGIN_MS = 1_700_000_000_000;
/** A number so near the run's own time is a time, ms. */
const NEAR_MS = 12 * 60 * 60 * 1_000;
/**
 * Members that speak of the machine under all seats and not of the device that a seat stands for: Compute Pressure counts what
 * every process does, also those of other seats.
 */
const OF_THE_MACHINE = ['pressure'];
/** Members that are addresses: nothing is judged by them. */
const ADDRESSES = ['uri', 'init', 'playlist'];
const LEFT_OUT = [...OF_THE_MACHINE, ...ADDRESSES];

type Sample = Record<string, unknown>;
export type Lanes = Record<string, Sample[]>;

interface Leg {
  leg: string;
  series: { samples: Sample[] };
}

/** What the server gives (`GET /api/v1/tickets/{n}/telemetry`), as far as it is used here. */
export interface TelemetryFile {
  calls: { accepted_at_ms?: number; ended_at_ms?: number; surface?: string; legs: Leg[] }[];
  player: { samples: Sample[] };
  lanes?: Record<string, Sample[] | { samples: Sample[] }>;
}

/** The lanes of a file: what stands in `lanes`, the player's, and those of calls with the marks of their shares. */
export function lanesOf(file: TelemetryFile): Lanes {
  const lanes: Lanes = {};
  const add = (name: string, samples: Sample[]) => {
    if (samples.length > 0) lanes[name] = [...(lanes[name] ?? []), ...samples];
  };
  for (const [name, of] of Object.entries(file.lanes ?? {})) add(name, Array.isArray(of) ? of : of.samples);
  if (!lanes.player) add('player', file.player?.samples ?? []);
  for (const { legs, accepted_at_ms, ended_at_ms, surface } of file.calls) {
    for (const { leg, series } of legs) add(leg, series.samples);
    if (surface === 'audio') continue;
    if (accepted_at_ms) add('marks', [{ t: accepted_at_ms, kind: 'share_started' }]);
    if (ended_at_ms) add('marks', [{ t: ended_at_ms, kind: 'share_ended' }]);
  }
  return lanes;
}

/** The first time of any lane, a whole second, ms. */
export function beginOf(lanes: Lanes): number {
  const times = Object.values(lanes).flatMap((samples) => samples.map(({ t }) => t as number));
  return Math.floor(Math.min(...times) / 1_000) * 1_000;
}

/** The lanes with times moved so that `beginMs` is `ORIGIN_MS`, and every host and address replaced. */
export function neutral(lanes: Lanes, beginMs: number): Lanes {
  const hosts = new Map<string, string>();
  const move = (value: unknown): unknown => {
    if (typeof value === 'number' && Math.abs(value - beginMs) < NEAR_MS) return value - beginMs + ORIGIN_MS;
    if (typeof value === 'string') return withoutHosts(value, hosts);
    if (Array.isArray(value)) return value.map(move);
    if (value === null || typeof value !== 'object') return value;
    const members = Object.entries(value).filter(([name]) => !LEFT_OUT.includes(name));
    return Object.fromEntries(members.map(([name, member]) => [name, move(member)]));
  };
  return move(lanes) as Lanes;
}

/** Hosts, with or without a port, become `host-1` and so on, in the order in which they come. */
function withoutHosts(text: string, hosts: Map<string, string>): string {
  return text.replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, (host) => {
    const known = hosts.get(host) ?? `host-${hosts.size + 1}.example`;
    hosts.set(host, known);
    return known;
  });
}

/** The file's bytes; the same lanes give the same bytes. */
export function packed(lanes: Lanes): Buffer {
  const names = Object.keys(lanes).sort();
  const ordered = Object.fromEntries(names.map((name) => [name, lanes[name]]));
  return gzipSync(JSON.stringify({ format: 'sightline-telemetry/1', lanes: ordered }), { level: 9 });
}
