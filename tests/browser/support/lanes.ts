// What a page sends to the server as telemetry, read off its socket.

import type { Page } from '@playwright/test';
import { decodeBlock } from '../../../web-demo/src/client/lanes-decoder.ts';

/** A row of a lane. */
export type Row = Record<string, unknown> & { t: number };

/** Blocks that a page has sent so far. */
export class SentLanes {
  /** Size of each block's frame, bytes, in order. */
  readonly frames: number[] = [];
  readonly #rows = new Map<string, Row[]>();

  /** Follows a page from before its socket is opened. */
  constructor(page: Page) {
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => {
        if (typeof payload !== 'string' || !payload.startsWith('{"t":"block"')) return;
        const { codec, bytes } = JSON.parse(payload) as { codec: string; bytes: string };
        this.frames.push(payload.length);
        for (const [lane, rows] of Object.entries(decodeBlock(codec, bytes))) {
          this.#rows.set(lane, [...(this.#rows.get(lane) ?? []), ...(rows as Row[])]);
        }
      }),
    );
  }

  /** Rows of a lane so far. */
  of(lane: string): Row[] {
    return this.#rows.get(lane) ?? [];
  }
}
