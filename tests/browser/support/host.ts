// A host's web server: pages under a strict policy, with or without the widget's script tag, on an origin of their own.

import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { REPOSITORY } from './server.ts';

/** An answer of the host. */
export interface Answer {
  type: string;
  body: string | Buffer;
  headers?: Record<string, string>;
}

/** A host's server. */
export class Host {
  /** Its origin. */
  readonly origin: string;
  readonly #server: HttpServer;
  #pages: Record<string, Answer | undefined> = {};

  private constructor(server: HttpServer) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => answer(this.#pages, request, response));
  }

  /** Starts one without pages. */
  static async start(): Promise<Host> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new Host(server);
  }

  /** Serves these pages, by path. */
  serve(pages: Record<string, Answer | undefined>): void {
    this.#pages = pages;
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

function answer(pages: Record<string, Answer | undefined>, request: IncomingMessage, response: ServerResponse): void {
  const page = pages[new URL(request.url ?? '/', 'http://host').pathname];
  if (page === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': page.type, 'cache-control': 'no-store', ...page.headers }).end(page.body);
}

/** A server that accepts connections and never says a word. */
export class SilentServer {
  /** Its origin. */
  readonly origin: string;
  /** Connections that were made to it. */
  connections = 0;
  readonly #server: TcpServer;
  readonly #sockets = new Set<Socket>();

  private constructor(server: TcpServer) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Starts one. */
  static async start(): Promise<SilentServer> {
    const server = createTcpServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new SilentServer(server);
  }

  /** Ends it. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
}

/** An origin where nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = await SilentServer.start();
  await server.close();
  return server.origin;
}

/** A policy as strict as a host can make it: itself, and the support server by name. Nothing inline, nothing evaluated. */
export function strictPolicy(support: string): string {
  const socket = support.replace(/^http/, 'ws');
  return [
    "default-src 'none'",
    `script-src 'self' ${support}`,
    `connect-src 'self' ${support} ${socket}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "media-src 'self' http:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** A page with a player; `head` is what the host puts into its head. */
export function hostPage({ head = '', video = '/clip.mp4' } = {}): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A host's stream</title>
<link rel="stylesheet" href="/host.css"><link rel="icon" href="data:,"><script src="/host.js" defer></script>${head}</head>
<body><h1>A host's stream</h1><video src="${video}" width="640" height="360" autoplay muted loop playsinline></video>
${'<p>Text of the host that takes a moment to lay out.</p>\n'.repeat(50)}</body></html>`;
}

/** The demo's clip as one file. */
export async function clip(): Promise<Buffer> {
  const part = (name: string) => readFile(resolve(REPOSITORY, 'assets/clip', name));
  const names = Array.from({ length: 12 }, (_, n) => `360p/${String(n).padStart(2, '0')}.m4s`);
  return Buffer.concat(await Promise.all(['360p/init.mp4', ...names].map(part)));
}

/** What every page of the host carries, and the page itself at `/`. */
export async function hostPages(page: string, policy?: string): Promise<Record<string, Answer>> {
  const headers: Record<string, string> = policy === undefined ? {} : { 'content-security-policy': policy };
  return {
    '/': { type: 'text/html; charset=utf-8', body: page, headers },
    '/host.css': { type: 'text/css', body: 'body { font: 16px sans-serif; margin: 2rem; }' },
    '/host.js': { type: 'text/javascript', body: 'document.documentElement.dataset.host = "ready";' },
    '/clip.mp4': { type: 'video/mp4', body: await clip() },
  };
}

/** A host's script that adds the widget after the page's own `load`. */
export function lateWidget(support: string): string {
  return `addEventListener('load', () => {
  const script = document.createElement('script');
  script.src = '${support}/widget.js';
  document.head.append(script);
});`;
}

/** The script tag that a host puts into its pages. */
export function widgetTag(support: string): string {
  return `<script async src="${support}/widget.js"></script>`;
}
