// What is shared in a call, however it was had: one picture or none, the sender it belongs on, and what it is tuned for.
// Failures are told by kind, so that the page can say what to do next.

import type { ContentHint, Surface } from '../protocol/generated.ts';
import type { DeviceProblem } from './devices.ts';
import type { SendSlot } from './media.ts';

/** The ways to show a problem, in the order in which they are offered: the smallest share first. */
export const WAYS = ['player', 'tab', 'window', 'screen', 'camera', 'audio'] as const;
/** A way to show a problem. What is then really shared is told by the track: see `Capture.surface`. */
export type Way = (typeof WAYS)[number];

/** Why there is nothing to share. */
export type CaptureProblem =
  /** The person closed the picker or said no. */
  | 'cancelled'
  /** The browser cannot do it at all. */
  | 'unsupported'
  /** The page does not let its frames do it. */
  | 'forbidden'
  /** The player shows media that the page may not read, from another site or protected. */
  | 'protected'
  /** There is nothing to capture: no player, or it never gave a picture. */
  | 'empty'
  /** Anything else. */
  | 'failed'
  /** A camera or microphone gives nothing. */
  | DeviceProblem;

/** Nothing could be had. */
export class CaptureError extends Error {
  readonly problem: CaptureProblem;

  constructor(problem: CaptureProblem, options?: ErrorOptions) {
    super(`capture: ${problem}`, options);
    this.name = 'CaptureError';
    this.problem = problem;
  }
}

/** A picture being captured. */
export interface Capture {
  /** What it is, by the track's own word. */
  readonly surface: Surface;
  /** The sender it goes on. */
  readonly slot: Exclude<SendSlot, 'microphone'>;
  /** The picture now. */
  readonly track: MediaStreamTrack;
  /** Called when the picture goes on in another track. */
  onTrack: ((track: MediaStreamTrack) => void) | null;
  /** Called when it ended by itself: the browser's own stop, the window closed, the player gone, the device unplugged. */
  onEnded: (() => void) | null;
  /** Called when the system stops delivering the picture, or delivers again. */
  onMuted: ((muted: boolean) => void) | null;
  /** Ends it. */
  stop(): void;
}

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
