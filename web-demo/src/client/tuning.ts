// What an encoder is told about a picture: whether it moves or is read, what gives way under shortage, with what rate it may
// start and the most that it may take.

import type { ContentHint, Surface } from '../protocol/generated.ts';
import type { UplinkRate } from './probe.ts';

/**
 * A picture begins at its full size, and what gives way under shortage is asked from here on only, ms after the click. With
 * anything but `maintain-resolution` Chromium drops up to four first frames and scales the rest down until it believes
 * that the rate suffices: 150 ms and half the pixels (docs/connect-time.md).
 */
export const START_MS = 5_000;
/** Share of the measured uplink that a first picture may take. */
const START_SHARE = 0.75;
/**
 * The most that makes a first picture sooner sharp, kbit/s: a page of dense text is 230 KB at once. With more than this what moves was not
 * sooner there (a camera's first frames took 179 to 190 ms at 4,000 to 15,000), and Chromium probes the line with multiples of it.
 */
const START_KBPS_MAX = { motion: 2_000, detail: 15_000 } as const;
/** The most that a sender takes of a line that carries it, kbit/s. Chromium's own bound, 2,500, blurs pages of text for seconds. */
const SEND_KBPS_MAX = { motion: 6_000, detail: 12_000 } as const;

/** What a surface is tuned for: the agent's word, else motion for what moves and detail for what is read. */
export function tuningOf(surface: Surface, wanted: ContentHint): 'motion' | 'detail' {
  if (wanted !== 'auto') return wanted;
  return surface === 'player' || surface === 'camera' ? 'motion' : 'detail';
}

/** Tells the encoder what a picture is tuned for. */
export function hint(track: MediaStreamTrack, tuning: 'motion' | 'detail'): void {
  track.contentHint = tuning;
  // The finer word for pages of text; browsers that do not know it keep the one before.
  if (tuning === 'detail') track.contentHint = 'text';
}

/** With what a first picture may start on an uplink that was measured, kbit/s. */
export function startKbps({ kbps }: UplinkRate, tuning: 'motion' | 'detail'): number {
  return Math.min(START_KBPS_MAX[tuning], kbps * START_SHARE);
}

/**
 * Tunes a sender. `starting`: the first seconds of a picture. `idle`: the picture is in another slot; in its first two seconds
 * Chromium would set half of the rate aside for this one. `limitKbps`: the most that it may take just now, null for no such limit.
 */
export async function tuneSender(
  sender: RTCRtpSender,
  surface: Surface,
  wanted: ContentHint,
  starting: boolean,
  idle: boolean,
  limitKbps: number | null,
): Promise<void> {
  const parameters = sender.getParameters();
  const tuning = tuningOf(surface, wanted);
  parameters.degradationPreference = preferenceOf(tuning, wanted, starting);
  for (const encoding of parameters.encodings) {
    encoding.active = !idle;
    encoding.maxBitrate = Math.min(SEND_KBPS_MAX[tuning], limitKbps ?? Number.POSITIVE_INFINITY) * 1000;
  }
  try {
    await sender.setParameters(parameters);
  } catch {
    // Not every browser lets it be chosen; contentHint says the same.
  }
}

/** Full size for what is read; frames before pixels where the agent asked for motion; of itself, a bit of both. */
function preferenceOf(tuning: 'motion' | 'detail', wanted: ContentHint, starting: boolean): RTCDegradationPreference {
  if (tuning === 'detail') return 'maintain-resolution';
  if (wanted === 'motion') return 'maintain-framerate';
  return starting ? 'maintain-resolution' : 'balanced';
}
