// The product's main job from the first message to the complete ticket, the same for every pair of browsers.

import type { Page } from '@playwright/test';
import type { Ticket } from '../../../web-demo/src/protocol/generated.ts';
import type { Agent } from './agent.ts';
import { callIsComplete, describeCall, type ExpectedCall, expectCompleteCall } from './complete.ts';
import { callRuns, invite, type Options, openConversation } from './conversation.ts';
import { expect, type Stage, tell } from './fixtures.ts';
import { COLOUR_TOLERANCE, openPattern, PATTERN, readPattern } from './pattern.ts';
import { channelOptions, echoOnFast, expectChannelsOpen } from './peers.ts';
import { expectSamePicture } from './picture.ts';
import type { Server } from './server.ts';
import type { Viewer } from './viewer.ts';

/** Least likeness of the player's picture at the agent, dB: it is an encoding of an encoding, reduced to 320 wide. */
const PLAYER_PSNR_MIN = 28;

/** A viewer chats, shares the screen, stops and rates, and the ticket holds all of it. */
export async function screenStory(stage: Stage, options: Options): Promise<void> {
  const { server, viewer, agent, ticket } = await openConversation(stage, options);
  const pattern = await openPattern(viewer.page);
  await chatBothWays(viewer, agent);
  await invite(viewer, agent);
  await viewer.shareScreen();

  await agent.expectPicture(PATTERN.width, PATTERN.height);
  await expectPattern(agent, pattern);
  await expectChannels(viewer, agent);
  await callRuns(agent, 7);
  await viewer.stopSharing();
  await expect(agent.call).toBeHidden();
  await expect(agent.within.getByText('The viewer stopped sharing').first()).toBeVisible();
  await viewer.rate(5, 'Quick and kind.');
  await expect(agent.log.getByText('The viewer rated the help 5 of 5')).toBeVisible();

  // Chromium's picker was given the pattern's tab; in Firefox there are no tabs to pick, it gives the display.
  await expectTicket(stage, server, ticket, { surface: isFirefox(viewer) ? 'screen' : 'tab', ...PATTERN });
}

/** A viewer shares only the player, and the ticket holds that. */
export async function playerStory(stage: Stage, options: Options): Promise<void> {
  const { server, viewer, agent, ticket } = await openConversation(stage, options);
  await invite(viewer, agent);
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await expectChannels(viewer, agent);
  const size = await viewer.player.evaluate((v: HTMLVideoElement) => ({ width: v.videoWidth, height: v.videoHeight }));
  await callRuns(agent, 5);

  // A paused player stands still, so that both ends can be compared frame by frame.
  await viewer.player.evaluate((video: HTMLVideoElement) => video.pause());
  const likeness = await expectSamePicture(viewer.player, agent.video, PLAYER_PSNR_MIN);
  tell('likeness of the player at the agent', `${likeness} dB`);
  await viewer.player.evaluate((video: HTMLVideoElement) => video.play());
  await agent.expectPictureMoving();
  await viewer.stopSharing();
  await viewer.rate(4, '');

  await expectTicket(stage, server, ticket, { surface: 'player', ...size, reduced: true });
}

const isFirefox = ({ page }: Viewer): boolean => page.context().browser()?.browserType().name() === 'firefox';

/** Messages, typing and read marks both ways. */
async function chatBothWays(viewer: Viewer, agent: Agent): Promise<void> {
  await expect(viewer.log.getByText('Read', { exact: true })).toBeVisible();
  await agent.reply.pressSequentially('Hello, I am Robin.');
  await expect(viewer.dialog.getByText('Robin Vale is typing')).toBeVisible();
  await agent.reply.press('Enter');
  await expect(viewer.log.getByText('Hello, I am Robin.', { exact: true })).toBeVisible();
  await expect(viewer.dialog.getByText('Robin Vale is typing')).toBeHidden();
  await expect(agent.log.getByText('Seen', { exact: true })).toBeVisible();
  await viewer.message.pressSequentially('It started ten minutes ago.');
  await expect(agent.log.getByText(/is typing/)).toBeVisible();
  await viewer.message.press('Enter');
  await expect(agent.log.getByText('It started ten minutes ago.', { exact: true })).toBeVisible();
  await expect(agent.log.getByText(/is typing/)).toBeHidden();
}

/** The decoded picture is the pattern, at its size and in its colours, and it is live. */
async function expectPattern(agent: Agent, pattern: Page): Promise<void> {
  await expect
    .poll(async () => (await readPattern(agent.video, pattern)).worst, { message: 'worst block, of 255' })
    .toBeLessThanOrEqual(COLOUR_TOLERANCE);
  let seen = await readPattern(agent.video, pattern);
  await expect
    .poll(async () => {
      seen = await readPattern(agent.video, pattern);
      return seen.counter;
    })
    .toBeGreaterThan(0);
  const first = seen;
  await expect.poll(async () => (await readPattern(agent.video, pattern)).counter).toBeGreaterThan(first.counter);
  expect(first).toMatchObject(PATTERN);
  // At 60 draws a second: no more than two seconds behind what is on the screen.
  expect(first.shown - first.counter).toBeLessThan(120);
  tell(
    'pattern at the agent',
    `${first.width}×${first.height}, worst block ${first.worst}, mean ${first.mean} of 255, at most ${Math.max(0, first.shown - first.counter)} draws behind`,
  );
}

/** Both channels of both ends are open, made as the protocol says, and `fast` echoes. */
async function expectChannels(viewer: Viewer, agent: Agent): Promise<void> {
  for (const { page } of [viewer, agent]) {
    await expectChannelsOpen(page);
    expect(await channelOptions(page)).toEqual({
      control: { ordered: true, maxRetransmits: null },
      fast: { ordered: false, maxRetransmits: 0 },
    });
    expect(await echoOnFast(page, [1, 3, 1, 4, 1, 5, 9, 2, 6])).toEqual([2, 3, 1, 4, 1, 5, 9, 2, 6]);
  }
}

/** Samples of the player that show a playing picture. */
const playing = (ticket: Ticket) =>
  ticket.player.samples.filter(({ paused, videoWidth }) => paused === false && Number(videoWidth) > 0);

async function expectTicket(
  stage: Stage,
  server: Server,
  number: number,
  call: Omit<ExpectedCall, 'endReason'>,
): Promise<void> {
  const rest = stage.rest(server);
  const ticket = await rest
    .ticketWhen(number, (one) => callIsComplete(one) && one.rating !== undefined && playing(one).length > 5)
    .catch(async (error) => {
      throw new Error(`${error}\n${describeCall((await rest.ticket(number)).calls.at(-1))}`);
    });
  const [only] = ticket.calls;
  if (!only) throw new Error('no call');
  expectCompleteCall(only, { ...call, endReason: 'viewer_stopped' });
  expect(ticket.calls).toHaveLength(1);
  expect(ticket.rating).toBe(call.surface === 'player' ? 4 : 5);
  expect(ticket.rating_comment ?? '').toBe(call.surface === 'player' ? '' : 'Quick and kind.');
  expect(ticket.page).toMatchObject({ url: `${server.url}/demo` });
  expect(ticket.timeline.map(({ seq }) => seq)).toEqual(ticket.timeline.map((_, at) => at + 1));
  const kinds = ticket.timeline.map(({ body }) => body.kind);
  expect(kinds.filter((kind) => kind !== 'message')).toEqual([
    'taken',
    'call_invited',
    'call_accepted',
    'call_ended',
    'rated',
  ]);
  expect(playing(ticket).length, 'samples of the player').toBeGreaterThan(5);
  const ms = Math.round(only.connect.consent_to_first_frame_ms ?? 0);
  tell('first frame', `${ms} ms after the consent, ${only.connect.mode}, ${only.media.codec}`);
}
