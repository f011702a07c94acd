// Tests of the connect waterfall's arithmetic.

import { describe, expect, it } from 'vitest';
import { bars, steps } from './waterfall.ts';

const warm = {
  phases_ms: {
    invited: 0,
    card_shown: 40,
    offer: 50,
    answer: 60,
    ice: 70,
    dtls: 90,
    click: 6040,
    capture_ready: 6540,
    first_packet_in: 6560,
    first_packet_out: 6562,
    first_frame: 6610,
  },
};

describe('steps', () => {
  it('names what happened between the phases', () => {
    const found = Object.fromEntries(steps(warm).map((step) => [step.name, step.length_ms]));
    expect(found).toEqual({
      deliver: 40,
      signal: 10,
      ice: 10,
      dtls: 20,
      consent: 6000,
      capture: 500,
      uplink: 20,
      forward: 2,
      decode: 48,
    });
  });

  it('leaves out a step one of whose ends is unknown', () => {
    expect(steps({ phases_ms: { card_shown: 40 } }).map((step) => step.name)).toEqual(['deliver']);
    expect(steps({ phases_ms: {} })).toEqual([]);
  });

  it('never has a negative length when two clocks disagree', () => {
    const found = steps({ phases_ms: { first_packet_out: 100, first_frame: 98 } });
    expect(found.map((step) => step.length_ms)).toEqual([0]);
  });
});

describe('bars', () => {
  it("stays on the line and keeps the machines' proportions", () => {
    const placed = bars(steps(warm));
    const width = (name: string): number => placed.find((bar) => bar.name === name)?.width ?? Number.NaN;
    for (const bar of placed) {
      expect(bar.left).toBeGreaterThanOrEqual(0);
      expect(bar.left + bar.width).toBeLessThanOrEqual(1.000001);
    }
    expect(width('uplink') / width('ice')).toBeCloseTo(2, 5);
    expect(width('decode')).toBeGreaterThan(0.1);
  });

  it('shortens the time a person took', () => {
    const placed = bars(steps(warm));
    const consent = placed.find((bar) => bar.name === 'consent');
    expect(consent?.width).toBeLessThan(0.55);
    expect(consent?.length_ms).toBe(6000);
  });

  it('is empty for nothing', () => {
    expect(bars([])).toEqual([]);
  });
});
