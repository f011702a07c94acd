// A phone: small, touched, and without any way to share a screen.

import { openConversation } from '../support/conversation.ts';
import { expect, test } from '../support/fixtures.ts';
import { expectSamePicture } from '../support/picture.ts';
import { Viewer } from '../support/viewer.ts';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

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
