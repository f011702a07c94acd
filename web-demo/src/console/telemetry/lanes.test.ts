// Tests of the one timeline of all places that measured.

import { describe, expect, it } from 'vitest';
import type { TelemetryExport } from '../../protocol/generated.ts';
import { laneColumns, laneSamples } from './lanes.ts';
import type { Sample } from './rates.ts';

const at = (second: number, members: Record<string, unknown>): Sample => ({ t: second * 1000, ...members });

function file(player: Sample[], lanes: Record<string, unknown>, legs: [string, Sample[]][] = []): TelemetryExport {
  const call = { legs: legs.map(([leg, samples]) => ({ leg, series: { samples } })) };
  return {
    format: 'sightline-telemetry/1',
    ticket: 1,
    calls: legs.length === 0 ? [] : [call],
    player: { samples: player },
    lanes,
  } as unknown as TelemetryExport;
}

describe('lanes of a file', () => {
  it('are found in the player, the legs of calls and beside them, with or without a frame', () => {
    const one = file([at(1, { n: 1 })], { device: [at(2, { n: 2 })], marks: { samples: [at(3, { n: 3 })] } }, [
      ['viewer_up', [at(4, { n: 4 })]],
    ]);
    const found = ['player', 'device', 'marks', 'viewer_up', 'picture'].map((lane) => laneSamples(one, lane).length);
    expect(found).toEqual([1, 1, 1, 1, 0]);
  });

  it('leave out what is no sample', () => {
    expect(laneSamples(file([], { device: [null, 5, { t: 'x' }, at(1, {})] }), 'device')).toHaveLength(1);
    expect(laneSamples(file([], { device: 'nonsense' }), 'device')).toEqual([]);
    expect(laneSamples(file([], undefined as never), 'device')).toEqual([]);
  });
});

describe('laneColumns', () => {
  it('spreads a sample of every ten seconds over them, beside a call of every second', () => {
    const { seconds, values } = laneColumns(
      file([at(10, { stalledMs: 0, bufferedAheadS: 9 }), at(14, { stalledMs: 2_000, bufferedAheadS: 1 })], {}, [
        ['agent_down', [11, 12, 13, 14].map((second) => at(second, { pair: { currentRoundTripTime: 0.05 } }))],
      ]),
    );
    expect(seconds).toEqual([10, 11, 12, 13, 14]);
    expect(values.stalled).toEqual([null, 50, 50, 50, 50]);
    expect(values.buffer).toEqual([9, 1, 1, 1, 1]);
    expect(values.rtt_agent_down).toEqual([null, 50, 50, 50, 50]);
  });

  it('keeps a gap where the page was silent for long', () => {
    const { seconds, values } = laneColumns(file([at(10, { bufferedAheadS: 9 }), at(60, { bufferedAheadS: 8 })], {}));
    expect(seconds).toEqual([10, 35, 60]);
    expect(values.buffer).toEqual([9, null, 8]);
  });

  it('shows of the segments of a second the slowest, and none from the cache', () => {
    const { values } = laneColumns(
      file([], {
        segments: [
          at(1, { ttfbMs: 40, durationMs: 900 }),
          at(1.2, { ttfbMs: 700, durationMs: 800 }),
          at(1.1, { ttfbMs: 9_000, cached: true }),
        ],
      }),
    );
    expect([values.first_byte, values.whole]).toEqual([[700], [900]]);
  });

  it('writes shares in percent, and the worst of all damages', () => {
    const { values } = laneColumns(
      file([], {
        device: [at(1, { blockedMs: 450, pingMs: 80 })],
        picture: [at(1, { frozen: 0.5, black: 0, blocky: 0.1, striped: 0.4 })],
      }),
    );
    expect([values.blocked, values.rtt_socket, values.frozen, values.black, values.damaged]).toEqual([
      [45],
      [80],
      [50],
      [0],
      [40],
    ]);
  });
});
