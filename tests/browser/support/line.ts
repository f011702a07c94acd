// A page's line to the server's WebSocket that a test can break and mend, without touching its media.

import type { Page, WebSocketRoute } from '@playwright/test';

/** The line of one page. */
export class Line {
  readonly #open = new Set<WebSocketRoute>();
  #broken = false;

  /** Call it before the page is opened. */
  static async of(page: Page): Promise<Line> {
    const line = new Line();
    await page.routeWebSocket(/\/ws$/, (socket) => line.#came(socket));
    return line;
  }

  /** Breaks it as a network does: without a goodbye, and no new one comes through. */
  async break(): Promise<void> {
    this.#broken = true;
    for (const socket of [...this.#open]) await socket.close({ code: 4000, reason: 'cut by the test' });
  }

  /** Lets new ones through. */
  mend(): void {
    this.#broken = false;
  }

  #came(socket: WebSocketRoute): void {
    if (this.#broken) {
      void socket.close({ code: 4000, reason: 'cut by the test' });
      return;
    }
    const server = socket.connectToServer();
    this.#open.add(socket);
    socket.onClose((code, reason) => {
      this.#open.delete(socket);
      void server.close({ code: code ?? 4000, reason: reason ?? '' });
    });
    server.onClose((code, reason) => {
      this.#open.delete(socket);
      void socket.close({ code: code ?? 4000, reason: reason ?? '' });
    });
  }
}
