import { expect, it } from 'vitest';
import { type Findings, PictureJudge } from './judge.ts';
import type { Planes } from './planes.ts';
import { changed, frameOf, gradient, HEIGHT, noise, planesOf, type Scene, texture, WIDTH } from './scenes.ts';
import { secondOf } from './second.ts';

/** Frames that are inspected: eight, as in two seconds. */
const FRAMES = 8;
/** Pixels that the scene moves from frame to frame, and frames between inspected ones. */
const SPEED = 4;
const EACH = 6;

type Damage = (frame: Planes, before: Planes, turn: number) => Planes;

/** Judges a moving scene; the damage is done to each shown frame. */
function judged(scene: Scene, damage: Damage = (frame) => frame, speed = SPEED): Findings[] {
  const judge = new PictureJudge();
  return Array.from({ length: FRAMES }, (_, turn) => {
    const [older, old, now] = [2, 1, 0].map((back) => frameOf(scene, (turn * EACH - back) * speed)) as [
      Planes,
      Planes,
      Planes,
    ];
    return judge.judge(damage(now, old, turn), damage(old, older, turn).luma);
  });
}

type Finding = 'frozen' | 'black' | 'corrupt' | 'blocky' | 'striped' | 'banded' | 'torn';
const ALL: Finding[] = ['frozen', 'black', 'corrupt', 'blocky', 'striped', 'banded', 'torn'];

/** What is found in at least half of the frames. */
function found(frames: Findings[]): Finding[] {
  return ALL.filter((name) => frames.filter((frame) => frame[name]).length >= FRAMES / 2);
}

/** What is found in any frame. */
function ever(frames: Findings[]): Finding[] {
  return ALL.filter((name) => frames.some((frame) => frame[name]));
}

it('finds nothing in a scene that moves, nor in a gradient', () => {
  expect(ever(judged(texture))).toEqual([]);
  expect(ever(judged(gradient))).toEqual([]);
});

it('finds a picture that stands still, and says how much moves', () => {
  const still = judged(texture, undefined, 0);
  expect(still[0]?.frozen).toBeNull();
  expect(found(still)).toEqual(['frozen']);
  expect(still[3]?.motion).toBe(0);
  expect(judged(texture)[3]?.motion).toBeGreaterThan(0.02);
});

it('finds black, with the noise of an encoder or without, and not the night', () => {
  const dark =
    (amount: number): Damage =>
    (frame, _, turn) =>
      changed(frame, (__, x, y) => 16 + amount * noise(x, y, turn));
  expect(found(judged(texture, dark(0)))).toContain('black');
  expect(found(judged(texture, dark(3)))).toContain('black');
  const night: Damage = (frame) => changed(frame, (at, x, y) => 16 + (at(x, y) - 16) * 0.14);
  expect(ever(judged(texture, night))).toEqual([]);
  const wallpaper: Damage = (frame, _, turn) =>
    changed(frame, (__, x) => 17 + 3 * (Math.floor((x + 20 * turn) / 70) % 2));
  expect(ever(judged(texture, wallpaper))).not.toContain('black');
});

it('finds planes that nobody wrote, and not a meadow', () => {
  expect(found(judged(texture, () => planesOf(new Uint8Array(WIDTH * HEIGHT), 0, 0)))).toContain('corrupt');
  const meadow: Damage = (frame) => ({ ...planesOf(frame.luma.bytes as Uint8Array, 95, 105) });
  expect(ever(judged(texture, meadow))).toEqual([]);
});

it('finds blocks of a codec, and not a checker of the same size', () => {
  const mean = (at: (x: number, y: number) => number, x: number, y: number) => {
    let sum = 0;
    for (let n = 0; n < 64; n++) sum += at((x & ~7) + (n & 7), (y & ~7) + (n >> 3));
    return sum / 64;
  };
  expect(found(judged(texture, (frame) => changed(frame, mean)))).toContain('blocky');
  const checker: Scene = (x, y) => (((x >> 3) + (y >> 3)) & 1 ? 180 : 150);
  expect(ever(judged(checker))).not.toContain('blocky');
});

it('finds rows that are smeared or shifted, and not bars above and below', () => {
  const smeared: Damage = (frame) => changed(frame, (at, x, y) => at((y >> 5) % 3 === 1 ? Math.min(x, 40) : x, y));
  expect(found(judged(texture, smeared))).toContain('striped');
  const shifted: Damage = (frame) => changed(frame, (at, x, y) => at((y >> 5) % 3 === 1 ? x + 24 : x, y));
  expect(found(judged(texture, shifted))).toContain('striped');
  const faint: Scene = (x, y) => 90 + 0.1 * x + 0.05 * y;
  const bars: Damage = (frame) => changed(frame, (at, x, y) => (y % 40 < 6 ? 150 : at(x, y)));
  expect(found(judged(faint, bars))).toContain('striped');
  const letterbox: Damage = (frame) => changed(frame, (at, x, y) => (y < 32 || y >= HEIGHT - 32 ? 16 : at(x, y)));
  expect(ever(judged(texture, letterbox))).toEqual([]);
});

it('finds two frames in one, however the halves lie, and not a picture that scrolls', () => {
  const tear =
    (newerAbove: boolean): Damage =>
    (frame, before, turn) => {
      const row = 60 + 20 * turn;
      return changed(frame, (at, x, y) =>
        y < row === newerAbove ? at(x, y) : (before.luma.bytes[y * WIDTH + x] ?? 0),
      );
    };
  expect(found(judged(texture, tear(true)))).toEqual(['torn']);
  expect(found(judged(texture, tear(false)))).toEqual(['torn']);
  const lines: Scene = (_, y) => (Math.floor(y / 40) % 2 ? 60 : 180);
  const judge = new PictureJudge();
  for (let turn = 0; turn < FRAMES; turn++) {
    const at = (shift: number) => frameOf((x, y) => lines(x, y + shift));
    expect(judge.judge(at(turn * EACH + 1), at(turn * EACH).luma).torn).toBe(false);
  }
});

it('finds rows of two moments by turns, and not a texture of lines', () => {
  const combed: Damage = (frame, before) =>
    changed(frame, (at, x, y) => (y % 2 ? at(x, y) : (before.luma.bytes[y * WIDTH + x] ?? 0)));
  const edges: Scene = (x) => (Math.floor(x / 24) % 2 ? 60 : 180);
  expect(found(judged(edges, combed))).toContain('torn');
  const lines: Damage = (frame) => changed(frame, (at, x, y) => (y % 2 ? at(x, y) : 0.7 * at(x, y)));
  expect(ever(judged(edges, lines))).not.toContain('torn');
  expect(ever(judged(texture, lines))).not.toContain('torn');
});

it('finds stairs where a gradient should be, and not the gradient', () => {
  const few =
    (bits: number): Damage =>
    (frame) =>
      changed(frame, (at, x, y) => (at(x, y) >> (8 - bits)) << (8 - bits));
  for (const bits of [3, 4, 5]) expect(found(judged(gradient, few(bits)))).toContain('banded');
  expect(ever(judged(gradient, few(7)))).toEqual([]);
});

it('finds blocks that do not belong where they are, and not those of a picture that was drawn so from the start', () => {
  const misplaced =
    (seed: (turn: number) => number): Damage =>
    (frame, _, turn) =>
      changed(frame, (at, x, y) => {
        const moved = noise(x >> 4, y >> 4, seed(turn)) > 0.7;
        return moved ? 235 - at((((x * 7) % WIDTH) & ~15) | (x & 15), y) / 4 : at(x, y);
      });
  expect(
    found(
      judged(
        texture,
        misplaced((turn) => turn),
      ),
    ),
  ).toContain('corrupt');
  const drawn = misplaced(() => 1);
  expect(found(judged(texture, drawn, 0))).not.toContain('corrupt');
});

it('finds rows of blocks that are drawn down from those above, and not such a texture that moves or stays', () => {
  const fine: Scene = (x, y) => texture(2 * x, 2 * y);
  const drawnDown =
    (from: (turn: number) => number): Damage =>
    (frame, _, turn) =>
      changed(frame, (at, x, y) => {
        const row = (y - from(turn) + 64) >> 4;
        return row % 4 === 1 ? at(x, row * 16 + from(turn) - 65) : at(x, y);
      });
  // New places every second, as at every key frame.
  expect(
    found(
      judged(
        fine,
        drawnDown((turn) => 16 * ((turn * 7) % 4)),
      ),
    ),
  ).toContain('corrupt');
  expect(ever(judged(fine))).not.toContain('corrupt');
  expect(
    found(
      judged(
        fine,
        drawnDown(() => 0),
      ),
    ),
  ).not.toContain('corrupt');
});

it('bears grain, cuts and pictures of any size', () => {
  const grain: Damage = (frame, _, turn) => changed(frame, (at, x, y) => at(x, y) + 9 * noise(x, y, turn));
  expect(ever(judged(texture, grain))).toEqual([]);
  const cuts: Damage = (frame, _, turn) =>
    turn % 2 ? changed(frame, (at, x, y) => 250 - at(x, HEIGHT - 1 - y)) : frame;
  expect(ever(judged(texture, cuts))).toEqual([]);
  for (const [width, height] of [
    [1, 1],
    [7, 300],
    [300, 5],
    [33, 17],
  ] as const) {
    const plane = (scale: number) => ({
      bytes: new Uint8Array(width * height),
      stride: width,
      width: Math.ceil(width / scale),
      height: Math.ceil(height / scale),
    });
    const planes: Planes = { luma: plane(1), chroma: [plane(2), plane(2)], full: true };
    expect(() => new PictureJudge().judge(planes, planes.luma)).not.toThrow();
  }
});

it('gives shares of the frames of a second, and nothing for a second without any', () => {
  const one: Findings = {
    motion: null,
    frozen: null,
    black: false,
    corrupt: true,
    blocky: false,
    striped: false,
    banded: false,
    torn: false,
  };
  const two: Findings = { ...one, motion: 0.2, frozen: false, corrupt: false };
  expect(secondOf(5000, [])).toBeNull();
  expect(secondOf(5000, [one])).toEqual(expect.not.objectContaining({ frozen: expect.anything() }));
  expect(secondOf(5000, [one, two])).toEqual({
    t: 5000,
    inspectable: true,
    frames: 2,
    motion: 0.2,
    frozen: 0,
    black: 0,
    corrupt: 0.5,
    blocky: 0,
    striped: 0,
    banded: 0,
    torn: 0,
  });
});
