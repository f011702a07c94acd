// Tests of the arithmetic from samples to lines.

import { describe, expect, it } from 'vitest';
import { callColumns, growth, ordered, playerColumns, type Sample, spread } from './rates.ts';

const at = (second: number, members: Record<string, unknown>): Sample => ({ t: second * 1000, ...members });
const down = (second: number, bytesReceived: number, packetsReceived = 0, packetsLost = 0, framesDecoded = 0): Sample =>
  at(second, {
    video: { bytesReceived, packetsReceived, packetsLost, framesDecoded },
    pair: { currentRoundTripTime: 0.03 },
  });

describe('growth', () => {
  it('is null over a restart, a gap or an absent member', () => {
    expect(growth(at(1, { n: 5 }), at(2, { n: 9 }), 'n', 2500)).toBe(4);
    expect(growth(at(1, { n: 5 }), at(2, { n: 1 }), 'n', 2500)).toBeNull();
    expect(growth(at(1, { n: 5 }), at(9, { n: 9 }), 'n', 2500)).toBeNull();
    expect(growth(at(1, {}), at(2, { n: 9 }), 'n', 2500)).toBeNull();
    expect(growth(at(1, { n: null }), at(2, { n: 9 }), 'n', 2500)).toBeNull();
    expect(growth(undefined, at(2, { n: 9 }), 'n', 2500)).toBeNull();
  });
});

describe('ordered', () => {
  it('sorts and keeps the later sample of a repeated second', () => {
    const kept = ordered([at(3, { n: 1 }), at(1, { n: 2 }), at(3, { n: 3 })]);
    expect(kept.map((sample) => [sample.t, sample.n])).toEqual([
      [1000, 2],
      [3000, 3],
    ]);
  });
});

describe('callColumns', () => {
  it('turns counters into rates and leaves the first second open', () => {
    const { seconds, values } = callColumns([
      { leg: 'agent_down', series: { samples: [down(10, 0, 0, 0, 0), down(11, 125_000, 95, 5, 30)] } },
    ]);
    expect(seconds).toEqual([10, 11]);
    expect(values.kbps_agent_down).toEqual([null, 1000]);
    expect(values.fps_agent_down).toEqual([null, 30]);
    expect(values.loss_agent_down).toEqual([null, 5]);
    expect(values.rtt_agent_down).toEqual([30, 30]);
    expect(values.kbps_viewer_up).toEqual([null, null]);
  });

  it('puts all legs on the same seconds', () => {
    const { seconds, values } = callColumns([
      {
        leg: 'viewer_up',
        series: { samples: [at(1, { video: { bytesSent: 0 } }), at(2, { video: { bytesSent: 1250 } })] },
      },
      { leg: 'server', series: { samples: [at(2, { in: { bytes: 0 } }), at(3, { in: { bytes: 2500 } })] } },
    ]);
    expect(seconds).toEqual([1, 2, 3]);
    expect(values.kbps_viewer_up).toEqual([null, 10, null]);
    expect(values.kbps_server_in).toEqual([null, null, 20]);
  });

  it('breaks the line over missing seconds instead of drawing 0 or an average', () => {
    const { seconds, values } = callColumns([
      { leg: 'agent_down', series: { samples: [down(1, 0), down(2, 1000), down(8, 9000), down(9, 10_000)] } },
    ]);
    expect(seconds).toEqual([1, 2, 5, 8, 9]);
    expect(values.kbps_agent_down).toEqual([null, 8, null, null, 8]);
  });

  it('does not take a restarted counter for a negative rate, nor a late packet for negative loss', () => {
    const { values } = callColumns([
      { leg: 'agent_down', series: { samples: [down(1, 9000, 90, 9), down(2, 100, 1, 0), down(3, 1100, 11, -1)] } },
    ]);
    expect(values.kbps_agent_down).toEqual([null, null, 8]);
    expect(values.loss_agent_down).toEqual([null, null, 0]);
  });
});

describe('playerColumns', () => {
  it('reads buffer, stalled share and dropped share at 1 s and at 10 s spacing', () => {
    const { seconds, values } = playerColumns([
      at(0, { bufferedAheadS: 4, stalledMs: 0, droppedVideoFrames: 0, totalVideoFrames: 0 }),
      at(1, { bufferedAheadS: 0.5, stalledMs: 500, droppedVideoFrames: 3, totalVideoFrames: 30 }),
      at(11, { bufferedAheadS: 2, stalledMs: 500, droppedVideoFrames: 3, totalVideoFrames: 330 }),
    ]);
    expect(seconds).toEqual([0, 1, 11]);
    expect(values.buffer_s).toEqual([4, 0.5, 2]);
    expect(values.stalled_percent).toEqual([null, 50, 0]);
    expect(values.dropped_percent).toEqual([null, 10, 0]);
  });
});

describe('spread', () => {
  it('ignores what was not measured', () => {
    expect(spread([null, 3, 1, null, 2])).toEqual({ min: 1, median: 2, max: 3, count: 3 });
    expect(spread([null])).toBeNull();
  });
});
