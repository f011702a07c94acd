// What breaks mends by itself, in each browser: the table in docs/operations.md, "When something breaks", has a cell for each test
// here and in `interruptions` and `resume`, which have Chromium's others.

import type { Agent } from '../support/agent.ts';
import { Cable } from '../support/cable.ts';
import { invite } from '../support/conversation.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { line, needNetlab } from '../support/netlab.ts';
import { openOverLines } from '../support/over-lines.ts';
import type { Server } from '../support/server.ts';
import type { Viewer, Way } from '../support/viewer.ts';

/** The socket is gone for so long, ms. */
const CUT_MS = 3_000;
/** The player's buffer is empty by then, ms. */
const DRY_MS = 9_000;
/** In the background for so long, ms: past every ping. */
const HIDDEN_MS = 15_000;
/** A chat resumes within this after the way is there again, ms (issue 4). */
const RESUMES_MS = 3_000;
/** What browsers write about a server that is not there. */
const NO_SERVER =
  /ERR_|WebSocket|NetworkError|can.t establish a connection|NS_ERROR|interrupted while the page was loading|fetch/;

interface Over {
  server: Server;
  cable: Cable;
  viewer: Viewer;
  agent: Agent;
  ticket: number;
}

/** A viewer whose way to the server can be cut, and an agent with a way of its own; their conversation is taken. */
async function opened(stage: Stage, browser: 'Chromium' | 'Firefox'): Promise<Over> {
  stage.expected.push(NO_SERVER);
  const server = await stage.server();
  const cable = await Cable.to(server.port);
  stage.onEnd(() => cable.close());
  const agent = await stage.agent(server);
  const viewer = await stage.viewer(browser === 'Firefox' ? { browser: await stage.firefox() } : {});
  await viewer.watchDemo(cable.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await expect(viewer.status).toContainText('Robin Vale is helping you');
  return { server, cable, viewer, agent, ticket };
}

async function sharing({ viewer, agent }: Over, way: Way = 'player'): Promise<void> {
  await invite(viewer, agent);
  await viewer.choose(way);
  await agent.expectPictureMoving();
  await expect(viewer.bar).toBeVisible();
}

/** Still the first call, and it runs. */
async function expectFirstCall(stage: Stage, { server, ticket }: Over): Promise<void> {
  const { calls } = await stage.rest(server).ticket(ticket);
  expect(calls).toHaveLength(1);
  expect(calls[0]?.ended_at_ms).toBeUndefined();
}

for (const browser of ['Chromium', 'Firefox'] as const) {
  test(`${browser}: the socket is cut in a call: the picture goes on, what was written meanwhile arrives`, async ({
    stage,
  }) => {
    const over = await opened(stage, browser);
    const { cable, viewer, agent } = over;
    // Not the player: its stream comes over the cable, too.
    await sharing(over, 'camera');
    cable.cut();
    await agent.expectPictureMoving();
    await expect(viewer.dialog.getByText(/Reconnecting|cannot reach/)).toBeVisible();
    await viewer.say('Written meanwhile.');
    await agent.answer('So was this.');
    await viewer.page.waitForTimeout(CUT_MS);
    cable.mend();
    const mendedAt = performance.now();
    await expect(viewer.log.getByText('So was this.', { exact: true })).toBeVisible({ timeout: 15_000 });
    tell('resumed after', `${Math.round(performance.now() - mendedAt)} ms`);
    await expect(agent.log.getByText('Written meanwhile.', { exact: true })).toBeVisible();
    await expect(viewer.bar).toBeVisible();
    await agent.expectPictureMoving();
    await expectFirstCall(stage, over);
  });
}

test('Chromium: the stream is cut in a call that shares the player: with the player the picture goes on', async ({
  stage,
}) => {
  const over = await opened(stage, 'Chromium');
  const { cable, viewer, agent } = over;
  await sharing(over);
  cable.cut();
  await viewer.page.waitForTimeout(DRY_MS);
  cable.mend();
  // The demo's player tries again after up to eight seconds, by itself.
  await expect(() => agent.expectPictureMoving()).toPass({ timeout: 45_000 });
  await expectFirstCall(stage, over);
});

test('Firefox: in the background for a while: the call goes on and the chat is there', async ({ stage }) => {
  const over = await opened(stage, 'Firefox');
  const { viewer, agent } = over;
  await sharing(over);
  const other = await viewer.page.context().newPage();
  await other.bringToFront();
  await agent.answer('Are you there?');
  await other.waitForTimeout(HIDDEN_MS);
  await viewer.page.bringToFront();
  await other.close();
  await expect(viewer.log.getByText('Are you there?', { exact: true })).toBeVisible();
  await viewer.say('Yes, back again.');
  await expect(agent.log.getByText('Yes, back again.', { exact: true })).toBeVisible();
  await agent.expectPictureMoving();
  await expectFirstCall(stage, over);
});

test('Firefox: the server is killed in a call and restarted: the chat resumes, one click offers the call again', async ({
  stage,
}) => {
  const over = await opened(stage, 'Firefox');
  const { server, viewer, agent } = over;
  await sharing(over);
  await server.kill();
  await expect(viewer.dialog.getByText(/Reconnecting|cannot reach/)).toBeVisible();
  await viewer.say('While it was down.');
  await server.startAgain();
  const backAt = performance.now();
  await expect(agent.log.getByText('While it was down.', { exact: true })).toBeVisible({ timeout: 30_000 });
  tell('resumed after', `${Math.round(performance.now() - backAt)} ms`);
  await expect(viewer.bar).toBeHidden();
  await expect(viewer.log.getByText('Sharing ended because our server was restarted.', { exact: false })).toBeVisible();
  await sharing(over);
});

test('Chromium: the server is told to end: a chat resumes at its successor within three seconds', async ({ stage }) => {
  const over = await opened(stage, 'Chromium');
  const { server, viewer, agent } = over;
  await server.stop();
  await server.startAgain();
  const backAt = performance.now();
  await agent.answer('After the change.');
  await expect(viewer.log.getByText('After the change.', { exact: true })).toBeVisible({ timeout: 15_000 });
  const ms = performance.now() - backAt;
  tell('resumed after', `${Math.round(ms)} ms`);
  expect(ms).toBeLessThan(RESUMES_MS);
});

test('Chromium: the network is another one, with another address: the call goes on without a new consent', async ({
  stage,
}) => {
  needNetlab();
  stage.expected.push(NO_SERVER);
  const plain = line(40);
  const { lab, ...over } = await openOverLines(stage, { viewer: { ...plain, nat: true }, agent: plain });
  const { viewer, agent } = over;
  await invite(viewer, agent);
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await lab.rebind('viewer', { tcp: true, address: true });
  const changedAt = performance.now();
  await viewer.page.waitForTimeout(1_000);
  await agent.expectPictureMoving();
  tell('the picture moves again after', `${Math.round(performance.now() - changedAt)} ms at most`);
  await viewer.say('From another network.');
  await expect(agent.log.getByText('From another network.', { exact: true })).toBeVisible({ timeout: 60_000 });
  const { calls } = await stage.rest(over.server).ticket(over.ticket);
  expect(calls).toHaveLength(1);
  expect(calls[0]?.ended_at_ms).toBeUndefined();
});
