// The other ways in which an invitation or a call ends: each with its reason, told to the other side.

import { callIsComplete } from '../support/complete.ts';
import { invite, openConversation, openPlayerCall } from '../support/conversation.ts';
import { ACCOUNT, expect, type Stage, test } from '../support/fixtures.ts';
import { clip, hostPage, hostPages, widgetTag } from '../support/host.ts';
import { openPattern, PATTERN } from '../support/pattern.ts';
import type { Server } from '../support/server.ts';

/** The ticket's last call has ended for this reason. */
async function expectEnd(stage: Stage, server: Server, number: number, reason: string): Promise<void> {
  const ended = await stage.rest(server).ticketWhen(number, (ticket) => ticket.calls.at(-1)?.end_reason !== undefined);
  expect(ended.calls.at(-1)?.end_reason).toBe(reason);
}

test('a viewer declines: the agent is told, nothing was shared, and can be asked again', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  await invite(viewer, agent);
  await viewer.card.getByRole('button', { name: 'Decline' }).click();
  await expect(viewer.card).toBeHidden();
  await expect(viewer.log.getByText('You declined to share')).toBeVisible();
  await expect(agent.within.getByText('The viewer declined').first()).toBeVisible();
  await expect(agent.call).toBeHidden();
  await expectEnd(stage, server, ticket, 'declined');
  await invite(viewer, agent);
});

test('an agent withdraws the invitation: the card goes away', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  await invite(viewer, agent);
  await agent.within.getByRole('button', { name: 'Withdraw invitation' }).click();
  await expect(viewer.card).toBeHidden();
  await expect(viewer.log.getByText('The request to share was withdrawn')).toBeVisible();
  await expectEnd(stage, server, ticket, 'cancelled');
});

test('an agent ends the call: the sharing stops at once and the viewer is told', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openPlayerCall(stage);
  await agent.endCall();
  await expect(viewer.bar).toBeHidden();
  await expect(viewer.log.getByText(/^Sharing ended after/)).toBeVisible();
  await expect(viewer.rating).toBeVisible();
  await expectEnd(stage, server, ticket, 'agent_ended');
});

test("the browser's own stop is honoured: the shared tab is closed", async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  const pattern = await openPattern(viewer.page);
  await invite(viewer, agent);
  await viewer.shareScreen();
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  await expect(viewer.bar).toBeVisible();
  await pattern.close();
  await expect(viewer.bar).toBeHidden();
  await expect(agent.call).toBeHidden();
  await expect(agent.within.getByText('Sharing was stopped in the browser').first()).toBeVisible();
  await expectEnd(stage, server, ticket, 'capture_ended');
});

test('a picker without a choice leaves the card open, says so, and the next choice works', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage);
  await viewer.page.evaluate(() => {
    navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });
  await invite(viewer, agent);
  await viewer.shareScreen();
  await expect(viewer.card.getByText('Nothing is shared. Choose again whenever you like.')).toBeVisible();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
});

test('a player with media of another site says so and offers the screen', async ({ stage }) => {
  const [host, other] = [await stage.host(), await stage.host()];
  const server = await stage.serverFor(host);
  // Served without CORS: the page may play it, not read it.
  other.serve({ '/clip.mp4': { type: 'video/mp4', body: await clip() } });
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url), video: `${other.origin}/clip.mp4` })));
  const viewer = await stage.viewer();
  await viewer.page.goto(`${host.origin}/?lang=en`);
  await viewer.expectPlaying();
  const agent = await stage.agent(server, { account: ACCOUNT });
  await viewer.openChat();
  await viewer.say('The picture stutters');
  await agent.take(await viewer.ticket());
  const pattern = await openPattern(viewer.page);
  await invite(viewer, agent);
  await viewer.sharePlayer();
  await expect(viewer.card.getByText(/This player is protected and cannot be shared by itself/)).toBeVisible();
  await viewer.shareScreen();
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  await expect(viewer.bar).toContainText('Sharing a tab with Robin Vale');
  await pattern.close();
});

test('a viewer who reloads in a call ends it with a reason, finds the chat again, and can be asked again', async ({
  stage,
}) => {
  const { server, viewer, agent, ticket } = await openPlayerCall(stage);
  await viewer.page.reload();
  await expect(agent.call).toBeHidden();
  await expect(agent.within.getByText('The viewer left the page').first()).toBeVisible();
  await expectEnd(stage, server, ticket, 'viewer_left');
  await viewer.expectPlaying();
  await viewer.launcher.click();
  await expect(viewer.log.getByText('The picture stutters', { exact: true })).toBeVisible();
  expect(await viewer.ticket()).toBe(ticket);
  await invite(viewer, agent);
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
});

test('an agent who closes the tab in a call: the viewer is told and stops sharing', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openPlayerCall(stage);
  await agent.page.close({ runBeforeUnload: true });
  await expect(viewer.bar).toBeHidden({ timeout: 25_000 });
  await expect(viewer.log.getByText('Sharing ended because the agent went off line.')).toBeVisible();
  await expectEnd(stage, server, ticket, 'agent_left');
});

test('a second call on the same ticket is complete too', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openPlayerCall(stage);
  await viewer.stopSharing();
  await expect(agent.call).toBeHidden();
  await invite(viewer, agent);
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await agent.endCall();
  const both = await stage.rest(server).ticketWhen(ticket, (one) => one.calls.length === 2 && callIsComplete(one));
  expect(both.calls.map(({ end_reason }) => end_reason)).toEqual(['viewer_stopped', 'agent_ended']);
  for (const { connect } of both.calls) expect(connect.consent_to_first_frame_ms).toBeGreaterThan(0);
});
