// The server dies and comes back: both pages resume by themselves, nothing is lost, and a call is offered again by one click.

import { openPlayerCall } from '../support/conversation.ts';
import { expect, test } from '../support/fixtures.ts';
import { expectSamePicture } from '../support/picture.ts';

test('the server is killed in a call and restarted: chat resumes, the call ends with a reason, one click offers it again', async ({
  stage,
}) => {
  stage.expected.push(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|WebSocket connection/);
  const { server, viewer, agent, ticket } = await openPlayerCall(stage);
  await viewer.say('Before the crash.');
  await expect(agent.log.getByText('Before the crash.', { exact: true })).toBeVisible();

  await server.kill();
  await expect(viewer.dialog.getByText(/Reconnecting|cannot reach/)).toBeVisible();
  await expect(agent.within.getByText('No connection to the server.', { exact: false })).toBeVisible();
  // Written while nobody is there: kept, and sent when it is back.
  await viewer.say('While it was down.');
  await agent.answer('I am still here.');
  await server.startAgain();

  await expect(viewer.log.getByText('I am still here.', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(agent.log.getByText('While it was down.', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(viewer.dialog.getByText(/Reconnecting|cannot reach/)).toBeHidden();
  await expect(viewer.bar).toBeHidden();
  await expect(agent.call).toBeHidden();
  await expect(agent.within.getByText('The server was restarted', { exact: false }).first()).toBeVisible();
  await expect(viewer.log.getByText('Sharing ended because our server was restarted.', { exact: false })).toBeVisible();

  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await viewer.player.evaluate((video: HTMLVideoElement) => video.pause());
  await expectSamePicture(viewer.player, agent.video, 28);
  await viewer.stopSharing();

  const after = await stage.rest(server).ticketWhen(ticket, (one) => one.calls.at(-1)?.ended_at_ms !== undefined);
  expect(after.calls.map(({ end_reason }) => end_reason)).toEqual(['server_restarted', 'viewer_stopped']);
  expect(after.timeline.map(({ seq }) => seq)).toEqual(after.timeline.map((_, at) => at + 1));
  const said = after.timeline.flatMap(({ body }) => (body.kind === 'message' ? [body.text] : []));
  expect([...said].sort()).toEqual(
    ['The picture stutters', 'Before the crash.', 'While it was down.', 'I am still here.'].sort(),
  );
});
