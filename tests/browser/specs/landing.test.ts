// From the address that `make demo` prints to a shared picture in at most six clicks, as the landing page's hints say.

import { Agent } from '../support/agent.ts';
import { expect, tell, test } from '../support/fixtures.ts';
import { Viewer } from '../support/viewer.ts';

/** The bound. */
const CLICKS_MAX = 6;

test('six clicks lead from the landing page to a shared picture', async ({ stage }) => {
  const server = await stage.server();
  const page = await stage.page({ viewport: { width: 1600, height: 900 } });
  let clicks = 0;
  await page.exposeFunction('clicked', () => {
    clicks += 1;
  });
  await page.addInitScript(() => {
    const counted = () => (window as unknown as { clicked: () => void }).clicked();
    addEventListener('click', (event) => event.isTrusted && counted(), { capture: true });
  });
  await page.goto(`${server.url}/?lang=en`);
  await page.getByRole('button', { name: 'Start the demo' }).click();
  const viewer = new Viewer(page, page.frameLocator('iframe[title="Viewer"]'));
  const agent = new Agent(page, page.frameLocator('iframe[title="Agent"]'));
  await viewer.expectPlaying();
  await viewer.launcher.click();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await expect(viewer.bar).toBeVisible();
  tell('clicks from the printed address to a shared picture', String(clicks));
  expect(clicks).toBeLessThanOrEqual(CLICKS_MAX);
  await viewer.stopSharing();
});
