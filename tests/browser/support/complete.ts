// What a ticket must hold after a call: the oracle of "ticket complete".

import { expect } from '@playwright/test';
import type { Call, Leg, Ticket } from '../../../web-demo/src/protocol/generated.ts';

/** The phases that every call which showed a picture went through. */
const PHASES = [
  'invited',
  'card_shown',
  'offer',
  'answer',
  'ice',
  'dtls',
  'click',
  'capture_ready',
  'first_packet_in',
  'first_packet_out',
  'first_frame',
];

/** A phase that only a picture which gets sharp at its full size reaches, within the time that it is looked for. */
const LEGIBLE = 'legible';

/** Width below which nothing is recognised in a reduced picture, pixels. */
const REDUCED_WIDTH_MIN = 320;

/** The seconds of a call but its first and its last, as the times of their samples. */
export function innerSeconds(call: Call): number[] {
  const first = Math.ceil((call.accepted_at_ms ?? 0) / 1000 + 1);
  const last = Math.floor((call.ended_at_ms ?? 0) / 1000 - 1);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => (first + at) * 1000);
}

/** Seconds inside the call for which a leg has no sample, as seconds since the call was accepted. */
export function missingSeconds(call: Call, leg: Leg): number[] {
  const samples = call.legs.find((one) => one.leg === leg)?.series.samples ?? [];
  const known = new Set(samples.map(({ t }) => t));
  return innerSeconds(call)
    .filter((t) => !known.has(t))
    .map((t) => Math.round((t - (call.accepted_at_ms ?? 0)) / 100) / 10);
}

/** The ticket's last call ended, and its last samples are in. */
export function callIsComplete(ticket: Ticket): boolean {
  const call = ticket.calls.at(-1);
  if (call?.ended_at_ms === undefined) return false;
  return (['viewer_up', 'agent_down', 'server'] as const).every((leg) => missingSeconds(call, leg).length === 0);
}

/** How many samples each leg has, for a failure's message. */
export function describeCall(call: Call | undefined): string {
  if (!call) return 'no call';
  const legs = (['viewer_up', 'agent_down', 'server'] as const).map(
    (leg) => `${leg} lacks [${missingSeconds(call, leg).join(', ')}]`,
  );
  return `${innerSeconds(call).length} inner seconds; ${legs.join('; ')}; ended: ${call.end_reason}`;
}

/** What the call of a ticket must hold. */
export interface ExpectedCall {
  surface: 'screen' | 'tab' | 'player';
  endReason: string;
  width: number;
  height: number;
  /** The picture may have been sent smaller, in the same shape: what moves keeps its frames where time or line is short. */
  reduced?: boolean;
}

/** Checks the block of a call that showed a picture. */
export function expectCompleteCall(call: Call, expected: ExpectedCall): void {
  expect(call.surface).toBe(expected.surface);
  expect(call.end_reason).toBe(expected.endReason);
  expect(call.participants.map(({ role }) => role).sort()).toEqual(['agent', 'viewer']);
  expect(call.connect.mode).toBe('warm');
  expect(
    Object.keys(call.connect.phases_ms)
      .filter((name) => name !== LEGIBLE)
      .sort(),
  ).toEqual([...PHASES].sort());
  for (const [name, ms] of Object.entries(call.connect.phases_ms)) expect(ms, name).toBeGreaterThanOrEqual(0);
  const { capture_ready = 0, first_frame = 0 } = call.connect.phases_ms;
  const first = call.connect.consent_to_first_frame_ms ?? -1;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(5_000);
  expect(Math.abs(first - (first_frame - capture_ready))).toBeLessThan(2);
  expect(call.media).toMatchObject({ viewer_path: 'udp', agent_path: 'udp' });
  const [width, height] = [call.media.width ?? 0, call.media.height ?? 0];
  if (expected.reduced) expectReduced([width, height], expected);
  else expect([width, height]).toEqual([expected.width, expected.height]);
  expect(['VP8', 'VP9', 'H264', 'AV1']).toContain(call.media.codec);
  expect(innerSeconds(call).length, 'the call is too short to prove anything').toBeGreaterThan(2);
  expect(describeCall(call)).toContain('viewer_up lacks []; agent_down lacks []; server lacks []');
}

/** A picture of a shape, no larger than it and large enough to recognise something. */
export function expectReduced([width, height]: [number, number], whole: { width: number; height: number }): void {
  expect(width).toBeLessThanOrEqual(whole.width);
  expect(width).toBeGreaterThanOrEqual(REDUCED_WIDTH_MIN);
  expect(Math.abs(width / height - whole.width / whole.height)).toBeLessThan(0.02);
}
