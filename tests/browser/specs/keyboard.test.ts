// The viewer's story without a mouse: Tab, arrows, Enter and Escape reach everything, in an order that makes sense, and the
// focus can be seen.

import { callRuns } from '../support/conversation.ts';
import { expect, test } from '../support/fixtures.ts';
import type { Viewer } from '../support/viewer.ts';

/** Presses that must be enough to get from one control to another of the chat. */
const TABS_MAX = 14;

test('a viewer opens, writes, consents, stops and rates by keyboard alone', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);

  await tabTo(viewer, 'button', 'Support', 40);
  await viewer.page.keyboard.press('Enter');
  await expect(viewer.message).toBeFocused();
  await viewer.page.keyboard.press('Escape');
  await expect(viewer.dialog).toBeHidden();
  await expect(viewer.launcher).toBeFocused();
  await viewer.page.keyboard.press('Enter');
  await expect(viewer.message).toBeFocused();
  await tabTo(viewer, 'button', 'The picture stutters', TABS_MAX, 'Shift+Tab');
  await viewer.page.keyboard.press('Enter');
  await agent.take(await viewer.ticket());
  await tabTo(viewer, 'textbox', 'Message');
  await viewer.page.keyboard.type('With the keyboard only.');
  await viewer.page.keyboard.press('Enter');
  await expect(agent.log.getByText('With the keyboard only.', { exact: true })).toBeVisible();

  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  // The card does not take the focus away from somebody who is writing.
  await expect(viewer.message).toBeFocused();
  await tabTo(viewer, 'button', 'Share only the player', TABS_MAX, 'Shift+Tab');
  await viewer.page.keyboard.press('Enter');
  await agent.expectPictureMoving();
  await callRuns(agent, 1);
  await tabTo(viewer, 'button', 'Stop sharing');
  await viewer.page.keyboard.press('Enter');
  await expect(viewer.bar).toBeHidden();
  await expect(agent.call).toBeHidden();

  await expect(viewer.rating).toBeVisible();
  await tabTo(viewer, 'radio', '1 star', 40);
  for (const stars of ['2 stars', '3 stars', '4 stars']) {
    await viewer.page.keyboard.press('ArrowRight');
    expect(await focused(viewer)).toMatchObject({ role: 'radio', name: stars });
  }
  await tabTo(viewer, 'textbox', 'Comment (optional)');
  await viewer.page.keyboard.type('All by keyboard.');
  await tabTo(viewer, 'button', 'Send rating');
  await viewer.page.keyboard.press('Enter');
  await expect(agent.log.getByText('The viewer rated the help 4 of 5')).toBeVisible();
});

/** Presses Tab until the control with this role and name has the focus, which must be visible. */
async function tabTo(viewer: Viewer, role: string, name: string, presses = TABS_MAX, key = 'Tab'): Promise<void> {
  const passed: string[] = [];
  for (let n = 0; n < presses; n += 1) {
    await viewer.page.keyboard.press(key);
    const at = await focused(viewer);
    if (at.role === role && at.name === name) {
      expect(at.visible, `the focus on "${name}" can be seen`).toBe(true);
      return;
    }
    passed.push(`${at.role} "${at.name}"`);
  }
  throw new Error(`${role} "${name}" is not reached by ${presses} × ${key}; passed: ${passed.join(', ')}`);
}

/** The focused element inside all shadow trees: its role, its name, and whether the focus is drawn. */
async function focused(viewer: Viewer): Promise<{ role: string; name: string; visible: boolean }> {
  return viewer.page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (!element) return { role: '', name: '', visible: false };
    const implicit: Record<string, string> = { BUTTON: 'button', TEXTAREA: 'textbox', A: 'link', VIDEO: 'video' };
    const input = element instanceof HTMLInputElement ? (element.type === 'radio' ? 'radio' : 'textbox') : undefined;
    const role = element.getAttribute('role') ?? input ?? implicit[element.tagName] ?? element.tagName.toLowerCase();
    const name = (element.getAttribute('aria-label') ?? element.textContent ?? '').trim();
    // A text box may show the focus on its frame, a hidden radio on its label.
    const drawn = [element, element.parentElement, element.closest('label')].filter((one) => one !== null);
    const visible = drawn.some((one) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
      return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    });
    return { role, name, visible };
  });
}
