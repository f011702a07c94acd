// Calls as the agent has them: sound both ways with its meters, a call of voices, requests on rows, interruptions said plainly
// and mended by one click, two invitations, two windows, a picture that is known to be sharp.

import type { Locator } from '@playwright/test';
import { Agent } from '../support/agent.ts';
import { callRuns, openConversation } from '../support/conversation.ts';
import { expect, tell, test } from '../support/fixtures.ts';
import { Line } from '../support/line.ts';
import { Viewer } from '../support/viewer.ts';

/** What a viewer may be asked for without a prompt. */
const DEVICES = { permissions: ['microphone', 'camera'] };
/** A meter that shows more than the noise of a room. */
const HEARD = 0.15;

/** What a meter shows at most within a beep and a pause, 0 to 1: a look a second may meet the pauses alone. */
function level(meter: Locator): Promise<number> {
  return loudest(meter, 1_200);
}

/** The loudest that a meter shows within so many ms: the made-up microphone beeps once a second. */
async function loudest(meter: Locator, ms: number): Promise<number> {
  return meter.evaluate(async (element: HTMLMeterElement, length) => {
    let most = 0;
    const until = performance.now() + length;
    while (performance.now() < until) {
      most = Math.max(most, element.value);
      await new Promise((done) => setTimeout(done, 40));
    }
    return most;
  }, ms);
}

test('sound goes both ways, each end off at first, with meters, a device to choose and a mute of one’s own', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage, DEVICES);
  await agent.page.context().grantPermissions(['microphone', 'camera']);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  const voice = agent.call.getByRole('meter', { name: 'Viewer’s voice' });
  expect(await loudest(voice, 1_500)).toBe(0);
  await expect(agent.call.getByText('The viewer’s microphone is off')).toBeVisible();
  await viewer.bar.getByRole('button', { name: 'Turn on microphone' }).click();
  await expect.poll(() => level(voice)).toBeGreaterThan(HEARD);
  await expect(agent.call.getByText('The viewer can be heard')).toBeVisible();

  // Muting here is nothing that the viewer is told of; the meter goes on.
  await agent.call.getByRole('button', { name: 'Mute the viewer’s voice' }).click();
  await expect(agent.call.getByRole('button', { name: 'Unmute the viewer’s voice' })).toBeVisible();
  await expect.poll(() => level(voice)).toBeGreaterThan(HEARD);

  await expect(agent.call.getByRole('meter', { name: 'Microphone level' })).toBeHidden();
  await agent.page.keyboard.press('Escape');
  await agent.page.keyboard.press('m');
  await expect(agent.call.getByRole('button', { name: 'Turn off microphone' })).toBeVisible();
  await expect.poll(() => level(agent.call.getByRole('meter', { name: 'Microphone level' }))).toBeGreaterThan(HEARD);
  const devices = agent.call.getByRole('combobox', { name: 'Microphone' });
  await expect.poll(() => devices.getByRole('option').count()).toBeGreaterThan(0);
  const last = await devices.getByRole('option').last().getAttribute('value');
  await devices.selectOption(last);
  await expect.poll(() => level(agent.call.getByRole('meter', { name: 'Microphone level' }))).toBeGreaterThan(HEARD);

  // The next call begins with everything off again.
  await agent.endCall();
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await expect(agent.call.getByRole('button', { name: 'Turn on microphone' })).toBeVisible();
  await expect(agent.call.getByRole('button', { name: 'Turn on camera' })).toBeVisible();
});

test('a call of voices leaves the room to the conversation, and counts as connected at its first sound', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage, DEVICES);
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  const others = viewer.card.getByText('Other ways');
  if (await others.isVisible()) await others.click();
  await viewer.card.getByRole('button', { name: 'Talk only' }).click();
  await expect(agent.call.getByText('Voice call')).toBeVisible();
  await expect(agent.video).toBeHidden();
  await expect(agent.reply).toBeVisible();
  await expect.poll(() => level(agent.call.getByRole('meter', { name: 'Viewer’s voice' }))).toBeGreaterThan(HEARD);
  const done = await stage.rest(server).ticketWhen(ticket, (one) => one.calls[0]?.connect.phases_ms.first_frame !== undefined);
  expect(done.calls[0]?.surface).toBe('audio');
  await expect(agent.row(ticket)).toContainText('Live');
  await agent.endCall();
  await expect(agent.page.getByText('Call ended. You ended the call.')).toBeVisible();
});

test('a request for a call is accepted from its row', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  const second = await stage.viewer();
  await second.watchDemo(server.url);
  await second.openChat();
  await second.pick('The picture stutters');
  await agent.take(await second.ticket());
  await viewer.dialog.getByRole('button', { name: 'Ask for a call' }).click();
  await expect(agent.row(ticket)).toContainText('Asks for a call');
  await agent.mine.getByRole('button', { name: `Accept the call request of #${ticket}` }).click();
  await expect(agent.row(ticket)).toHaveAttribute('aria-current', 'true');
  await expect(viewer.card).toBeVisible();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
});

test('a request can be declined, and the viewer is told', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage);
  await viewer.dialog.getByRole('button', { name: 'Ask for a call' }).click();
  const asks = agent.page.getByText(/asks to show you the problem/);
  await expect(asks).toBeVisible();
  await agent.page.getByRole('button', { name: 'Decline', exact: true }).click();
  await expect(asks).toBeHidden();
  await expect(viewer.dialog.getByText(/A call is not possible right now/)).toBeVisible();
});

test('whatever ended a call is said in a sentence, and one click invites again', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage);
  await agent.invite.click();
  await viewer.card.getByRole('button', { name: 'Decline' }).click();
  await expect(agent.page.getByText('The viewer declined the invitation.')).toBeVisible();
  const again = agent.page.getByRole('button', { name: 'Invite again' });
  await again.click();
  await expect(viewer.card).toBeVisible();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await viewer.stopSharing();
  await expect(agent.page.getByText('Call ended. The viewer stopped sharing.')).toBeVisible();
  await again.click();
  await expect(viewer.card).toBeVisible();
  await agent.page.getByRole('button', { name: 'Withdraw invitation' }).click();
  await expect(viewer.card).toBeHidden();
  await expect(agent.page.getByText('You withdrew the invitation.')).toBeVisible();
});

test('a viewer whose line breaks is said to be away, until when one waits, and the call goes on when it is back', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const page = await stage.page();
  const line = await Line.of(page);
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  stage.expected.push(/WebSocket/);
  await line.break();
  const away = agent.call.getByText(/The viewer’s connection is interrupted for \d+ s/);
  await expect(away).toBeVisible();
  await expect(agent.call.getByText(/The call goes on by itself if it comes back by \d\d:\d\d:\d\d/)).toBeVisible();
  await expect(agent.row(ticket)).toContainText('Interrupted');
  await expect(agent.call.getByRole('button', { name: 'End call' })).toBeEnabled();
  line.mend();
  await expect(away).toBeHidden();
  await agent.expectPictureMoving();
  expect((await stage.rest(server).ticket(ticket)).calls).toHaveLength(1);
});

test('an agent’s own broken line is said, what is written is kept, and the call goes on', async ({ stage }) => {
  const server = await stage.server();
  const page = await stage.page();
  const line = await Line.of(page);
  const agent = new Agent(page);
  await agent.signInToDemo(server.url);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  stage.expected.push(/WebSocket/);
  await line.break();
  await expect(agent.page.getByText('No connection to the server.')).toBeVisible();
  await agent.reply.fill('Written without a line.');
  await agent.reply.press('Enter');
  await expect(agent.page.getByText('Not sent yet')).toBeVisible();
  await agent.expectPictureMoving();
  line.mend();
  await expect(agent.page.getByText('Connected again.')).toBeVisible();
  await expect(viewer.log.getByText('Written without a line.')).toBeVisible();
  await agent.expectPictureMoving();
  expect((await stage.rest(server).ticket(ticket)).calls).toHaveLength(1);
});

test('two invitations may be open; the first viewer who accepts has the agent', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  const second = await stage.viewer();
  await second.watchDemo(server.url);
  await second.openChat();
  await second.pick('The picture stutters');
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  const other = await second.ticket();
  await agent.take(other);
  await agent.invite.click();
  await expect(second.card).toBeVisible();
  for (const one of [ticket, other]) await expect(agent.row(one)).toContainText('Invited');
  await viewer.sharePlayer();
  await expect(agent.row(ticket)).toContainText('Live');
  await agent.row(ticket).click();
  await agent.expectPictureMoving();
  await expect(agent.row(other)).toContainText('Invited');
  await agent.row(other).click();
  await agent.page.getByRole('button', { name: 'Withdraw invitation' }).click();
  await expect(second.card).toBeHidden();
});

test('a second window of the same agent says where the call is, and does not take it', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  const page = await agent.page.context().newPage();
  stage.watch(page);
  const window = new Agent(page);
  await page.goto(`${server.url}/agent?lang=en`);
  await expect(window.row(ticket)).toBeVisible();
  await agent.page.bringToFront();
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await window.row(ticket).click();
  await expect(window.page.getByText('This call runs in another window of yours.')).toBeVisible();
  await expect(window.call).toBeHidden();
  await callRuns(agent, 1);
  await window.page.getByRole('button', { name: 'End call' }).click();
  await expect(agent.call).toBeHidden();
});

test('when the picture is sharp is known, on the ticket and beside the picture', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  // A picture that stands still gets sharp on any machine.
  await viewer.player.evaluate((video: HTMLVideoElement) => video.pause());
  const done = await stage
    .rest(server)
    .ticketWhen(ticket, (one) => typeof one.calls[0]?.connect.consent_to_legible_ms === 'number');
  const { consent_to_first_frame_ms: first, consent_to_legible_ms: legible } = done.calls[0]?.connect ?? {};
  expect(legible).toBeGreaterThanOrEqual(first ?? 0);
  tell('legible', `${Math.round(legible ?? 0)} ms after the consent, first frame ${Math.round(first ?? 0)} ms`);
  await expect(agent.call.getByText(/sharp \d/)).toBeVisible();
  // The agent says what the picture is to be tuned for.
  await agent.call.getByRole('radio', { name: 'Text' }).check({ force: true });
  await expect(agent.call.getByRole('radio', { name: 'Text' })).toBeChecked();
  const hint = () =>
    viewer.page.evaluate(() => window.recordedPeers?.at(-1)?.pc.getTransceivers()[1]?.sender.track?.contentHint);
  await expect.poll(hint).toMatch(/text|detail/);
  await agent.endCall();
  await agent.page.getByRole('link', { name: `Ticket #${ticket}` }).first().click();
  await expect(agent.page.getByText('Full size and sharp')).toBeVisible();
});
