// Owns the arithmetic of a call's connect waterfall: from "ms since the invitation" per phase to bars on a line whose idle
// stretches (a person reading, a person choosing) are shortened. Pure.

import type { Connect, Phase } from '../../protocol/generated.ts';

/** Who is at work during a step. */
export type Actor = 'person' | 'setup' | 'media';

/** One step between two phases. */
export interface Step {
  /** Stable name, key of its text. */
  readonly name: StepName;
  /** Who is at work. */
  readonly actor: Actor;
  /** Start, ms since the invitation. */
  readonly from_ms: number;
  /** Length, ms; never negative. */
  readonly length_ms: number;
}

/** A step placed on the drawn line. */
export interface Bar extends Step {
  /** Left edge, 0 to 1. */
  readonly left: number;
  /** Width, 0 to 1. */
  readonly width: number;
}

/** Names of all steps, in the order they are listed. */
export type StepName =
  | 'deliver'
  | 'signal'
  | 'ice'
  | 'dtls'
  | 'consent'
  | 'capture'
  | 'uplink'
  | 'forward'
  | 'decode'
  | 'sharpen';

const STEPS: readonly { name: StepName; actor: Actor; from: Phase; to: Phase }[] = [
  { name: 'deliver', actor: 'setup', from: 'invited', to: 'card_shown' },
  { name: 'signal', actor: 'setup', from: 'offer', to: 'answer' },
  { name: 'ice', actor: 'setup', from: 'answer', to: 'ice' },
  { name: 'dtls', actor: 'setup', from: 'ice', to: 'dtls' },
  { name: 'consent', actor: 'person', from: 'card_shown', to: 'click' },
  { name: 'capture', actor: 'person', from: 'click', to: 'capture_ready' },
  { name: 'uplink', actor: 'media', from: 'capture_ready', to: 'first_packet_in' },
  { name: 'forward', actor: 'media', from: 'first_packet_in', to: 'first_packet_out' },
  { name: 'decode', actor: 'media', from: 'first_packet_out', to: 'first_frame' },
  { name: 'sharpen', actor: 'media', from: 'first_frame', to: 'legible' },
];

/** All steps in the order in which they are listed. */
export const STEP_NAMES: readonly StepName[] = STEPS.map((step) => step.name);

/** A person's stretch is drawn at most this long beside the machine's, as a share of the machine's total. */
export const IDLE_SHARE_MAX = 0.25;
/** And never shorter than this many ms of line, so that it stays visible. */
export const IDLE_MS_MIN = 20;

/** The steps that happened. A step whose ends came out of order (clock error) has length 0. */
export function steps(connect: Pick<Connect, 'phases_ms'>): Step[] {
  const at = (phase: Phase): number | undefined => {
    const known = connect.phases_ms[phase];
    if (typeof known === 'number' && Number.isFinite(known)) return known;
    return phase === 'invited' ? 0 : undefined;
  };
  const found: Step[] = [];
  for (const { name, actor, from, to } of STEPS) {
    const start = at(from);
    const end = at(to);
    if (start === undefined || end === undefined) continue;
    found.push({ name, actor, from_ms: start, length_ms: Math.max(0, end - start) });
  }
  return found;
}

interface Stretch {
  from: number;
  to: number;
  drawn: number;
}

/**
 * Places steps on a line from 0 to 1. Time in which a machine works keeps its proportion; the rest is shortened to at most
 * [`IDLE_SHARE_MAX`] of the machines' total, so that 70 ms of connecting do not vanish beside 6 s of reading.
 */
export function bars(found: readonly Step[]): Bar[] {
  if (found.length === 0) return [];
  const stretches = drawnStretches(found);
  const total = stretches.reduce((sum, stretch) => sum + stretch.drawn, 0) || 1;
  const place = (ms: number): number => {
    let drawn = 0;
    for (const stretch of stretches) {
      if (ms >= stretch.to) {
        drawn += stretch.drawn;
      } else {
        const length = stretch.to - stretch.from;
        if (ms > stretch.from && length > 0) drawn += ((ms - stretch.from) / length) * stretch.drawn;
        break;
      }
    }
    return drawn / total;
  };
  return found.map((step) => {
    const left = place(step.from_ms);
    return { ...step, left, width: Math.max(0, place(step.from_ms + step.length_ms) - left) };
  });
}

function drawnStretches(found: readonly Step[]): Stretch[] {
  const edges = [...new Set(found.flatMap((step) => [step.from_ms, step.from_ms + step.length_ms]))].sort(
    (a, b) => a - b,
  );
  const machine = found.filter((step) => step.actor !== 'person');
  const stretches: (Stretch & { busy: boolean })[] = [];
  for (let index = 1; index < edges.length; index += 1) {
    const from = edges[index - 1] as number;
    const to = edges[index] as number;
    const busy = machine.some((step) => step.from_ms < to && step.from_ms + step.length_ms > from);
    stretches.push({ from, to, drawn: to - from, busy });
  }
  const busyTotal = stretches.reduce((sum, stretch) => sum + (stretch.busy ? stretch.drawn : 0), 0);
  const idleMax = Math.max(IDLE_MS_MIN, busyTotal * IDLE_SHARE_MAX);
  for (const stretch of stretches) {
    if (!stretch.busy) stretch.drawn = Math.min(stretch.drawn, idleMax);
  }
  return stretches;
}
