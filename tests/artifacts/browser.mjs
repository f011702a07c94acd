// Chromium with the bench's page, and the server that gives it clips.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspected } from './inspect.mjs';
import { cached, REPOSITORY } from './place.mjs';

const web = join(REPOSITORY, 'web-demo');
const fromWeb = createRequire(join(web, 'package.json'));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mp4': 'video/mp4', '.webm': 'video/webm' };

/** Builds the page with the detectors as they are now. */
async function page() {
  const { build } = await import(pathToFileURL(fromWeb.resolve('vite')));
  const outDir = cached('page');
  await build({
    root: join(import.meta.dirname, 'page'),
    configFile: false,
    logLevel: 'error',
    build: { outDir, emptyOutDir: true, target: 'es2022', rolldownOptions: { input: join(import.meta.dirname, 'page/index.html') } },
  });
  return outDir;
}

/** Gives the inspected frames of a clip as bytes: for each its time, size, the frame before and itself. */
async function sendInspected(file, response) {
  for await (const { t, size, before, frame } of inspected(file)) {
    const head = Buffer.alloc(12);
    head.writeUInt32BE(Math.round(t * 1000), 0);
    head.writeUInt32BE(size.width, 4);
    head.writeUInt32BE(size.height, 8);
    for (const part of [head, before, frame]) {
      if (!response.write(part)) await new Promise((go) => response.once('drain', go));
    }
  }
  response.end();
}

/** Starts both. `clipFile(id)` gives a clip's file. */
export async function browser(clipFile) {
  const folder = await page();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://bench');
    try {
      if (url.pathname === '/frames') {
        await sendInspected(await clipFile(url.searchParams.get('clip')), response);
        return;
      }
      const file =
        url.pathname === '/clip'
          ? await clipFile(url.searchParams.get('clip'))
          : join(folder, url.pathname === '/' ? 'index.html' : url.pathname);
      if (!existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-length': statSync(file).size });
      createReadStream(file).pipe(response);
    } catch (error) {
      response.destroy(error);
    }
  });
  await new Promise((go) => server.listen(0, '127.0.0.1', go));
  const { chromium } = fromWeb('playwright-core');
  const chrome = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--autoplay-policy=no-user-gesture-required'],
  });
  const tab = await chrome.newPage();
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  return {
    name: `Chromium ${chrome.version()}`,
    judge: (id) => tab.evaluate((address) => window.judgeClip(address), `/frames?clip=${encodeURIComponent(id)}`),
    play: (id) => tab.evaluate((address) => window.playClip(address), `/clip?clip=${encodeURIComponent(id)}`),
    close: async () => {
      await chrome.close();
      server.closeAllConnections();
      await new Promise((go) => server.close(go));
    },
  };
}
