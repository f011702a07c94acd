// The story without a mouse at both ends: Tab, arrows, Enter and Escape reach everything, in an order that makes sense, the
// focus can be seen, no action loses it, and nothing holds it.

import type { Page } from '@playwright/test';
import { Agent } from '../support/agent.ts';
import { callRuns } from '../support/conversation.ts';
import { expect, type Stage, test } from '../support/fixtures.ts';
import { act, expectFocusKept, focused, tabTo } from '../support/keyboard.ts';
import type { Server } from '../support/server.ts';
import type { Viewer } from '../support/viewer.ts';

/** Presses that get from anywhere on a page to anywhere else. */
const ANYWHERE = 40;

/** Opens the chat by keyboard, closes it with Escape and opens it again. */
async function openChat(viewer: Viewer): Promise<void> {
  const { page } = viewer;
  await tabTo(page, 'button', 'Support', ANYWHERE);
  await page.keyboard.press('Enter');
  await expect(viewer.message).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(viewer.dialog).toBeHidden();
  await expect(viewer.launcher).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(viewer.message).toBeFocused();
}

/** Signs in by keyboard. */
async function signIn(stage: Stage, server: Server): Promise<Agent> {
  const page = await stage.page();
  await page.goto(`${server.url}/agent?lang=en`);
  const agent = new Agent(page);
  await expect(page.getByRole('button', { name: 'Sign in as the demo agent' })).toBeVisible();
  await tabTo(page, 'button', 'Sign in as the demo agent');
  await page.keyboard.press('Enter');
  await expect(agent.queue).toBeAttached();
  return agent;
}

test('the whole story at both ends by keyboard alone', async ({ stage }) => {
  test.setTimeout(120_000);
  const server = await stage.server();
  const agent = await signIn(stage, server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);

  await openChat(viewer);
  await tabTo(viewer.page, 'button', 'The picture stutters', undefined, 'Shift+Tab');
  await act(viewer.page, 'the chip', () => expect(viewer.log.getByText('The picture stutters')).toBeVisible());
  const ticket = await viewer.ticket();

  await tabTo(agent.page, 'button', `Take #${ticket}`, ANYWHERE);
  await act(agent.page, 'taking', () => expect(agent.reply).toBeVisible());
  await expect(agent.reply, 'who takes wants to write').toBeFocused();
  await agent.page.keyboard.type('Hello, how can I help?');
  await act(agent.page, 'a reply', () => expect(viewer.log.getByText('Hello, how can I help?', { exact: true })).toBeVisible());
  await expect(agent.reply).toBeFocused();

  await expect(viewer.message, 'who picked a chip goes on by writing').toBeFocused();
  await viewer.page.keyboard.type('With the keyboard only.');
  await viewer.page.keyboard.press('Enter');
  await expect(agent.log.getByText('With the keyboard only.', { exact: true })).toBeVisible();

  await tabTo(agent.page, 'button', 'Invite to share screen', ANYWHERE, 'Shift+Tab');
  await act(agent.page, 'the invitation', () => expect(viewer.card).toBeVisible());
  // The card does not take the focus away from somebody who is writing.
  await expect(viewer.message).toBeFocused();
  await tabTo(viewer.page, 'button', 'Share only the player', undefined, 'Shift+Tab');
  // Enter counts as a person's gesture: browsers let it capture.
  await act(viewer.page, 'consent', () => expect(viewer.bar).toBeVisible());
  await agent.expectPictureMoving();
  await callRuns(agent, 1);
  await expectFocusKept(agent.page, 'the picture came');
  await stopAndRate(viewer, agent);

  await tabTo(agent.page, 'button', 'Resolve', ANYWHERE);
  await act(agent.page, 'resolving', () => expect(viewer.status).toContainText('Resolved'));
  expect(await circle(agent.page), 'the console lets the focus go on').toBe(true);
});

/** The viewer stops and rates, all by keyboard. */
async function stopAndRate(viewer: Viewer, agent: Agent): Promise<void> {
  const { page } = viewer;
  await tabTo(page, 'button', 'Stop sharing', ANYWHERE);
  await act(page, 'the stop', () => expect(viewer.bar).toBeHidden());
  await expect(agent.call).toBeHidden();
  await expect(viewer.rating).toBeVisible();
  await tabTo(page, 'radio', '1 star', ANYWHERE);
  for (const stars of ['2 stars', '3 stars', '4 stars']) {
    await page.keyboard.press('ArrowRight');
    expect(await focused(page)).toMatchObject({ role: 'radio', name: stars });
  }
  await tabTo(page, 'textbox', 'Comment (optional)');
  await page.keyboard.type('All by keyboard.');
  await tabTo(page, 'button', 'Send rating');
  await act(page, 'the rating', () => expect(viewer.rating).toBeHidden());
  await expect(agent.log.getByText('The viewer rated the help 4 of 5')).toBeVisible();
}

test('an agent ends the call by keyboard, and neither side loses the focus', async ({ stage }) => {
  const server = await stage.server();
  const agent = await signIn(stage, server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await openChat(viewer);
  await viewer.page.keyboard.type('It stutters.');
  await viewer.page.keyboard.press('Enter');
  const ticket = await viewer.ticket();
  await tabTo(agent.page, 'button', `Take #${ticket}`, ANYWHERE);
  await act(agent.page, 'taking', () => expect(agent.reply).toBeFocused());
  await tabTo(agent.page, 'button', 'Invite to share screen', ANYWHERE, 'Shift+Tab');
  await act(agent.page, 'the invitation', () => expect(viewer.card).toBeVisible());
  await tabTo(viewer.page, 'button', 'Share only the player', undefined, 'Shift+Tab');
  await act(viewer.page, 'consent', () => expect(viewer.bar).toBeVisible());
  await agent.expectPictureMoving();
  await tabTo(agent.page, 'button', 'End call', ANYWHERE);
  await act(agent.page, 'the end', () => expect(agent.call).toBeHidden());
  await expect(viewer.bar).toBeHidden();
  await expectFocusKept(viewer.page, 'the end of the call by the agent');
});

test('a viewer declines by keyboard; an agent withdraws by keyboard', async ({ stage }) => {
  const server = await stage.server();
  const agent = await signIn(stage, server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await openChat(viewer);
  await viewer.page.keyboard.type('It stutters.');
  await viewer.page.keyboard.press('Enter');
  await tabTo(agent.page, 'button', `Take #${await viewer.ticket()}`, ANYWHERE);
  await act(agent.page, 'taking', () => expect(agent.reply).toBeFocused());
  await tabTo(agent.page, 'button', 'Invite to share screen', ANYWHERE, 'Shift+Tab');
  await act(agent.page, 'the invitation', () => expect(viewer.card).toBeVisible());
  await tabTo(viewer.page, 'button', 'Decline', undefined, 'Shift+Tab');
  await act(viewer.page, 'declining', () => expect(viewer.card).toBeHidden());
  await tabTo(agent.page, 'button', 'Invite to share screen', ANYWHERE);
  await act(agent.page, 'the second invitation', () => expect(viewer.card).toBeVisible());
  await tabTo(agent.page, 'button', 'Withdraw invitation', ANYWHERE);
  await act(agent.page, 'withdrawing', () => expect(viewer.card).toBeHidden());
  await expectFocusKept(viewer.page, 'the withdrawal');
});

test('the sheet of keyboard shortcuts holds the focus while it is open and gives it back', async ({ stage }) => {
  const server = await stage.server();
  const agent = await signIn(stage, server);
  const sheet = agent.page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await tabTo(agent.page, 'button', 'Keyboard shortcuts', ANYWHERE);
  await act(agent.page, 'opening the sheet', () => expect(sheet).toBeVisible());
  await agent.page.keyboard.press('Escape');
  await expect(sheet).toBeHidden();
  expect(await focused(agent.page)).toMatchObject({ role: 'button', name: 'Keyboard shortcuts' });
  await agent.page.keyboard.press('?');
  await expect(sheet).toBeVisible();
  await agent.page.keyboard.press('Escape');
  expect(await focused(agent.page)).toMatchObject({ role: 'button', name: 'Keyboard shortcuts' });
});

test('the open chat does not hold the focus: Tab goes on to the page and comes back', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await openChat(viewer);
  expect(await circle(viewer.page), 'the focus leaves the chat and returns').toBe(true);
});

/** Whether Tab goes around the whole page: away from here and, in the end, back. */
async function circle(page: Page): Promise<boolean> {
  const here = JSON.stringify(await focused(page));
  let away = false;
  for (let n = 0; n < ANYWHERE * 2; n += 1) {
    await page.keyboard.press('Tab');
    const at = JSON.stringify(await focused(page));
    if (at !== here) away = true;
    else if (away) return true;
  }
  return false;
}
