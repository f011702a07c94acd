// The round-trip times that a page's own pings find, seen from outside.

import type { Page } from '@playwright/test';

declare global {
  interface Window {
    /** Round trips of `ping` and `pong` on the page's WebSockets, ms, oldest first; put there by `recordPings`. */
    recordedPings?: number[];
  }
}

/** Records the pings of every document that `page` loads from now on. */
export async function recordPings(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const recorded: number[] = [];
    window.recordedPings = recorded;
    const sent = new Map<number, number>();
    const parse = (data: unknown): { t?: string; client_ms?: number } => {
      try {
        return JSON.parse(String(data)) ?? {};
      } catch {
        return {};
      }
    };
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener('message', ({ data }) => {
          const { t, client_ms } = parse(data);
          const at = t === 'pong' ? sent.get(client_ms ?? Number.NaN) : undefined;
          if (at !== undefined) recorded.push(performance.now() - at);
        });
      }
      override send(data: string | BufferSource | Blob): void {
        const { t, client_ms } = parse(data);
        if (t === 'ping' && client_ms !== undefined) sent.set(client_ms, performance.now());
        super.send(data);
      }
    };
  });
}

/** The shortest of a page's round trips, ms: what its clock works with. */
export async function bestPing(page: Page): Promise<number> {
  return page.evaluate(() => Math.min(...(window.recordedPings ?? [])));
}
