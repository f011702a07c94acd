// A WebSocket for tests: the test plays the server.

import type { ClientFrame, ServerMessage } from '../protocol/generated.ts';

/** Sockets that the code under test opened, newest last. */
export class FakeSockets {
  readonly all: FakeSocket[] = [];

  /** Give this as `openSocket`. */
  readonly open = (): WebSocket => {
    const socket = new FakeSocket();
    this.all.push(socket);
    return socket as unknown as WebSocket;
  };

  /** The newest one. */
  get last(): FakeSocket {
    const socket = this.all.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }
}

/** One socket. */
export class FakeSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  /** What the client sent. */
  readonly sent: ClientFrame[] = [];
  /** Code with which the client closed it. */
  closedWith: number | undefined;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientFrame);
  }

  close(code?: number): void {
    this.readyState = 3;
    this.closedWith = code ?? 1005;
  }

  /** The server accepts the socket; the hello is sent. */
  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  /** The server says something. */
  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The socket breaks. */
  break(): void {
    this.readyState = 3;
    this.onclose?.();
  }

  /** Frames of a kind that the client sent. */
  of<T extends ClientFrame['t']>(t: T): Extract<ClientFrame, { t: T }>[] {
    return this.sent.filter((frame): frame is Extract<ClientFrame, { t: T }> => frame.t === t);
  }
}
