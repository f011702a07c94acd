// What is measured: kinds of picture, lines, and whether the connection was made beforehand. The marks are those that
// docs/connect-time.md promises.

import { type LineChange, line } from '../support/netlab.ts';
import type { Way } from '../support/viewer.ts';

/** What is shared. */
export type Content = 'camera' | 'moving tab' | 'dense text';

/** One row of the table. */
export interface Scenario {
  /** For `ONLY=` and the report. */
  name: string;
  content: Content;
  way: Way;
  /** False: nothing but descriptions crosses the line before the click. */
  warm: boolean;
  /** Line of both ends. */
  line: LineChange;
  /** In words. */
  network: string;
  /** Promised 95th percentiles, ms. */
  firstFrameMs: number;
  legibleMs?: number;
}

const FAST = { rateBps: 50_000_000, queueBytes: 600_000 };

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  scenario('warm-camera-0', 'camera', true, line(0), '~0 RTT', 120),
  scenario('warm-camera-100', 'camera', true, line(100), '100 ms RTT', 220),
  scenario('warm-camera-100-loss', 'camera', true, line(100, { loss: 0.02 }), '100 ms RTT, 2 % loss', 350),
  scenario('warm-tab-100', 'moving tab', true, line(100), '100 ms RTT', 300),
  scenario(
    'warm-tab-5mbit',
    'moving tab',
    true,
    line(100, { ...FAST, rateBps: 5_000_000, queueBytes: 125_000 }),
    '100 ms RTT, 5 Mbit/s',
    300,
    700,
  ),
  scenario('warm-text-100', 'dense text', true, line(100), '100 ms RTT', 400, 1_500),
  scenario('cold-camera-100', 'camera', false, line(100), '100 ms RTT', 400),
  scenario('cold-camera-100-loss', 'camera', false, line(100, { loss: 0.02 }), '100 ms RTT, 2 % loss', 700),
];

function scenario(
  name: string,
  content: Content,
  warm: boolean,
  change: LineChange,
  network: string,
  firstFrameMs: number,
  legibleMs?: number,
): Scenario {
  const way = content === 'camera' ? 'camera' : 'screen';
  return { name, content, way, warm, line: change, network, firstFrameMs, ...(legibleMs ? { legibleMs } : {}) };
}
