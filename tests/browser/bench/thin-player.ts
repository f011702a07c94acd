// What the page's player does, told by means of its own: time in which its picture stands still, and times it fell to a smaller one.

import type { Page } from '@playwright/test';

/** Counted from the watch's beginning. */
export interface PlayerWatch {
  atMs: number;
  stalledMs: number;
  levelDrops: number;
}

declare global {
  interface Window {
    /** Put there by `watchPlayer`. */
    watchedPlayer: PlayerWatch;
  }
}

/** Begins to watch; looks ten times a second. */
export async function watchPlayer(page: Page): Promise<void> {
  await page.evaluate(() => {
    const video = document.querySelector('video');
    if (!video) throw new Error('no player');
    const watch = { atMs: performance.now(), stalledMs: 0, levelDrops: 0 };
    window.watchedPlayer = watch;
    let [position, height] = [video.currentTime, video.videoHeight];
    setInterval(() => {
      const now = performance.now();
      if (!video.paused && video.currentTime === position) watch.stalledMs += now - watch.atMs;
      if (video.videoHeight < height) watch.levelDrops += 1;
      position = video.currentTime;
      height = video.videoHeight;
      watch.atMs = now;
    }, 100);
  });
}

/** What was counted so far. */
export function playerOf(page: Page): Promise<PlayerWatch> {
  return page.evaluate(() => ({ ...window.watchedPlayer }));
}
