// Tests of what a browser is found able to do.

import { afterEach, expect, it, vi } from 'vitest';
import { canShareTab, isChromium } from './able.ts';

afterEach(() => vi.unstubAllGlobals());

/** A `getDisplayMedia` that reads these options in order, as its dictionary's conversion does, and counts its pickers. */
function browser(members: readonly string[]) {
  let pickers = 0;
  const getDisplayMedia = async (options: Record<string, unknown>) => {
    for (const name of members) void options[name];
    pickers += 1;
  };
  vi.stubGlobal('navigator', { mediaDevices: { getDisplayMedia } });
  return { pickers: () => pickers };
}

it('finds tabs where the browser knows to ask for one, and opens no picker', async () => {
  const chromium = browser(['audio', 'preferCurrentTab', 'selfBrowserSurface', 'video']);
  expect(canShareTab()).toBe(true);
  await Promise.resolve();
  expect(chromium.pickers()).toBe(0);
});

it('finds none where it does not, and opens no picker either', async () => {
  const firefox = browser(['audio', 'video']);
  expect(canShareTab()).toBe(false);
  await Promise.resolve();
  expect(firefox.pickers()).toBe(0);
});

it('finds none without display capture', () => {
  vi.stubGlobal('navigator', { mediaDevices: {} });
  expect(canShareTab()).toBe(false);
  vi.stubGlobal('navigator', {});
  expect(canShareTab()).toBe(false);
});

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', true],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36',
    true,
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', false],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/156.0 Mobile Safari/604.1',
    false,
  ],
])('knows Chromium and its kin: %s', (userAgent, is) => {
  expect(isChromium(userAgent)).toBe(is);
});
