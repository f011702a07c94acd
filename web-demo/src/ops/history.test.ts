// Tests of the operations page's arithmetic.

import { expect, it } from 'vitest';
import type { Ops, OpsCall } from '../protocol/generated.ts';
import {
  quantile,
  READINGS_MAX,
  type Reading,
  rate,
  rates,
  roundUp,
  stepTimes,
  strips,
  withReading,
} from './history.ts';

function reading(at_ms: number, cpu_s: number | null, uptime_ms = at_ms): Reading {
  const ops: Ops = {
    version: '0',
    node: 'n',
    uptime_ms,
    database: 'sqlite',
    viewers_online: 0,
    agents_online: 0,
    waiting: 0,
    taken: 0,
    longest_wait_ms: null,
    calls: 0,
    workers: [],
    recent_calls: [],
    rss_bytes: null,
    cpu_s,
  };
  return { at_ms, ops };
}

function call(mode: 'warm' | 'cold', ms: number | null): OpsCall {
  return {
    ticket: 1,
    call: 'k_1',
    accepted_at_ms: 0,
    end_reason: null,
    connect: { mode, phases_ms: {}, consent_to_first_frame_ms: ms, consent_to_legible_ms: null },
  };
}

it('makes a rate of two readings, and none over a restart or an absent value', () => {
  const cpu = (ops: Ops) => ops.cpu_s;
  expect(rate([reading(0, 1), reading(2_000, 2)], cpu)).toBe(0.5);
  expect(rate([reading(0, 5), reading(2_000, 2)], cpu)).toBeNull();
  expect(rate([reading(0, null), reading(2_000, 2)], cpu)).toBeNull();
  expect(rate([reading(0, 1)], cpu)).toBeNull();
  expect(rates([reading(0, 0), reading(1_000, 1), reading(2_000, 3)], cpu)).toEqual([1, 2]);
});

it('keeps a bounded history and starts anew with a restarted server', () => {
  let history: readonly Reading[] = [];
  for (let n = 0; n < READINGS_MAX + 5; n += 1) history = withReading(history, reading(n * 2_000, n));
  expect(history).toHaveLength(READINGS_MAX);
  expect(withReading(history, reading(999_000, 0, 10))).toHaveLength(1);
});

it('sorts connect times by mode and leaves out calls without a picture', () => {
  const calls = [call('warm', 90), call('warm', 70), call('cold', 400), call('warm', null)];
  const [warm, cold] = strips(calls, 'first');
  expect(warm).toEqual({ mode: 'warm', values: [70, 90], median: 70, p95: 90 });
  expect(cold?.values).toEqual([400]);
  const sharp = { ...call('warm', 90), connect: { ...call('warm', 90).connect, consent_to_legible_ms: 700 } };
  expect(strips([...calls, sharp], 'legible')[0]?.values).toEqual([700]);
});

it('lists how long the machines’ steps took, and leaves people out', () => {
  const took = (phases_ms: Record<string, number>) => {
    const one = call('warm', 90);
    return { ...one, connect: { ...one.connect, phases_ms } };
  };
  const calls = [
    took({ card_shown: 20, click: 5_000, first_frame: 5_100, legible: 5_600 }),
    took({ card_shown: 40, first_frame: 100, legible: 1_100 }),
  ];
  expect(stepTimes(calls)).toEqual([
    { name: 'deliver', count: 2, median: 20, p95: 40 },
    { name: 'sharpen', count: 2, median: 500, p95: 1_000 },
  ]);
  expect(stepTimes([])).toEqual([]);
});

it('finds quantiles and round scale ends', () => {
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
  expect([1, 130, 480, 999].map((value) => roundUp(value, 100))).toEqual([100, 200, 500, 1000]);
});
