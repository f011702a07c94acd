// The console for five chats at once: unread and waiting, drafts, canned replies, notes, keys, alerts, theme, narrow windows,
// pictures, requests for a call.

import type { Page } from '@playwright/test';
import { expectAccessible, expectReachable } from '../support/access.ts';
import { Agent } from '../support/agent.ts';
import { openConversation } from '../support/conversation.ts';
import { ACCOUNT, expect, type Stage, test } from '../support/fixtures.ts';
import type { Server } from '../support/server.ts';
import { Writer } from '../support/writer.ts';

/** A viewer without a browser, known by name. */
async function writer(stage: Stage, server: Server, name: string, first: string, lang = 'en'): Promise<Writer> {
  const token = await stage.rest(server).viewerToken({ external_id: name, name, lang });
  const one = await Writer.open(server, token);
  stage.onEnd(async () => one.close());
  await one.say(first);
  await expect.poll(() => one.ticket).toBeGreaterThan(0);
  return one;
}

/** An agent at a desk without the demo's own viewers. */
async function quietDesk(stage: Stage): Promise<{ server: Server; agent: Agent }> {
  const server = await stage.server({ demo: false });
  return { server, agent: await stage.agent(server, { account: ACCOUNT }) };
}

/** Everything that a page has been sent over its WebSocket. */
function recordFrames(page: Page): string[] {
  const frames: string[] = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));
  return frames;
}

test('an internal note is seen by colleagues and never reaches the viewer', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  const frames = recordFrames(viewer.page);
  const agent = await stage.agent(server);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);

  await agent.reply.fill('Half a reply');
  await agent.page.getByRole('button', { name: 'Internal note', exact: true }).click();
  const note = agent.page.getByRole('textbox', { name: 'Internal note' });
  await expect(note).toBeFocused();
  await expect(note).toHaveValue('');
  await expect(agent.page.getByText('Only colleagues see this, never the viewer')).toBeVisible();
  await note.fill('Calls every week, owns an old set-top box.');
  // Each has its own draft, over the switch and over a reload.
  await agent.page.reload();
  await expect(agent.reply).toHaveValue('Half a reply');
  await agent.page.getByRole('button', { name: 'Internal note', exact: true }).click();
  await expect(note).toHaveValue('Calls every week, owns an old set-top box.');
  await note.press('Enter');
  await expect(agent.log.getByText('Internal note by Robin Vale')).toBeVisible();
  await expect(agent.log.getByText('Calls every week, owns an old set-top box.')).toBeVisible();
  await agent.page.getByRole('button', { name: 'Internal note', exact: true }).click();
  await agent.answer('Half a reply, and the rest.');
  await expect(viewer.log.getByText('Half a reply, and the rest.')).toBeVisible();
  expect(await viewer.page.getByText('set-top box').count()).toBe(0);

  // Nor after a reload, when the whole conversation is sent once more.
  await viewer.page.reload();
  await viewer.openChat();
  await expect(viewer.log.getByText('Half a reply, and the rest.')).toBeVisible();
  expect(frames.length).toBeGreaterThan(5);
  expect(frames.filter((frame) => frame.includes('set-top box'))).toEqual([]);
  expect(await viewer.page.getByText('set-top box').count()).toBe(0);

  await agent.page.getByRole('link', { name: `Ticket #${ticket}` }).first().click();
  await expect(agent.page.getByRole('region', { name: 'Ticket' }).getByText('Internal note by Robin Vale')).toBeVisible();
});

test('canned replies are found, filled in and managed by keyboard', async ({ stage }) => {
  const { server, agent } = await quietDesk(stage);
  const ana = await writer(stage, server, 'Ana', 'It stutters.');
  await agent.take(ana.ticket);
  const list = agent.page.getByRole('listbox', { name: 'Canned replies' });

  await agent.page.getByRole('button', { name: 'Canned replies', exact: true }).click();
  await agent.page.getByRole('button', { name: 'Manage canned replies' }).click();
  const dialog = agent.page.getByRole('dialog', { name: 'Manage canned replies' });
  for (const [shortcut, title, text, lang] of [
    ['zz-hallo', 'A greeting', 'Hello {viewer}, this is {agent} with ticket {ticket}.', 'en'],
    ['zz-hallo', '招呼', '您好 {viewer}', 'zh'],
    ['zz-wait', 'Please wait', 'One moment, please.', ''],
  ]) {
    await dialog.getByRole('button', { name: 'New canned reply' }).click();
    await dialog.getByRole('textbox', { name: 'Shortcut' }).fill(shortcut ?? '');
    await dialog.getByRole('textbox', { name: 'Title' }).fill(title ?? '');
    await dialog.getByRole('textbox', { name: 'Text' }).fill(text ?? '');
    await dialog.getByRole('combobox', { name: 'Language' }).selectOption(lang ?? '');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog.getByText(title ?? '', { exact: true })).toBeVisible();
  }
  await agent.page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();

  await agent.reply.fill('');
  await agent.reply.pressSequentially('/zz');
  await expect(list.getByRole('option')).toHaveCount(3);
  // The viewer's language first.
  await expect(list.getByRole('option').first()).toContainText('A greeting');
  await expect(list.getByRole('option', { selected: true })).toContainText('A greeting');
  await agent.reply.press('ArrowDown');
  await expect(list.getByRole('option', { selected: true })).not.toContainText('A greeting');
  await agent.reply.press('Escape');
  await expect(list).toBeHidden();
  await expect(agent.reply).toHaveValue('/zz');
  await agent.reply.pressSequentially(' ');
  await agent.reply.fill('Dear all, ');
  await agent.reply.pressSequentially('/zz-h');
  await agent.reply.press('Tab');
  const greeting = `Hello Ana, this is ${ACCOUNT.name} with ticket ${ana.ticket}.`;
  await expect(agent.reply).toHaveValue(`Dear all, ${greeting}`);
  await expect(agent.reply).toBeFocused();
  await agent.reply.press('Enter');
  await expect.poll(() => ana.heard()).toEqual([`Dear all, ${greeting}`]);
  // A fraction is no shortcut.
  await agent.reply.pressSequentially('1/2');
  await expect(list).toBeHidden();
  await agent.reply.fill('');

  await agent.reply.pressSequentially('/');
  await agent.page.getByRole('button', { name: 'Manage canned replies' }).click();
  await dialog.getByRole('button', { name: 'Edit /zz-wait' }).click();
  await dialog.getByRole('textbox', { name: 'Text' }).fill('Two moments, please.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByText('Two moments, please.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Delete /zz-wait' }).click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(dialog.getByText('Two moments, please.')).toHaveCount(0);
});

test('rows say what is unread and who waits how long, the title counts, and the longest wait can stand first', async ({ stage }) => {
  const { server, agent } = await quietDesk(stage);
  const ana = await writer(stage, server, 'Ana', 'One');
  const ben = await writer(stage, server, 'Ben', 'Two');
  const chloe = await writer(stage, server, 'Chloe', 'Three');
  for (const one of [ana, ben, chloe]) await agent.take(one.ticket);
  await agent.row(ana.ticket).click();
  await agent.answer('Hello Ana');
  await ben.say('Are you there?');
  await ben.say('Hello?');
  await expect(agent.row(ben.ticket)).toContainText('2 unread');
  await expect(agent.page).toHaveTitle(/^\(\d+\) /);
  await expect(agent.row(ben.ticket)).toContainText(/waiting \d+:\d\d/);
  const order = () => agent.mine.getByRole('button', { name: /^#\d+/ }).allTextContents();
  const tickets = async () => (await order()).map((text) => Number(/#(\d+)/.exec(text)?.[1]));
  expect(await tickets()).toEqual([ana.ticket, ben.ticket, chloe.ticket]);
  await agent.page.getByRole('button', { name: 'Longest wait first' }).click();
  await expect.poll(tickets).toEqual([ben.ticket, chloe.ticket, ana.ticket]);
  // The choice is kept; drafts and the chat that was open are, too.
  await agent.reply.fill('half a draft');
  await agent.page.reload();
  await expect.poll(tickets).toEqual([ben.ticket, chloe.ticket, ana.ticket]);
  await expect(agent.reply).toHaveValue('half a draft');
  await agent.row(ben.ticket).click();
  await expect(agent.row(ben.ticket)).not.toContainText('unread');
});

test('every action has a key, none of them acts while one writes, and "?" shows them', async ({ stage }) => {
  const { server, agent } = await quietDesk(stage);
  const ana = await writer(stage, server, 'Ana', 'One');
  const ben = await writer(stage, server, 'Ben', 'Two');
  const { keyboard } = agent.page;
  await keyboard.press('t');
  await expect(agent.reply).toBeFocused();
  await expect(agent.row(ana.ticket)).toBeVisible();
  await keyboard.type('tjnum?');
  await expect(agent.reply).toHaveValue('tjnum?');
  await expect(agent.page.getByRole('dialog')).toHaveCount(0);
  await agent.reply.fill('');
  await keyboard.press('Escape');
  await keyboard.press('?');
  const sheet = agent.page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(sheet).toBeVisible();
  // The keys are the dialog's while it is open.
  await keyboard.press('t');
  await expect(agent.queue.getByRole('listitem')).toHaveCount(1);
  await keyboard.press('Escape');
  await expect(sheet).toBeHidden();
  await keyboard.press('t');
  await expect(agent.row(ben.ticket)).toHaveAttribute('aria-current', 'true');
  await expect(agent.reply).toBeFocused();
  await keyboard.press('Escape');
  await keyboard.press('k');
  await expect(agent.row(ana.ticket)).toHaveAttribute('aria-current', 'true');
  await expect(agent.reply).toBeFocused();
  await keyboard.press('Escape');
  await ben.say('Hello?');
  await expect(agent.row(ben.ticket)).toContainText('1 unread');
  await keyboard.press('u');
  await expect(agent.row(ben.ticket)).toHaveAttribute('aria-current', 'true');
  await expect(agent.reply).toBeFocused();
  await keyboard.press('Escape');
  await keyboard.press('n');
  await expect(agent.page.getByRole('textbox', { name: 'Internal note' })).toBeFocused();
  await keyboard.press('Escape');
  await keyboard.press('r');
  await expect(agent.reply).toBeFocused();
  await keyboard.press('Escape');
  await keyboard.press('/');
  await expect(agent.page.getByRole('listbox', { name: 'Canned replies' })).toBeAttached();
  await expect(agent.reply).toHaveValue('/');
  await keyboard.press('Escape');
  await agent.reply.fill('');
  await keyboard.press('Escape');
  const scheme = () => agent.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  await keyboard.press('d');
  await expect.poll(scheme).toBe('dark');
  await keyboard.press('Shift+R');
  await expect(agent.page.getByText('This conversation is resolved.')).toBeVisible();
  // Single keys can be done without.
  await keyboard.press('?');
  await sheet.getByRole('checkbox', { name: 'Single-key shortcuts' }).uncheck();
  await keyboard.press('Escape');
  await keyboard.press('k');
  await expect(agent.row(ana.ticket)).not.toHaveAttribute('aria-current', 'true');
});

test('alerts sound and pop up for what others do, as wished, and never for what the agent does', async ({ stage }) => {
  const server = await stage.server({ demo: false });
  const page = await stage.page();
  await page.addInitScript(() => {
    const heard: number[] = [];
    const shown: { title: string; body: string }[] = [];
    Object.assign(window, { heard, shown });
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (when?: number) {
      if (this.context.state === 'running') heard.push(this.frequency.value);
      start.call(this, when);
    };
    let permission: NotificationPermission = 'default';
    class Told extends EventTarget {
      static get permission() {
        return permission;
      }
      static async requestPermission() {
        permission = 'granted';
        return permission;
      }
      constructor(title: string, options?: NotificationOptions) {
        super();
        shown.push({ title, body: options?.body ?? '' });
      }
      close() {}
    }
    Object.assign(window, { Notification: Told });
  });
  const agent = new Agent(page);
  await agent.signIn(server.url, ACCOUNT);
  const heard = () => page.evaluate(() => (window as unknown as { heard: number[] }).heard.splice(0).length);
  const shown = () => page.evaluate(() => (window as unknown as { shown: { title: string }[] }).shown.splice(0));

  // A new viewer in the queue: sound, and no notification before it was wished for.
  const ana = await writer(stage, server, 'Ana', 'One');
  await expect.poll(heard).toBeGreaterThan(0);
  expect(await shown()).toEqual([]);
  await agent.page.getByRole('button', { name: 'Alerts' }).click();
  const panel = agent.page.getByRole('dialog', { name: 'Alerts' });
  await panel.getByRole('checkbox', { name: 'Desktop notifications' }).check();
  await agent.page.keyboard.press('Escape');
  const ben = await writer(stage, server, 'Ben', 'Two');
  await expect.poll(shown).toMatchObject([{ title: `Ben is waiting · #${ben.ticket}`, body: 'Two' }]);

  // What the agent does is no news.
  await heard();
  await agent.take(ana.ticket);
  await agent.take(ben.ticket);
  await expect(agent.row(ben.ticket)).toHaveAttribute('aria-current', 'true');
  await agent.answer('Hello Ben');
  await ben.say('In view');
  await expect(agent.log.getByText('In view')).toBeVisible();
  expect(await heard()).toBe(0);
  expect(await shown()).toEqual([]);
  // A message elsewhere is.
  await ana.say('Out of view');
  await expect.poll(heard).toBeGreaterThan(0);
  await expect.poll(shown).toMatchObject([{ title: `Ana · #${ana.ticket}`, body: 'Out of view' }]);

  // Muted, nothing is told, also after a reload.
  await agent.page.getByRole('button', { name: 'Alerts' }).click();
  await panel.getByRole('checkbox', { name: 'Mute all alerts' }).check();
  await agent.page.reload();
  await expect(agent.row(ana.ticket)).toBeVisible();
  await agent.page.keyboard.press('Escape');
  await ana.say('Quietly');
  await expect(agent.row(ana.ticket)).toContainText('Quietly');
  expect(await heard()).toBe(0);
  expect(await shown()).toEqual([]);
});

test('light and dark can be chosen, and the choice stays', async ({ stage }) => {
  const { agent } = await quietDesk(stage);
  const { page } = agent;
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const choose = async (name: string) => {
    await page.getByRole('button', { name: 'Theme' }).click();
    await page.getByRole('dialog', { name: 'Theme' }).getByRole('radio', { name }).check();
    await page.keyboard.press('Escape');
  };
  const light = await background();
  await choose('Dark');
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.reload();
  await expect(agent.queue).toBeAttached();
  expect(await background()).toBe(dark);
  await page.emulateMedia({ colorScheme: 'dark' });
  await choose('Light');
  expect(await background()).toBe(light);
  await choose('As the system');
  expect(await background()).toBe(dark);
});

test('in a narrow window every pane is a tab away and nothing scrolls sideways', async ({ stage }) => {
  const { server, agent } = await quietDesk(stage);
  const { page } = agent;
  const ana = await writer(stage, server, 'Ana', 'A rather long message that has to be broken somewhere, since no window is wide enough.');
  await page.setViewportSize({ width: 640, height: 360 });
  const tabs = page.getByRole('navigation', { name: 'Panes' });
  const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await agent.take(ana.ticket);
  await expect(agent.reply).toBeVisible();
  await expect(agent.mine).toBeHidden();
  expect(await sideways()).toBe(0);
  await tabs.getByRole('button', { name: 'Details' }).click();
  await expect(page.getByRole('complementary', { name: 'Details' })).toBeVisible();
  await expect(agent.reply).toBeHidden();
  expect(await sideways()).toBe(0);
  await tabs.getByRole('button', { name: 'List' }).click();
  await expect(agent.row(ana.ticket)).toBeVisible();
  expect(await sideways()).toBe(0);
  await agent.row(ana.ticket).click();
  await agent.answer('It fits.');
  await page.setViewportSize({ width: 320, height: 640 });
  await expect(agent.reply).toBeVisible();
  expect(await sideways()).toBe(0);
});

test('pictures go both ways, and open large', async ({ stage }) => {
  const { agent, viewer } = await openConversation(stage);
  const png = await viewer.page.screenshot({ type: 'png' });
  const chosen = agent.page.waitForEvent('filechooser');
  await agent.page.getByRole('button', { name: 'Send a picture', exact: true }).click();
  await (await chosen).setFiles({ name: 'desk.png', mimeType: 'image/png', buffer: png });
  const own = agent.log.getByRole('img', { name: 'Picture from Robin Vale' });
  await expect(own).toBeVisible();
  const decoded = () => own.evaluate((image: HTMLImageElement) => image.naturalWidth);
  await expect.poll(decoded).toBeGreaterThan(600);

  const offered = viewer.page.waitForEvent('filechooser');
  await viewer.dialog.getByRole('button', { name: 'Send a picture' }).click();
  await (await offered).setFiles({ name: 'tv.png', mimeType: 'image/png', buffer: png });
  const theirs = agent.log.getByRole('img', { name: /^Picture from Guest/ });
  await expect.poll(() => theirs.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(600);
  await theirs.click();
  const large = agent.page.getByRole('dialog', { name: /^Picture from Guest/ });
  await expect(large.getByRole('img')).toBeVisible();
  const width = (await large.getByRole('img').boundingBox())?.width ?? 0;
  expect(width).toBeGreaterThan(((await theirs.boundingBox())?.width ?? 0) * 2);
  await agent.page.keyboard.press('Escape');
  await expect(large).toBeHidden();

  // What is no picture is refused with a reason.
  const other = agent.page.waitForEvent('filechooser');
  await agent.page.getByRole('button', { name: 'Send a picture', exact: true }).click();
  await (await other).setFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await expect(agent.page.getByText('This file is not a picture that can be sent')).toBeVisible();
});

test('axe finds no serious fault in notes, canned replies, settings, requests and a call of voices', async ({ stage }) => {
  test.setTimeout(240_000);
  const { viewer, agent } = await openConversation(stage, { permissions: ['microphone'] });
  const { page } = agent;
  await page.context().grantPermissions(['microphone', 'camera']);
  const look = async (what: string) => {
    await expectAccessible(page, what);
    await page.setViewportSize({ width: 640, height: 360 });
    await expectReachable(page, `${what}, 200 %`);
    await page.setViewportSize({ width: 1280, height: 720 });
  };
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  await button('Internal note').click();
  await page.getByRole('textbox', { name: 'Internal note' }).fill('For colleagues alone.');
  await look('writing a note');
  await page.getByRole('textbox', { name: 'Internal note' }).press('Enter');
  await expect(agent.log.getByText('For colleagues alone.')).toBeVisible();
  await button('Internal note').click();
  await button('Canned replies').click();
  await expect(page.getByRole('option').first()).toBeVisible();
  await expectAccessible(page, 'canned replies');
  await page.getByRole('button', { name: 'Manage canned replies' }).click();
  const manage = page.getByRole('dialog', { name: 'Manage canned replies' });
  await expect(manage.getByRole('listitem').first()).toBeVisible();
  await look('managing canned replies');
  await manage.getByRole('button', { name: 'New canned reply' }).click();
  await manage.getByRole('button', { name: 'Save' }).click();
  await look('a canned reply without its parts');
  await page.keyboard.press('Escape');
  await agent.reply.fill('');
  for (const name of ['Alerts', 'Theme']) {
    await button(name).click();
    await expectAccessible(page, name);
    await page.keyboard.press('Escape');
  }
  await viewer.dialog.getByRole('button', { name: 'Ask for a call' }).click();
  await expect(button('Accept the call request')).toBeVisible();
  await look('a request for a call');
  await button('Accept the call request').click();
  await expect(viewer.card).toBeVisible();
  const others = viewer.card.getByText('Other ways');
  if (await others.isVisible()) await others.click();
  await viewer.card.getByRole('button', { name: 'Talk only' }).click();
  await expect(agent.call.getByText('Voice call')).toBeVisible();
  await agent.call.getByRole('button', { name: 'Turn on microphone' }).click();
  await expect(agent.call.getByRole('combobox', { name: 'Microphone' })).toBeVisible();
  await look('a call of voices');
  await agent.endCall();
  await expect(page.getByText('Call ended. You ended the call.')).toBeVisible();
  await look('an ended call');
});
