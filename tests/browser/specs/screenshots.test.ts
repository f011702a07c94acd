// The pictures of the README, taken from a real conversation: into docs/img/ with SIGHTLINE_SCREENSHOTS=1, else into the
// test's own folder, so that they are known to be possible.

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { Agent } from '../support/agent.ts';
import { callIsComplete } from '../support/complete.ts';
import { callRuns } from '../support/conversation.ts';
import { expect, type Stage, test } from '../support/fixtures.ts';
import { REPOSITORY, type Server } from '../support/server.ts';
import { Viewer } from '../support/viewer.ts';

/** Whether the pictures are meant for docs/img/. */
const KEEP = process.env.SIGHTLINE_SCREENSHOTS === '1';
/** Sharp on a high-density screen, and not too large a file. */
const DENSITY = 1.5;
/** Seconds of the call that is photographed: enough for its charts to have a shape. */
const CALL_S = 20;

test('pictures of widget and console that one would show a customer', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  await photographLanding(stage, server);
  const agent = await stage.agent(server, { viewport: { width: 1440, height: 900 }, deviceScaleFactor: DENSITY });
  const viewer = await openViewer(stage, server);
  const ticket = await talk(viewer, agent);

  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  await settled(viewer.page);
  await photograph(viewer.page, 'widget-consent');
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await agent.answer('I can see it now. Watching for the freeze.');
  await expect(viewer.log.getByText('I can see it now. Watching for the freeze.')).toBeVisible();
  await settled(viewer.page);
  await photograph(viewer.page, 'widget-sharing');
  await agent.page.setViewportSize({ width: 1440, height: 820 });
  await callRuns(agent, CALL_S);
  await photograph(agent.page, 'console-call');
  await viewer.stopSharing();
  await viewer.rate(5, 'Found it in a minute. Thank you!');
  await photographTicket(stage, server, agent, ticket);
});

test('a picture of the widget on a phone', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const page = await stage.page({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
  });
  await page.addInitScript(() => {
    Reflect.deleteProperty(MediaDevices.prototype, 'getDisplayMedia');
  });
  await nameViewer(stage, server, page, 'Noor Haddad');
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  await agent.answer('Hello Noor, may I see it? Only the player, if you like.');
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  await settled(page);
  await photograph(page, 'widget-phone');
});

/** The first page, and the demo with both sides. */
async function photographLanding(stage: Stage, server: Server): Promise<void> {
  const page = await stage.page({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: DENSITY });
  await page.goto(`${server.url}/?lang=en`);
  await expect(page.getByRole('button', { name: 'Start the demo' })).toBeVisible();
  await photograph(page, 'landing');
  await page.close();
}

/** A known viewer on the stream, whose player had some trouble before the chat was opened. */
async function openViewer(stage: Stage, server: Server): Promise<Viewer> {
  const page = await stage.page({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: DENSITY });
  await nameViewer(stage, server, page, 'Elena Marsh');
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  // A real stall, by the demo's own button: what the viewer complains of, and what the agent then sees.
  await page.getByRole('button', { name: /^Cut the stream/ }).click();
  const stalled = () => viewer.player.evaluate((video: HTMLVideoElement) => video.readyState < 3);
  await expect.poll(stalled, { timeout: 20_000 }).toBe(true);
  await expect.poll(stalled, { timeout: 20_000 }).toBe(false);
  return viewer;
}

/** The host knows its viewer: a signed token in the script tag. */
async function nameViewer(stage: Stage, server: Server, page: Page, name: string): Promise<void> {
  const token = await stage.rest(server).viewerToken({ external_id: name.toLowerCase(), name, level: 'gold', lang: 'en' });
  await page.addInitScript((signed) => {
    new MutationObserver((_, observer) => {
      const script = document.querySelector('script[src="/widget.js"]');
      if (!script) return;
      script.setAttribute('data-token', signed);
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  }, token);
}

/** The talk before the call, photographed at the viewer and at the agent with others waiting. Returns the ticket. */
async function talk(viewer: Viewer, agent: Agent): Promise<number> {
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await viewer.say('It froze for several seconds just now. My neighbour has the same stream without trouble.');
  await agent.take(ticket);
  await agent.answer('Hello Elena, thank you. Let me look at your player’s figures.');
  await viewer.say('Of course.');
  await agent.answer('Your buffer ran empty a moment ago. May I see the picture when it happens again?');
  await expect(viewer.log.getByText(/May I see the picture/)).toBeVisible();
  await viewer.say('Yes, please.');
  await expect(viewer.log.getByText('Read', { exact: true })).toBeVisible();
  await settled(viewer.page);
  await photograph(viewer.page, 'widget-chat');
  // The demo's scripted viewers have all asked by now, or will in a moment.
  await expect(agent.queue.getByRole('listitem')).toHaveCount(4, { timeout: 40_000 });
  await photograph(agent.page, 'console-queue');
  return ticket;
}

async function photographTicket(stage: Stage, server: Server, agent: Agent, ticket: number): Promise<void> {
  await stage.rest(server).ticketWhen(ticket, (one) => callIsComplete(one) && one.rating === 5);
  await agent.page.setViewportSize({ width: 1440, height: 1790 });
  await agent.within.getByRole('link', { name: `Ticket #${ticket}` }).first().click();
  const region = agent.within.getByRole('region', { name: 'Ticket' });
  await expect(region.getByRole('figure', { name: 'Call timeline' })).toBeVisible();
  await expect(region.getByRole('figure', { name: 'Player timeline' })).toBeAttached();
  await photograph(agent.page, 'console-ticket');
}

/** Nothing moves any more: images decoded, fonts there, the last layout drawn. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
}

/** Takes the picture `name`.png. */
async function photograph(what: Page | Locator, name: string): Promise<void> {
  const folder = KEEP ? resolve(REPOSITORY, 'docs/img') : test.info().outputDir;
  await mkdir(folder, { recursive: true });
  const picture = await what.screenshot({ path: resolve(folder, `${name}.png`), animations: 'disabled', caret: 'hide' });
  // A blank page of this size compresses to less.
  expect(picture.length).toBeGreaterThan(20_000);
}
