// What the viewer's page measures and when it says so: nothing before the chat is opened, then the minute before and every
// second, by the members of docs/diagnosis.md.

import type { Page } from '@playwright/test';
import { expect, tell, test } from '../support/fixtures.ts';
import { type Row, SentLanes } from '../support/lanes.ts';

/** The page's own player, watched for a while. */
const WATCHED_MS = 8_000;

const requestsFor = (page: Page, part: string) =>
  page.evaluate((name) => performance.getEntriesByType('resource').some((entry) => entry.name.includes(name)), part);

test('the minute before the chat comes with it: player, requests, device, from the library of the page', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  const sent = new SentLanes(viewer.page);
  await viewer.watchDemo(server.url);
  await expect.poll(() => requestsFor(viewer.page, '/assets/watch-')).toBe(true);
  await viewer.page.waitForTimeout(WATCHED_MS);
  expect(sent.frames, 'nothing leaves before the chat is opened').toEqual([]);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await expect.poll(() => sent.of('player').length).toBeGreaterThan(6);
  const player = sent.of('player').at(-1);
  tell('a second of the player', JSON.stringify(player));
  expect(player).toMatchObject({ engine: 'hls.js', seeking: false, mediaErrors: 0, videoWidth: 1280 });
  expect(Number(player?.level)).toBeGreaterThanOrEqual(0);
  expect(player?.frameRate).toBeCloseTo(30, 0);
  const rendered = sent.of('player').findLast(({ renderedFrames }) => renderedFrames !== undefined);
  expect(Number(rendered?.renderedFrames)).toBeGreaterThan(60);
  expect(Number(player?.bitrateKbps)).toBeGreaterThan(100);
  expect(Number(player?.latencyS)).toBeGreaterThan(1);
  expect(Number(player?.playlistAgeS)).toBeLessThan(10);
  const segments = sent.of('segments');
  tell('a request', JSON.stringify(segments.findLast(({ mediaS }) => mediaS !== undefined)));
  const host = new URL(server.url).host;
  expect(segments.every((one) => one.host === host)).toBe(true);
  const pieces = segments.filter(({ mediaS }) => mediaS !== undefined);
  expect(pieces.length).toBeGreaterThan(2);
  for (const piece of pieces) {
    expect(piece).toMatchObject({ status: 200, cached: false });
    expect(Number(piece.durationMs)).toBeGreaterThanOrEqual(Number(piece.ttfbMs));
    expect(Number(piece.bytes)).toBeGreaterThan(10_000);
  }
  // Where the newest piece of a second can be had again.
  const { uri, init, playlist } = pieces.findLast((piece) => piece.uri !== undefined) ?? ({} as Partial<Row>);
  const folder = `${new URL(server.url).origin}/live/demo/720p/`;
  expect(uri).toMatch(new RegExp(`^${folder}\\d+\\.m4s$`));
  expect({ init, playlist }).toEqual({ init: `${folder}init.mp4`, playlist: `${folder}index.m3u8` });
  const device = sent.of('device').at(-1);
  tell('a second of the device', JSON.stringify(device));
  expect(Number(device?.hardwareConcurrency)).toBeGreaterThan(0);
  expect(device).toMatchObject({ hidden: false });
  // A word of complaint: the line is asked for its round trip every second.
  await expect.poll(() => sent.of('device').filter(({ pingMs }) => Number(pingMs) > 0).length).toBeGreaterThan(3);
  const times = sent.of('player').map(({ t }) => t);
  expect(times.every((t) => t % 1000 === 0)).toBe(true);
  expect(new Set(times).size).toBe(times.length);
});

test('the library of a page is found without its help', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  const sent = new SentLanes(viewer.page);
  // The page keeps its player in a global of its own, as most do, and never says `sightlinePlayer`.
  await viewer.page.addInitScript(() => {
    Object.defineProperty(window, 'sightlinePlayer', {
      set: (player) => Object.assign(window, { livePlayer: player }),
      configurable: true,
    });
  });
  await viewer.watchDemo(server.url);
  await viewer.page.waitForTimeout(WATCHED_MS);
  await viewer.openChat();
  await viewer.pick('Something else');
  await expect.poll(() => sent.of('player').at(-1)?.engine).toBe('hls.js');
});

test('a busy main thread is told, and a page that is hidden', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  const sent = new SentLanes(viewer.page);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await viewer.page.evaluate(() => {
    const until = performance.now() + 6_000;
    const busy = () => {
      for (const from = performance.now(); performance.now() - from < 300; );
      if (performance.now() < until) setTimeout(busy, 200);
    };
    busy();
  });
  await expect.poll(() => sent.of('device').filter(({ blockedMs }) => Number(blockedMs) >= 300).length, { timeout: 20_000 }).toBeGreaterThan(3);
  await viewer.page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await expect.poll(() => sent.of('marks').map(({ kind }) => kind)).toContain('hidden');
});

test('in a call both ends tell both directions, and the agent its device and its own line', async ({ stage }) => {
  const server = await stage.server();
  const [viewer, agent] = [await stage.viewer(), await stage.agent(server)];
  const [fromViewer, fromAgent] = [new SentLanes(viewer.page), new SentLanes(agent.page)];
  // The agent's socket was open before it was followed.
  await agent.page.reload();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await expect.poll(() => fromViewer.of('viewer_up').length, { timeout: 30_000 }).toBeGreaterThan(4);
  await expect.poll(() => fromAgent.of('preflights').length, { timeout: 30_000 }).toBe(1);
  expect(fromAgent.of('preflights')[0]).toMatchObject({ side: 'agent', udpReachable: true, up: { loss: 0 }, down: { loss: 0 } });
  expect(fromAgent.of('agent_down').at(-1)?.video).toMatchObject({ frameWidth: expect.any(Number) });
  expect(Number(fromAgent.of('agent_device').at(-1)?.hardwareConcurrency)).toBeGreaterThan(0);
  expect(fromViewer.of('marks').map(({ kind }) => kind)).toContain('share_started');
});
