// A way to the server that can be cut, for browsers that no network laboratory holds: what goes over it is TCP, so pages and the
// chat's socket, while media go their own way.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A cable to a port of this machine. */
export class Cable {
  /** Origin by which the server is reached. */
  readonly url: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Lays one. */
  static async to(port: number): Promise<Cable> {
    const server = createServer((near) => cable.#came(near, port));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const cable: Cable = new Cable(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return cable;
  }

  /** Everything on it breaks, and nothing new gets through. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
  }

  /** Lets new connections through. */
  mend(): void {
    this.#isCut = false;
  }

  /** Takes it away. */
  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #came(near: Socket, port: number): void {
    if (this.#isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
  }
}
