// Owns the arithmetic of the operations page: rates between two readings, their short history, and the strip plot of
// connect times. Pure.

import { STEP_NAMES, type StepName, steps } from '../console/telemetry/waterfall.ts';
import type { Ops, OpsCall } from '../protocol/generated.ts';

/** Readings kept: two minutes at one every 2 s. */
export const READINGS_MAX = 60;

/** One reading with the moment it was made, ms of any steady clock. */
export interface Reading {
  readonly at_ms: number;
  readonly ops: Ops;
}

/** Appends a reading and drops the oldest. A restarted server (shorter uptime, other node) starts a new history. */
export function withReading(before: readonly Reading[], reading: Reading): readonly Reading[] {
  const last = before.at(-1);
  if (last === undefined) return [reading];
  if (last.ops.node !== reading.ops.node || reading.ops.uptime_ms < last.ops.uptime_ms) return [reading];
  return [...before.slice(-(READINGS_MAX - 1)), reading];
}

/** Growth per second of a counter between the last two readings; `null` when unknown or restarted. */
export function rate(readings: readonly Reading[], read: (ops: Ops) => number | null | undefined): number | null {
  const now = readings.at(-1);
  const before = readings.at(-2);
  return now === undefined || before === undefined ? null : between(before, now, read);
}

/** The same for every pair of readings. */
export function rates(readings: readonly Reading[], read: (ops: Ops) => number | null | undefined): (number | null)[] {
  return readings.slice(1).map((now, index) => between(readings[index] as Reading, now, read));
}

function between(before: Reading, now: Reading, read: (ops: Ops) => number | null | undefined): number | null {
  const from = read(before.ops);
  const to = read(now.ops);
  const elapsed = (now.at_ms - before.at_ms) / 1000;
  if (typeof from !== 'number' || typeof to !== 'number' || elapsed <= 0 || to < from) return null;
  return (to - from) / elapsed;
}

/** Dots of one row of the strip plot. */
export interface Strip {
  readonly mode: 'warm' | 'cold';
  /** Milliseconds, ascending. */
  readonly values: readonly number[];
  readonly median: number | null;
  readonly p95: number | null;
}

/** What a connect time runs to: the first frame, or the first sharp picture of full size. */
export type Until = 'first' | 'legible';

/** Connect times by mode. Calls without such a picture are left out: they have no time. */
export function strips(calls: readonly OpsCall[], until: Until): Strip[] {
  return (['warm', 'cold'] as const).map((mode) => {
    const values = calls
      .filter((call) => call.connect.mode === mode)
      .map(({ connect }) => (until === 'first' ? connect.consent_to_first_frame_ms : connect.consent_to_legible_ms))
      .filter((value): value is number => typeof value === 'number')
      .sort((a, b) => a - b);
    return { mode, values, median: quantile(values, 0.5), p95: quantile(values, 0.95) };
  });
}

/** How long a step of connecting took in the recent calls, ms. */
export interface StepTimes {
  readonly name: StepName;
  readonly count: number;
  readonly median: number;
  readonly p95: number;
}

/** The steps that machines are at work in, in the order in which they are listed; a person's time is nobody's slowness. */
export function stepTimes(calls: readonly OpsCall[]): StepTimes[] {
  const lengths = new Map<StepName, number[]>();
  for (const { connect } of calls) {
    for (const { name, actor, length_ms } of steps(connect)) {
      if (actor !== 'person') lengths.set(name, [...(lengths.get(name) ?? []), length_ms]);
    }
  }
  return STEP_NAMES.flatMap((name) => {
    const values = (lengths.get(name) ?? []).sort((a, b) => a - b);
    const [median, p95] = [quantile(values, 0.5), quantile(values, 0.95)];
    return median === null || p95 === null ? [] : [{ name, count: values.length, median, p95 }];
  });
}

/** Nearest-rank quantile of ascending values; `null` for none. */
export function quantile(ascending: readonly number[], share: number): number | null {
  if (ascending.length === 0) return null;
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? null;
}

/** A round upper end of a scale: 1, 2 or 5 times a power of ten, at least `least`. */
export function roundUp(value: number, least: number): number {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 5, 10].find((step) => step * power >= wanted) ?? 10) * power;
}
