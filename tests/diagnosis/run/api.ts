// A server's REST API for recorders: with its own key, and a certificate that nobody signed.

import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import type { Server } from '../../browser/support/server.ts';

/** An answer of a server's REST API, past all lines. */
export function api<T>(
  server: Server,
  path: string,
  { method = 'GET', body }: { method?: string; body?: object } = {},
): Promise<T> {
  const headers = { authorization: `Bearer ${server.apiKey}`, origin: server.url, 'content-type': 'application/json' };
  return new Promise((done, failed) => {
    const request = server.url.startsWith('https:') ? secure : plain;
    const asked = request(`${server.url}${path}`, { method, headers, rejectUnauthorized: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (response.statusCode === 200) done(JSON.parse(text) as T);
        else failed(new Error(`${path}: ${response.statusCode} ${text}`));
      });
    });
    asked.on('error', failed);
    asked.end(body && JSON.stringify(body));
  });
}
