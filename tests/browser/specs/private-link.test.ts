// A viewer leaves and comes back by the private link, on another device: the answer is there, and the chat goes on.

import { openConversation } from '../support/conversation.ts';
import { expect, test } from '../support/fixtures.ts';
import { Viewer } from '../support/viewer.ts';

test('a viewer leaves, and finds the answer by the private link in another browser', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage, { permissions: ['clipboard-read', 'clipboard-write'] });
  await viewer.dialog.getByRole('button', { name: 'Copy private link' }).click();
  const link = await viewer.page.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(new RegExp(`^${server.url}/c#[\\w-]{22,64}$`));
  await viewer.page.close();
  await expect(agent.within.getByText('away').first()).toBeVisible();
  await agent.answer('Please restart the app, the edge near you was replaced.');

  const page = await stage.page();
  await page.goto(link);
  const back = new Viewer(page);
  await expect(back.log.getByText('The picture stutters', { exact: true })).toBeVisible();
  await expect(back.log.getByText('Please restart the app, the edge near you was replaced.', { exact: true })).toBeVisible();
  await expect(back.dialog.getByText(`Ticket #${ticket}`)).toBeVisible();
  await back.say('That helped, thank you.');
  await expect(agent.log.getByText('That helped, thank you.', { exact: true })).toBeVisible();
});
