// Tests of the freeze notice.

import { expect, it } from 'vitest';
import { FROZEN_AFTER_MS, FrameWatch } from './frame-watch.ts';

it('says so only after two seconds without a frame, and not before the first', () => {
  const watch = new FrameWatch();
  expect(watch.frozenFor(60_000)).toBeNull();
  watch.frame(1_000);
  expect(watch.frozenFor(1_000 + FROZEN_AFTER_MS)).toBeNull();
  expect(watch.frozenFor(1_001 + FROZEN_AFTER_MS)).toBe(FROZEN_AFTER_MS + 1);
  watch.frame(5_000);
  expect(watch.frozenFor(5_100)).toBeNull();
});

it('does not blame the picture for a hidden page', () => {
  const watch = new FrameWatch();
  watch.restart(0);
  expect(watch.frozenFor(10_000)).toBeNull();
  watch.frame(1_000);
  watch.restart(30_000);
  expect(watch.frozenFor(31_000)).toBeNull();
  watch.clear();
  expect(watch.frozenFor(99_000)).toBeNull();
});
