// What is shown in the tab that is shared.

import type { Page } from '@playwright/test';
import { SHARED_TAB_TITLE } from '../support/flags.ts';
import { patternPage } from '../support/pattern.ts';
import type { Content } from './scenarios.ts';

const WORDS =
  'frame buffer stall segment level edge packet loss jitter decoder bitrate latency queue viewer stream codec render';

/** Opens the tab: a pattern in motion of 1280×720, or 1920×1080 of small text as of a log. */
export async function openContent(beside: Page, content: Content): Promise<Page> {
  const page = await beside.context().newPage();
  const text = content === 'dense text';
  await page.setViewportSize(text ? { width: 1920, height: 1080 } : { width: 1280, height: 720 });
  await page.setContent(text ? textPage() : patternPage());
  await beside.bringToFront();
  return page;
}

function textPage(): string {
  const words = WORDS.split(' ');
  const rows = Array.from({ length: 72 }, (_, row) =>
    Array.from({ length: 30 }, (_, column) => words[(row * 7 + column * 11) % words.length]).join(' '),
  );
  return `<!doctype html><title>${SHARED_TAB_TITLE}</title>
<style>body{margin:0;font:13px/15px monospace;white-space:pre;overflow:hidden}span{position:fixed;right:4px;bottom:2px}</style>${rows.join('\n')}<span></span>
<script>setInterval(() => { document.querySelector('span').textContent = new Date().toISOString(); }, 200);</script>`;
}
