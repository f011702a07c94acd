// What a preflight tells: members of the lane `preflights` (docs/diagnosis.md) without their time.

import type { EchoDirection } from './echo-train.ts';

/**
 * `light`: by itself, at most 3 s and 300 KB. `patient`: by itself after a light one whose datagrams came through too late to be
 * counted, echoes alone. `long`: on request. Both at most 8 s.
 */
export type PreflightKind = 'light' | 'patient' | 'long';

/** What one found. What could not be measured is absent. */
export interface PreflightResult {
  /** A datagram of the server came. */
  udpReachable?: boolean;
  /** Round trip to the server with nothing else under way, ms. */
  rttMs?: number;
  /** The same while the line was loaded, ms. */
  loadedRttMs?: number;
  /** To the server. */
  up?: EchoDirection;
  /** From the server. */
  down?: EchoDirection;
  /** What the line carried from our server, kbit/s. */
  lineKbps?: number;
  /** From the player's host. */
  fetch?: { host: string; ttfbMs?: number; kbps?: number; status?: number; error?: 'network' | 'timeout' };
}
