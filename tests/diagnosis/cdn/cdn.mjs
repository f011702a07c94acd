// The stand-in CDN and the host's web server as one process: node cdn/cdn.mjs CACHE ADDRESS CERT KEY. It is told what to do by
// lines of JSON on its input, `{id, op, …}`, and answers each with a line `{id, …}`. It ends with its input.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { LEVELS, Rendition, VARIANTS } from './contents.mjs';
import { Edge } from './edge.mjs';

const HERE = import.meta.dirname;
const [root, address, certPath, keyPath] = process.argv.slice(2);
const certificate = { cert: await readFile(certPath), key: await readFile(keyPath) };
const loaded = new Map();
const edges = new Map();
const pages = new Map();

const FILES = {
  '/page.js': [`${HERE}/../page/page.js`, 'text/javascript; charset=utf-8'],
  '/hls.js': [`${HERE}/../../../web-demo/node_modules/hls.js/dist/hls.light.min.js`, 'text/javascript; charset=utf-8'],
};
const files = new Map();
for (const [path, [file, type]] of Object.entries(FILES)) files.set(path, { type, body: await readFile(file) });
const html = await readFile(`${HERE}/../page/index.html`, 'utf8');

const FILLER = Buffer.alloc(64 * 1024, 0x5a);

/** A download without end, as fast as the line carries it. */
function bulk(response) {
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  const more = () => {
    while (!response.destroyed && response.write(FILLER));
  };
  response.on('drain', more);
  response.on('error', () => {});
  more();
}

/** All variants and levels of a content. */
function renditions(content) {
  if (!loaded.has(content)) {
    const load = async () => {
      const all = {};
      for (const variant of VARIANTS) {
        all[variant] = {};
        for (const { name } of LEVELS) all[variant][name] = await Rendition.load(root, content, variant, name);
      }
      return all;
    };
    loaded.set(content, load());
  }
  return loaded.get(content);
}

const site = createServer(certificate, (request, response) => {
  const path = new URL(request.url ?? '/', 'https://site').pathname;
  const file = files.get(path);
  const page = pages.get(path);
  const headers = { 'cache-control': 'no-store' };
  if (path === '/bulk') return bulk(response);
  if (file) response.writeHead(200, { ...headers, 'content-type': file.type }).end(file.body);
  else if (page) response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(page);
  else response.writeHead(404).end();
});
site.on('tlsClientError', () => {});
await new Promise((done) => site.listen(0, address, done));
const origin = `https://${address}:${site.address().port}`;

const OPS = {
  /** Where pages are. */
  origin: () => ({ origin }),
  /** Opens an edge with a stream. */
  async open({ content, levels, begin }) {
    const edge = new Edge(await renditions(content), { levels, begin });
    const stream = await edge.listen(address, certificate);
    edges.set(stream, edge);
    return { stream, kbps: edge.rates() };
  },
  /** A page that plays a stream. */
  page({ settings }) {
    const path = `/${randomBytes(6).toString('hex')}`;
    pages.set(path, html.replace('SETTINGS', JSON.stringify(settings).replaceAll('<', '\\u003c')));
    return { url: `${origin}${path}?lang=en` };
  },
  fault({ stream, fault }) {
    edges.get(stream).set(fault);
    return {};
  },
  counts: ({ stream }) => ({ counts: edges.get(stream).counts }),
  async close({ stream }) {
    await edges.get(stream).close();
    edges.delete(stream);
    return {};
  },
};

for await (const line of createInterface(process.stdin)) {
  const { id, op, ...rest } = JSON.parse(line);
  // One after another: a fault is on when its answer is written.
  const answer = await Promise.resolve(OPS[op](rest)).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
}
process.exit(0);
