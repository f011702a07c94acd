// The REST API as a program with the API key uses it.

import { expect, request } from '@playwright/test';
import type { Ops, Ticket, TicketList, TokenAnswer, TokenRequest } from '../../../web-demo/src/protocol/generated.ts';
import type { Server } from './server.ts';

/** Calls of the API of one server. */
export class Rest {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** One ticket with everything. */
  ticket(number: number): Promise<Ticket> {
    return this.#get(`/api/v1/tickets/${number}`);
  }

  /** The newest tickets. */
  tickets(): Promise<TicketList> {
    return this.#get('/api/v1/tickets?limit=50');
  }

  /** Where the node stands. */
  ops(): Promise<Ops> {
    return this.#get('/api/v1/ops');
  }

  /** A host-signed viewer token. */
  async viewerToken(wanted: TokenRequest): Promise<string> {
    return ((await this.#call('post', '/api/v1/tokens', wanted)) as TokenAnswer).token;
  }

  /** The ticket as soon as `ready` says so; the last samples arrive a moment after a call's end. */
  async ticketWhen(number: number, ready: (ticket: Ticket) => boolean): Promise<Ticket> {
    let ticket: Ticket | undefined;
    await expect
      .poll(async () => {
        ticket = await this.ticket(number);
        return ready(ticket);
      })
      .toBe(true);
    return ticket as Ticket;
  }

  #get<T>(path: string): Promise<T> {
    return this.#call('get', path) as Promise<T>;
  }

  async #call(method: 'get' | 'post', path: string, data?: unknown): Promise<unknown> {
    const context = await request.newContext({
      baseURL: this.#server.url,
      ignoreHTTPSErrors: true,
      extraHTTPHeaders: { authorization: `Bearer ${this.#server.apiKey}` },
    });
    try {
      const answer = await context[method](path, data === undefined ? {} : { data });
      expect(answer.status(), `${method} ${path}: ${await answer.text()}`).toBe(200);
      return await answer.json();
    } finally {
      await context.dispose();
    }
  }
}
