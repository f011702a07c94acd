// A colleague in a running call: from the team's list, a ticket or by a key into the picture at a click, heard both ways,
// told to both ends, and out again while the call goes on. And a server that is about to stop, with a call that goes on.

import type { Page } from '@playwright/test';
import { Agent } from '../support/agent.ts';
import { callRuns, type Opened, openConversation, openPlayerCall } from '../support/conversation.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { COLOUR_TOLERANCE, openPattern, readPattern } from '../support/pattern.ts';
import type { Account, Server } from '../support/server.ts';
import { expectSilence, expectSound, expectVoicesPlayed } from '../support/sound.ts';
import { Line } from '../support/line.ts';

const KIM: Account = { login: 'kim', password: 'correct horse battery', name: 'Kim Lund' };
/** What a person may be asked for without a prompt. */
const DEVICES = { permissions: ['microphone', 'camera'] };
/** Long enough for a call to go on until somebody ends it, s. */
const DRAIN_S = 120;

/** The second agent, signed in. */
async function colleague(stage: Stage, server: Server, page?: Page): Promise<Agent> {
  await server.addAgent(KIM);
  if (page === undefined) return stage.agent(server, { account: KIM, ...DEVICES });
  const agent = new Agent(page);
  await agent.signIn(server.url, KIM);
  return agent;
}

/** A conversation with the pattern shared, and a colleague at a desk of its own. */
async function openPatternCall(stage: Stage): Promise<Opened & { kim: Agent; pattern: Page }> {
  const opened = await openConversation(stage, DEVICES);
  await opened.agent.page.context().grantPermissions(['microphone', 'camera']);
  const kim = await colleague(stage, opened.server);
  await expect(kim.team).toBeHidden();
  const pattern = await openPattern(opened.viewer.page);
  await opened.viewer.page.bringToFront();
  await opened.agent.invite.click();
  await opened.viewer.choose('screen');
  await opened.agent.expectPictureMoving();
  return { ...opened, kim, pattern };
}

/** The pattern is in the picture, and its counter goes on. */
async function expectPatternMoving(agent: Agent, pattern: Page): Promise<void> {
  await expect
    .poll(async () => (await readPattern(agent.video, pattern)).worst, { message: 'worst block, of 255' })
    .toBeLessThanOrEqual(COLOUR_TOLERANCE);
  const { counter } = await readPattern(agent.video, pattern);
  await expect
    .poll(async () => (await readPattern(agent.video, pattern)).counter, { message: 'the counter in the picture' })
    .not.toBe(counter);
}

test('a colleague joins from the team’s list, sees and hears, is told to both ends, and leaves; the call goes on', async ({ stage }) => {
  const { server, viewer, agent, ticket, kim, pattern } = await openPatternCall(stage);
  await agent.page.getByRole('button', { name: 'Internal note' }).click();
  await agent.page.getByRole('textbox', { name: 'Internal note' }).fill('Third call this week.');
  await agent.page.getByRole('button', { name: 'Save note' }).click();

  const row = kim.team.getByRole('listitem');
  await expect(row).toHaveCount(1);
  await expect(row).toContainText('Robin Vale');
  await expect(row).toContainText(`#${ticket}`);
  await expect(row).toContainText(/\d:\d\d/);
  // With one call in the team the connection is up before the click, and nobody is told.
  const join = row.getByRole('button', { name: 'Join', exact: true });
  await expect(join).toHaveAttribute('title', /Join Robin Vale’s call on #\d+.*\(C\)/);
  await expect
    .poll(() => kim.page.evaluate(() => window.recordedPeers?.filter(({ pc }) => pc.connectionState === 'connected').length))
    .toBe(2);
  await expect(viewer.log.getByText(/Kim Lund/)).toHaveCount(0);

  const clicked = Date.now();
  await join.click();
  await expect(kim.call).toBeVisible();
  await kim.expectPictureMoving();
  tell('join to a moving picture', `${Date.now() - clicked} ms, ten frames included`);
  await expectPatternMoving(kim, pattern);
  await expect(viewer.log.getByText('Kim Lund joined the call and sees what you share')).toBeVisible();
  await expect(viewer.bar.getByText('Kim Lund sees this too.')).toBeVisible();
  await expect(agent.log.getByText('Kim Lund joined the call')).toBeVisible();
  await expect(agent.call.getByTitle('Also in this call: Kim Lund')).toBeVisible();
  // The conversation is there to be read, with the notes; a reply is its agent's.
  await expect(kim.log.getByText('The picture stutters', { exact: true })).toBeVisible();
  await expect(kim.log.getByText('Third call this week.')).toBeVisible();
  await expect(kim.reply).toBeHidden();

  // Hears the viewer, and the agent.
  await expectSilence(kim.page);
  await viewer.bar.getByRole('button', { name: 'Turn on microphone' }).click();
  await expectSound(kim.page);
  await viewer.bar.getByRole('button', { name: 'Turn off microphone' }).click();
  await expectSilence(kim.page);
  await agent.call.getByRole('button', { name: 'Turn on microphone' }).click();
  await expectSound(kim.page);
  await expectVoicesPlayed(kim.page, 2);
  await agent.call.getByRole('button', { name: 'Turn off microphone' }).click();
  await expectSilence(viewer.page);
  // Is heard by both, once it wants to be.
  await kim.call.getByRole('button', { name: 'Turn on microphone' }).click();
  await expectSound(viewer.page);
  await expectSound(agent.page);
  // At the viewer the agent's microphone is off by now; the colleague's alone is played. The agent plays both.
  await expectVoicesPlayed(viewer.page, 1);
  await expectVoicesPlayed(agent.page, 2);

  await kim.leaveCall();
  await expect(viewer.log.getByText('Kim Lund left the call')).toBeVisible();
  await expect(agent.log.getByText('Kim Lund left the call')).toBeVisible();
  await expect(viewer.bar.getByText('Kim Lund sees this too.')).toBeHidden();
  await expectSilence(viewer.page);
  await callRuns(agent, 2);
  await expectPatternMoving(agent, pattern);
  await expect(row).toHaveCount(1);
  await agent.endCall();
  await expect(kim.team).toBeHidden();
  const { timeline, calls } = await stage.rest(server).ticket(ticket);
  const kinds = timeline.map(({ body }) => body.kind).filter((kind) => kind.startsWith('call_'));
  expect(kinds).toEqual(['call_invited', 'call_accepted', 'call_joined', 'call_left', 'call_ended']);
  expect(calls).toHaveLength(1);
});

test('by keyboard alone: a key joins, a key leaves; a ticket leads into its call too', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openPlayerCall(stage);
  const kim = await colleague(stage, server);
  await expect(kim.team.getByRole('listitem')).toHaveCount(1);
  await kim.page.keyboard.press('c');
  await kim.expectPictureMoving();
  await expect(kim.call.getByText(/with Robin Vale/)).toBeVisible();
  // It stays in sight elsewhere, and leads back.
  await kim.page.getByRole('link', { name: 'All tickets' }).click();
  await kim.expectPictureMoving();
  await kim.call.getByRole('button', { name: /^Back to this conversation/ }).click();
  await expect(kim.log).toBeVisible();
  await kim.page.keyboard.press('Escape');
  await kim.page.keyboard.press('Shift+E');
  await expect(kim.call).toBeHidden();
  await expect(viewer.log.getByText('Kim Lund left the call')).toBeVisible();
  await callRuns(agent, 1);

  await kim.page.getByRole('link', { name: `Ticket #${ticket}` }).first().click();
  const here = kim.page.getByRole('region', { name: 'Ticket' }).getByRole('button', { name: 'Join the call' });
  await here.press('Enter');
  await kim.expectPictureMoving();
  await expect(kim.log).toBeVisible();
  // The end of the call is the end of the visit.
  await agent.endCall();
  await expect(kim.call).toBeHidden();
  await expect(kim.team).toBeHidden();
});

test('a colleague whose line breaks is in the call again by itself', async ({ stage }) => {
  const { server, viewer, agent } = await openPlayerCall(stage);
  const page = await stage.page(DEVICES);
  const line = await Line.of(page);
  const kim = await colleague(stage, server, page);
  await kim.joinCallOf('Robin Vale');
  await kim.expectPictureMoving();
  stage.expected.push(/WebSocket/);
  await line.break();
  await expect(kim.page.getByText('No connection to the server.')).toBeVisible();
  line.mend();
  await expect(kim.page.getByText('Connected again.')).toBeVisible();
  await kim.expectPictureMoving();
  await expect(viewer.bar.getByText('Kim Lund sees this too.')).toBeVisible();
  await callRuns(agent, 1);
});

test('a server that is told to stop says so, and the call goes on until its end; then the chat goes on', async ({ stage }) => {
  const server = await stage.server({ config: `[limits]\ndrain_seconds = ${DRAIN_S}\n` });
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  const idle = await stage.viewer();
  await idle.watchDemo(server.url);
  await idle.openChat();
  await idle.say('Is anybody there?');
  await agent.take(ticket);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();

  const told = Date.now();
  const stopped = server.stop(DRAIN_S * 1_000);
  const banner = agent.page.getByRole('status').filter({ hasText: 'This server is going down for maintenance.' });
  await expect(banner).toBeVisible();
  const clock = /may go on until (\d\d):(\d\d); new calls start after reconnecting/.exec((await banner.textContent()) ?? '');
  expect(clock, 'the banner names the time').not.toBeNull();
  const until = new Date(told + DRAIN_S * 1_000);
  const minutes = (Number(clock?.[1]) * 60 + Number(clock?.[2]) - until.getHours() * 60 - until.getMinutes() + 1_440) % 1_440;
  expect(minutes, 'minutes that the named time is off').toBeLessThanOrEqual(1);
  await expect(viewer.bar.getByText(/Our server goes down for maintenance\. The call may go on until \d\d:\d\d/)).toBeVisible();
  await expect(idle.dialog.getByText(/maintenance/)).toHaveCount(0);
  await callRuns(agent, 3);
  await viewer.say('Still there.');
  await expect(agent.log.getByText('Still there.')).toBeVisible();

  stage.expected.push(/WebSocket|ERR_CONNECTION|Failed to load resource|Failed to fetch/);
  await agent.endCall();
  await stopped;
  await expect(agent.page.getByText('No connection to the server.')).toBeVisible();
  await server.startAgain();
  const up = Date.now();
  await idle.message.fill('And now?');
  await idle.message.press('Enter');
  await expect(agent.queue.getByText('And now?')).toBeVisible();
  tell('chat again after the server was', `${Date.now() - up} ms`);
  await expect(banner).toBeHidden();
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  const { calls } = await stage.rest(server).ticket(ticket);
  expect(calls[0]?.end_reason).toBe('agent_ended');
});
