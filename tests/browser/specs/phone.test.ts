// A phone: small, touched, and without any way to share a screen.

import type { Locator, Page } from '@playwright/test';
import { openConversation } from '../support/conversation.ts';
import { expect, test } from '../support/fixtures.ts';
import { expectSamePicture } from '../support/picture.ts';
import { Viewer } from '../support/viewer.ts';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const LANDSCAPE = { ...PHONE, viewport: { width: 740, height: 360 } };

test('on a phone at 360×740 without screen sharing the agent sees the player', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const page = await stage.page(PHONE);
  await page.addInitScript(() => {
    Reflect.deleteProperty(MediaDevices.prototype, 'getDisplayMedia');
  });
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  expect(await page.evaluate(() => 'getDisplayMedia' in navigator.mediaDevices)).toBe(false);

  await viewer.launcher.tap();
  await expect(viewer.message).toBeVisible();
  await viewer.dialog.getByRole('button', { name: 'The picture stutters' }).tap();
  await viewer.message.tap();
  await viewer.message.fill('On my phone.');
  await viewer.dialog.getByRole('button', { name: 'Send', exact: true }).tap();
  await expect(viewer.log.getByText('On my phone.', { exact: true })).toBeVisible();
  await expectInside(viewer);
  await agent.take(await viewer.ticket());
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  await expect(viewer.card.getByRole('button', { name: 'Share my screen' })).toBeHidden();
  await expectInside(viewer);
  await viewer.card.getByRole('button', { name: 'Share only the player' }).tap();

  await agent.expectPictureMoving();
  await expect(viewer.bar).toBeInViewport({ ratio: 1 });
  await viewer.player.evaluate((video: HTMLVideoElement) => video.pause());
  await expectSamePicture(viewer.player, agent.video, 28);
  await viewer.bar.getByRole('button', { name: 'Stop sharing' }).tap();
  await expect(viewer.bar).toBeHidden();
  await expect(agent.call).toBeHidden();
  // Touch targets are no smaller than a fingertip: 44 px (WCAG 2.2, 2.5.5), less the rounding.
  for (const stars of ['1 star', '5 stars']) {
    const box = await viewer.rating.locator('label').filter({ has: viewer.page.getByRole('radio', { name: stars }) }).boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0), stars).toBeGreaterThanOrEqual(40);
  }
});

/** Nothing is wider than the screen, and the message box is in sight. */
async function expectInside(viewer: Viewer): Promise<void> {
  expect(await viewer.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  const dialog = await viewer.dialog.boundingBox();
  expect((dialog?.x ?? -1) >= 0 && (dialog?.x ?? 0) + (dialog?.width ?? 999) <= 360).toBe(true);
  await expect(viewer.message).toBeInViewport({ ratio: 1 });
}

test('on a phone the stop button stays in sight while the chat is open, and while it is closed', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage, PHONE);
  await agent.invite.click();
  await viewer.card.getByRole('button', { name: 'Share only the player' }).tap();
  await agent.expectPictureMoving();
  const stop = viewer.bar.getByRole('button', { name: 'Stop sharing' });
  await expect(stop).toBeInViewport({ ratio: 1 });
  await viewer.message.tap();
  await expect(stop).toBeInViewport({ ratio: 1 });
  await viewer.dialog.getByRole('button', { name: 'Minimise' }).tap();
  await expect(viewer.dialog).toBeHidden();
  await expect(stop).toBeInViewport({ ratio: 1 });
  await stop.tap();
  await expect(viewer.bar).toBeHidden();
  await expect(agent.call).toBeHidden();
});

/** What is left of the screen above the keyboard, and how far the page was pushed up, CSS px. */
interface Keyboard {
  height: number;
  offsetTop: number;
}

/** Gives a page an on-screen keyboard: it makes the visual viewport smaller and leaves the layout as it is, as phones do. */
async function giveKeyboard(page: Page): Promise<(keyboard: Keyboard | null) => Promise<void>> {
  await page.addInitScript(() => {
    const real = window.visualViewport;
    if (!real) return;
    let up: { height: number; offsetTop: number } | null = null;
    const viewport = new Proxy(real, {
      get: (_, name) => {
        if (up && (name === 'height' || name === 'offsetTop')) return up[name];
        const value = Reflect.get(real, name, real);
        return typeof value === 'function' ? value.bind(real) : value;
      },
    });
    Object.defineProperty(window, 'visualViewport', { get: () => viewport });
    addEventListener('test-keyboard', (event) => {
      up = (event as CustomEvent).detail;
      real.dispatchEvent(new Event('resize'));
      real.dispatchEvent(new Event('scroll'));
    });
  });
  return (keyboard) => page.evaluate((detail) => void dispatchEvent(new CustomEvent('test-keyboard', { detail })), keyboard);
}

/** It can be seen in full between these heights of the layout. */
async function expectBetween(what: Locator, { height, offsetTop }: Keyboard): Promise<void> {
  await expect
    .poll(async () => {
      const box = await what.boundingBox();
      return box !== null && box.y >= offsetTop - 1 && box.y + box.height <= offsetTop + height + 1;
    }, `${what} between ${offsetTop} and ${offsetTop + height} px`)
    .toBe(true);
}

for (const [name, screen, keyboards] of [
  ['360×740', PHONE, [{ height: 420, offsetTop: 0 }, { height: 420, offsetTop: 280 }]],
  ['740×360', LANDSCAPE, [{ height: 170, offsetTop: 0 }, { height: 170, offsetTop: 150 }]],
] as const) {
  test(`on a phone at ${name} the text box, the last message and the stop button stay above the keyboard`, async ({ stage }) => {
    test.setTimeout(180_000);
    const server = await stage.server();
    const agent = await stage.agent(server);
    const page = await stage.page(screen);
    const keyboard = await giveKeyboard(page);
    const viewer = new Viewer(page);
    await viewer.watchDemo(server.url);
    await viewer.launcher.tap();
    await viewer.dialog.getByRole('button', { name: 'The picture stutters' }).tap();
    await agent.take(await viewer.ticket());
    for (let n = 1; n <= 8; n += 1) await agent.answer(`Question ${n}: what do you see now?`);
    let last = 'Question 8: what do you see now?';
    await viewer.message.tap();
    for (const up of keyboards) {
      await keyboard(up);
      await expectBetween(viewer.message, up);
      await expectBetween(viewer.log.getByText(last), up);
      await viewer.message.fill(`Written above a keyboard at ${up.offsetTop}.`);
      await viewer.dialog.getByRole('button', { name: 'Send', exact: true }).tap();
      await expectBetween(viewer.log.getByText(`Written above a keyboard at ${up.offsetTop}.`), up);
      last = `And then, at ${up.offsetTop}?`;
      await agent.answer(last);
      await expectBetween(viewer.log.getByText(last), up);
    }
    await keyboard(null);
    await agent.invite.click();
    await expect(viewer.card).toBeVisible();
    await viewer.card.getByRole('button', { name: 'Share only the player' }).tap();
    await agent.expectPictureMoving();
    const stop = viewer.bar.getByRole('button', { name: 'Stop sharing' });
    await viewer.message.tap();
    for (const up of keyboards) {
      await keyboard(up);
      await expectBetween(stop, up);
      await expectBetween(viewer.message, up);
    }
    await stop.tap();
    await expect(agent.call).toBeHidden();
  });
}

test('a phone that puts the page to sleep loses nothing: what came in between is there once, and the draft is kept', async ({
  stage,
}) => {
  stage.expected.push(/WebSocket connection|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|502|503/);
  const { server, viewer, agent, ticket } = await openConversation(stage, PHONE);
  const devtools = await viewer.page.context().newCDPSession(viewer.page);
  const sleep = (state: 'frozen' | 'active') => devtools.send('Page.setWebLifecycleState', { state });
  await viewer.message.fill('Half a sentence');
  await sleep('frozen');
  await agent.answer('Are you there?');
  await agent.answer('I am waiting.');
  await sleep('active');
  for (const text of ['Are you there?', 'I am waiting.']) await expect(viewer.log.getByText(text, { exact: true })).toHaveCount(1);

  // Longer: the connection breaks in between, and the page is told nothing while it sleeps.
  await sleep('frozen');
  await server.kill();
  await server.startAgain();
  await expect(agent.reply).toBeVisible();
  await agent.reply.fill('Still here?');
  await agent.reply.press('Enter');
  await stage.rest(server).ticketWhen(ticket, ({ timeline }) => JSON.stringify(timeline).includes('Still here?'));
  await sleep('active');
  await expect(viewer.log.getByText('Still here?', { exact: true })).toHaveCount(1, { timeout: 30_000 });
  await expect(viewer.message).toHaveValue('Half a sentence');
  await viewer.say('Half a sentence, and the rest.');
  await expect(agent.log.getByText('Half a sentence, and the rest.', { exact: true })).toHaveCount(1);
  for (const text of ['Are you there?', 'I am waiting.']) await expect(viewer.log.getByText(text, { exact: true })).toHaveCount(1);
});
