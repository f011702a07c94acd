// What is shared in a call, however it was had: one picture or none, and the sender it belongs on.
// Failures are told by kind, so that the page can say what to do next.

import type { Surface } from '../protocol/generated.ts';
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
