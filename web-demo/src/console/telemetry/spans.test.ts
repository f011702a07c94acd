// Tests of how troubles are laid along a timeline.

import { describe, expect, it } from 'vitest';
import { lay, SPAN_PX_MIN, type Span } from './spans.ts';

const span = (kind: string, from_s: number, to_s: number): Span => ({ id: `${kind} ${from_s}`, kind, from_s, to_s });
/** A hundred seconds on a thousand pixels. */
const SIGHT = { from_s: 0, to_s: 100, width: 1_000 };

describe('lay', () => {
  it('puts spans at their time', () => {
    expect(lay([span('stall', 10, 20)], SIGHT)).toMatchObject([{ row: 0, left: 100, width: 100 }]);
  });

  it('gives short ones a width that can be hit, inside the sight', () => {
    const [one] = lay([span('stall', 99.5, 100)], SIGHT);
    expect(one).toMatchObject({ width: SPAN_PX_MIN, left: 1_000 - SPAN_PX_MIN });
  });

  it('stands different kinds of one time under each other, and uses the first free row', () => {
    const rows = lay([span('a', 0, 50), span('b', 10, 20), span('c', 30, 40), span('d', 60, 70)], SIGHT);
    expect(rows.map(({ spans, row }) => [spans[0]?.kind, row])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 1],
      ['d', 0],
    ]);
  });

  it('tells near ones of a kind as one, and apart again from nearer by', () => {
    const near = [span('stall', 10, 10.5), span('stall', 11, 11.5), span('stall', 50, 51)];
    expect(lay(near, SIGHT).map(({ spans }) => spans.length)).toEqual([2, 1]);
    expect(lay(near, { from_s: 9, to_s: 13, width: 1_000 }).map(({ spans }) => spans.length)).toEqual([1, 1]);
  });

  it('never covers one with another, however many', () => {
    const many = Array.from({ length: 300 }, (_, n) => span(`kind ${n % 7}`, (n * 37) % 100, ((n * 37) % 100) + 0.3));
    const laid = lay(many, SIGHT);
    expect(laid.flatMap(({ spans }) => spans)).toHaveLength(300);
    for (const a of laid) {
      expect(a.left).toBeGreaterThanOrEqual(0);
      expect(a.left + a.width).toBeLessThanOrEqual(1_000);
      for (const b of laid) {
        if (a === b || a.row !== b.row) continue;
        expect(a.left + a.width <= b.left || b.left + b.width <= a.left).toBe(true);
      }
    }
    expect(Math.max(...laid.map(({ row }) => row))).toBeLessThan(7);
  });

  it('leaves out what is not in sight, and everything where there is no room or no time', () => {
    expect(lay([span('a', 200, 300)], SIGHT)).toEqual([]);
    expect(lay([span('a', 0, 10)], { ...SIGHT, width: 5 })).toEqual([]);
    expect(lay([span('a', 0, 10)], { ...SIGHT, to_s: 0 })).toEqual([]);
  });
});
