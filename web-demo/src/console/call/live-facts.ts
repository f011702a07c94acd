// Owns the figures under the running picture, out of the last two samples of the agent's end. Pure.

import { type Columns, callColumns, numberAt, type Sample, textAt } from '../telemetry/rates.ts';
import type { CallView } from './call-desk.ts';

/** What is known of the picture right now; `null` is "not measured". */
export interface LiveFacts {
  readonly width: number | null;
  readonly height: number | null;
  /** Codec's short name, such as `VP8`. */
  readonly codec: string | null;
  readonly kbps: number | null;
  readonly fps: number | null;
  readonly rtt_ms: number | null;
  readonly loss_percent: number | null;
}

/** Samples kept for the small lines: the last minute. */
export const LIVE_SAMPLES_MAX = 61;

type LiveKey = 'kbps_agent_down' | 'fps_agent_down' | 'rtt_agent_down' | 'loss_agent_down';

/** The last minute as columns. */
export function liveColumns(samples: readonly Sample[]): Pick<Columns<LiveKey>, 'values'> {
  return callColumns([{ leg: 'agent_down', series: { samples: [...samples] } }]);
}

/** The figures of the newest second. */
export function liveFacts(samples: readonly Sample[]): LiveFacts | null {
  const now = samples.at(-1);
  if (now === undefined) return null;
  const { values } = liveColumns(samples.slice(-2));
  return {
    width: numberAt(now, 'video.frameWidth'),
    height: numberAt(now, 'video.frameHeight'),
    codec: codecName(textAt(now, 'video.mimeType')),
    kbps: values.kbps_agent_down.at(-1) ?? null,
    fps: values.fps_agent_down.at(-1) ?? null,
    rtt_ms: values.rtt_agent_down.at(-1) ?? null,
    loss_percent: values.loss_agent_down.at(-1) ?? null,
  };
}

/** `video/VP8` → `VP8`. */
export function codecName(mimeType: string | null): string | null {
  return mimeType === null ? null : (mimeType.split('/')[1] ?? mimeType);
}

/** Appends a sample and drops the oldest. */
export function withSample(samples: CallView['samples'], sample: Sample): readonly Sample[] {
  return [...samples.slice(-(LIVE_SAMPLES_MAX - 1)), sample];
}
