// Records how other tools see a call with a known fault, and the same call in our own form, for diagnosis/tests/recorded.rs:
// Chrome's own webrtc-internals page and rtcstats.js at a viewer whose line loses packets on the way up, and a series of
// `getStats` in an agent's Firefox while the server throws datagrams away. npm run dumps.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Agent } from '../browser/support/agent.ts';
import { launchChromium } from '../browser/support/chromium.ts';
import { Firefox } from '../browser/support/firefox.ts';
import { test } from '../browser/support/fixtures.ts';
import { recordPeers } from '../browser/support/peers.ts';
import { type Account, Server } from '../browser/support/server.ts';
import { Viewer } from '../browser/support/viewer.ts';
import { api } from './run/api.ts';
import { Rig } from './run/rig.ts';
import { serverConfig } from './run/seat.ts';
import { lanesOf, type TelemetryFile } from './run/trace.ts';

const OUT = resolve(import.meta.dirname, '../../diagnosis/tests/recorded');
const ACCOUNT: Account = { login: 'dumps', password: 'correct horse battery', name: 'Robin Vale' };
/** Before the fault, and with it, ms. */
const WELL_MS = 12_000;
const FAULT_MS = 18_000;
/** Share that is lost. */
const LOSS = 0.14;

const nap = (ms: number) => new Promise((done) => setTimeout(done, ms));
const PAGE = { ignoreHTTPSErrors: true, locale: 'en-GB', viewport: { width: 1_280, height: 800 } };

type Page = Viewer['page'];

/** Writes what a tool said, packed, without addresses. */
async function keep(name: string, text: string): Promise<void> {
  await mkdir(OUT, { recursive: true });
  const neutral = text.replaceAll(/\b(?:10|127)\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g, '192.0.2.1');
  await writeFile(resolve(OUT, `${name}.gz`), gzipSync(neutral, { level: 9 }));
  console.log(`${name}: ${text.length} bytes`);
}

/** The ticket's lanes of a call's end, in our own form. */
async function own(server: Server, ticket: number, lanes: string[]): Promise<string> {
  const file = await api<TelemetryFile>(server, `/api/v1/tickets/${ticket}/telemetry`);
  const all = lanesOf(file);
  const kept = Object.fromEntries(lanes.map((lane) => [lane, all[lane] ?? []]));
  return JSON.stringify({ format: 'sightline-telemetry/1', lanes: kept });
}

/** An agent takes the viewer's chat and is shown the player. */
async function call(server: Server, viewer: Viewer, agent: Agent): Promise<number> {
  await server.addAgent(ACCOUNT);
  await agent.signIn(server.url, ACCOUNT);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  return ticket;
}

/**
 * Lets rtcstats.js wrap what the page makes, and keep its lines. Its way for Chromium asks by a callback, which Chromium no longer
 * answers: it is made to take its other way, the standard's, by hiding what it tells Chromium by.
 */
async function traceByRtcstats(page: Page): Promise<void> {
  const source = await readFile(resolve(import.meta.dirname, '../browser/node_modules/rtcstats/rtcstats.js'), 'utf8');
  await page.addInitScript(`(() => {
    Object.defineProperty(Navigator.prototype, 'webkitGetUserMedia', { value: undefined });
    const module = { exports: {} };
    ${source}
    window.rtcstatsLines = [];
    module.exports((...event) => {
      if (event[1] instanceof RTCPeerConnection) event[1] = event[1].__rtcStatsId;
      window.rtcstatsLines.push(JSON.stringify([...event, Date.now()]));
    }, 1000, ['']);
  })()`);
}

/** What the page chrome://webrtc-internals of the same browser has, as its button downloads it. */
async function internalsOf(page: Page): Promise<string> {
  await page.locator('summary', { hasText: 'Create' }).first().click();
  const downloading = page.waitForEvent('download');
  await page
    .getByRole('button', { name: /Download the/ })
    .first()
    .click();
  const bytes = await readFile(await (await downloading).path());
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString();
}

declare global {
  interface Window {
    rtcstatsLines: string[];
    series: unknown[];
  }
}

test('Chrome and rtcstats.js', async () => {
  const rig = await Rig.start({ seats: 1, seed: 1, cache: process.env.CORPUS_CACHE ?? '', contents: ['talk'] });
  try {
    const stream = await rig.cdn.open({ content: 'talk', levels: 1, begin: 100 });
    const server = await Server.start({ place: rig.lab.place, config: serverConfig(rig.cdn.origin, [stream]) });
    const page = await rig.cdn.page({ stream: stream.stream, support: server.url, behindSegments: 3, handOver: true });
    const browser = await rig.lab.launch('seat0');
    const context = await browser.newContext(PAGE);
    const internals = await context.newPage();
    await internals.goto('chrome://webrtc-internals');
    const viewer = new Viewer(await context.newPage());
    await traceByRtcstats(viewer.page);
    await viewer.page.goto(page);
    await viewer.expectPlaying();
    const agent = new Agent(await (await (await rig.agentBrowser()).newContext(PAGE)).newPage());
    const ticket = await call(server, viewer, agent);
    await nap(WELL_MS);
    await rig.lab.set('seat0', { up: { loss: LOSS } });
    await nap(FAULT_MS);
    await keep('chrome-internals.json', await internalsOf(internals));
    const lines = await viewer.page.evaluate(() => window.rtcstatsLines);
    await keep('rtcstats.txt', `RTCStatsDump\n{"fileFormat":2}\n${lines.join('\n')}\n`);
    await keep('chrome-own.json', await own(server, ticket, ['viewer_up', 'viewer_down']));
    await browser.close();
    await server.dispose();
  } finally {
    await rig.dispose();
  }
});

test('Firefox', async () => {
  const server = await Server.start({ demo: true });
  const firefox = await Firefox.start();
  const chromium = await launchChromium();
  try {
    const agent = new Agent(await (await firefox.browser.newContext(PAGE)).newPage());
    await recordPeers(agent.page);
    const viewer = new Viewer(await (await chromium.newContext(PAGE)).newPage());
    await viewer.watchDemo(server.url);
    const ticket = await call(server, viewer, agent);
    await agent.page.evaluate(() => {
      window.series = [];
      const look = async () => {
        const pc = window.recordedPeers?.at(-1)?.pc;
        if (pc) window.series.push({ timestamp: Date.now(), reports: [...(await pc.getStats()).values()] });
      };
      setInterval(() => void look(), 1_000);
    });
    await nap(WELL_MS);
    await api(server, '/api/v1/demo/faults', { method: 'PUT', body: { server_drop: LOSS } });
    await nap(FAULT_MS);
    await keep('firefox-series.json', JSON.stringify(await agent.page.evaluate(() => window.series)));
    await keep('firefox-own.json', await own(server, ticket, ['agent_down', 'agent_up']));
  } finally {
    await chromium.close();
    await firefox.close();
    await server.dispose();
  }
});
