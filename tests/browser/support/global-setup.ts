// Says what is missing before the first test does so in a worse way.

import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { firefoxBinary } from './firefox.ts';
import { REPOSITORY, serverBinary } from './server.ts';

export default async function globalSetup(): Promise<void> {
  await need(serverBinary(), 'the server', 'cargo build --package sightline --bin sightline');
  await need(resolve(REPOSITORY, 'web-demo/dist/widget.js'), 'the web pages', 'npm run --prefix web-demo build');
  await need(process.env.CHROMIUM ?? '/usr/bin/chromium', 'Chromium', 'apt-get install chromium');
  await need(firefoxBinary(), 'Firefox', 'apt-get install firefox-esr');
  await need('/usr/bin/Xvfb', 'a display for Firefox', 'apt-get install xvfb');
}

async function need(path: string, what: string, how: string): Promise<void> {
  await access(path, constants.R_OK).catch(() => {
    throw new Error(`${what} (${path}) is not there: ${how}`);
  });
}
