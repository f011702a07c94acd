// No serious fault by axe's rules, in each state of each page, in light and dark, in both languages; and what axe is blind
// to: focus that can be seen, zoom, reflow, forced colours, motion. A new state is one line: reach it, `look` at it.

import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import {
  expectAccessible,
  expectFingerSized,
  expectFocusShown,
  expectForcedColours,
  expectReachable,
  expectStill,
} from '../support/access.ts';
import { expect, type Stage, test } from '../support/fixtures.ts';
import { type Lang, named } from '../support/names.ts';
import { type Account, REPOSITORY, type Server } from '../support/server.ts';

const LANGS: Lang[] = ['en', 'zh'];
/** The second agent. */
const KIM: Account = { login: 'kim', password: 'correct horse battery', name: 'Kim Lund' };
/** Long enough for a call to go on until somebody ends it, s. */
const DRAIN_S = 120;
/** A picture for the chat. */
const PICTURE = resolve(REPOSITORY, 'docs/img/widget-phone.png');
/** Called with each state that has been reached. */
type Look = (page: Page, state: string) => Promise<void>;

/** A viewer's widget from the closed launcher to the rating, with an agent who answers; `look` sees each state. */
async function widgetStates(stage: Stage, server: Server, page: Page, lang: Lang, look: Look): Promise<void> {
  const name = (english: string) => named(lang, english);
  const button = (english: string) => page.getByRole('button', { name: name(english), exact: true });
  await page.goto(`${server.url}/demo?lang=${lang}`);
  await expect(button('Support')).toBeVisible();
  await look(page, 'launcher');
  await button('Support').click();
  const message = page.getByRole('textbox', { name: name('Message') });
  await expect(message).toBeVisible();
  await expect(button('The picture stutters')).toBeVisible();
  await look(page, 'chat empty, nobody on line');
  await button('The picture stutters').click();
  await expect(button('Copy private link')).toBeVisible();
  await look(page, 'nobody on line');
  const agent = await stage.agent(server);
  const status = page.getByRole('dialog').getByRole('status').first();
  await expect(status).toContainText(lang === 'en' ? /You are number \d+ in line/ : /您排在第 \d+ 位/);
  await look(page, 'place in line');
  await agent.queue.getByRole('button', { name: /^Take #/ }).first().waitFor();
  const ticket = Number(/#(\d+)/.exec((await status.textContent()) ?? '')?.[1]);
  await agent.take(ticket);
  await message.fill('Since an hour ago, on every stream, and only in the evening.');
  await button('Send').click();
  await agent.answer('Thank you. May I have a look?');
  await expect(page.getByText('Thank you. May I have a look?')).toBeVisible();
  await look(page, 'conversation');
  await page.locator('sightline-support input[type=file]').setInputFiles(PICTURE);
  const picture = page.getByRole('log').getByRole('button', { name: lang === 'en' ? /^Picture from You/ : /的图片/ });
  await expect(picture).toBeVisible();
  await look(page, 'picture');
  await picture.click();
  await expect(page.getByRole('dialog', { name: name('Picture'), exact: true })).toBeVisible();
  await look(page, 'picture, large');
  await page.keyboard.press('Escape');
  await button('Ask for a call').click();
  await expect(button('Withdraw the request')).toBeVisible();
  await look(page, 'asked for a call');
  await button('Withdraw the request').click();
  await agent.invite.click();
  const card = page.getByRole('group', { name: name('Screen sharing request') });
  await expect(card.getByRole('button', { name: name('Share only the player') })).toBeVisible();
  await look(page, 'consent card');
  const allow = await refuseDevices(page);
  await card.getByRole('button', { name: name('Show by camera') }).click();
  await expect(card.getByText(lang === 'en' ? /may not use the camera/ : /无权使用摄像头/)).toBeVisible();
  await look(page, 'consent card, camera refused');
  await card.getByRole('button', { name: name('Share only the player') }).click();
  await agent.expectPictureMoving();
  await expect(page.getByRole('group', { name: name('Sharing'), exact: true })).toBeVisible();
  await look(page, 'sharing bar');
  await button('Turn on microphone').click();
  await expect(page.getByRole('group', { name: name('Sharing'), exact: true }).getByText(lang === 'en' ? /may not use the microphone/ : /无权使用麦克风/)).toBeVisible();
  await look(page, 'sharing bar, microphone refused');
  await allow();
  await button('Turn on microphone').click();
  await expect(button('Turn off microphone')).toBeVisible();
  await look(page, 'sharing bar, microphone on');
  await button('Stop sharing').click();
  await expect(page.getByRole('group', { name: name('Rate the help') })).toBeVisible();
  await look(page, 'rating');
  await agent.within.getByRole('button', { name: 'Resolve' }).click();
  await expect(page.getByRole('group', { name: name('Rate the help') })).toBeVisible();
  await look(page, 'resolved');
}

/** Camera and microphone are refused, as by the browser's question, until the returned function is called. */
async function refuseDevices(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });
  return async () => {
    await page.context().grantPermissions(['microphone', 'camera']);
    await page.evaluate(() => Reflect.deleteProperty(navigator.mediaDevices, 'getUserMedia'));
  };
}

/** Where the console is narrow, its panes are behind tabs. */
async function showPane(page: Page, pane: string): Promise<void> {
  // With how many are unread and waiting behind its name.
  const tab = page.getByRole('button', { name: new RegExp(`^${pane}`) }).first();
  if (await tab.isVisible()) await tab.click();
}

/** The agent's console from the sign-in to the tickets; `look` sees each state. */
async function consoleStates(stage: Stage, server: Server, page: Page, lang: Lang, look: Look): Promise<void> {
  const name = (english: string) => named(lang, english);
  const button = (english: string) => page.getByRole('button', { name: name(english), exact: true });
  await page.goto(`${server.url}/agent?lang=${lang}`);
  await expect(button('Sign in as the demo agent')).toBeVisible();
  await look(page, 'sign-in');
  await button('Sign in as the demo agent').click();
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  const take = page.getByRole('button', { name: lang === 'en' ? `Take #${ticket}` : `接入 #${ticket}`, exact: true });
  await expect(take).toBeVisible();
  await look(page, 'queue');
  await take.click();
  const reply = page.getByRole('textbox', { name: name('Reply') });
  await expect(reply).toBeVisible();
  await viewer.say('It began an hour ago.');
  await reply.fill('Let me see.');
  await reply.press('Enter');
  await look(page, 'conversation');
  await reply.fill('/');
  await expect(page.getByRole('listbox', { name: name('Canned replies') })).toBeVisible();
  await look(page, 'canned replies');
  await reply.fill('');
  await button('Internal note').click();
  await expect(page.getByRole('textbox', { name: name('Internal note') })).toBeFocused();
  await look(page, 'internal note');
  await page.keyboard.type('Calls every week.');
  await page.keyboard.press('Enter');
  await button('Internal note').click();
  await expect(reply).toBeVisible();
  await showPane(page, name('List'));
  for (const settings of ['Alerts', 'Theme']) {
    await button(settings).click();
    await look(page, settings);
    await page.keyboard.press('Escape');
  }
  await look(page, 'list');
  await showPane(page, name('Conversation'));
  await viewer.dialog.getByRole('button', { name: 'Ask for a call' }).click();
  await expect(button('Accept the call request')).toBeVisible();
  await look(page, 'call asked for');
  await page.keyboard.press('Tab');
  await button('Keyboard shortcuts').click();
  await expect(page.getByRole('dialog', { name: name('Keyboard shortcuts') })).toBeVisible();
  await look(page, 'keyboard shortcuts');
  await page.keyboard.press('Escape');
  await button('Invite to share screen').click();
  await expect(viewer.card).toBeVisible();
  await look(page, 'invited');
  await viewer.sharePlayer();
  const video = page.getByRole('region', { name: name('Call') }).locator('video').first();
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.videoWidth)).toBeGreaterThan(0);
  await look(page, 'call running');
  await viewer.stopSharing();
  await page.goto(`${server.url}/agent?lang=${lang}#/tickets/${ticket}`);
  await expect(page.getByRole('region', { name: name('Ticket') })).toBeVisible();
  await look(page, 'ticket');
  await page.goto(`${server.url}/agent?lang=${lang}#/tickets`);
  await expect(page.getByRole('table').or(page.getByRole('list')).first()).toBeVisible();
  await look(page, 'tickets');
}

/** A colleague's call at a console, from the team's list to the server that is about to stop; `look` sees each state. */
async function teamStates(stage: Stage, page: Page, lang: Lang, look: Look): Promise<void> {
  const name = (english: string) => named(lang, english);
  const server = await stage.server({ config: `[limits]\ndrain_seconds = ${DRAIN_S}\n` });
  await server.addAgent(KIM);
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await agent.invite.click();
  await viewer.sharePlayer();
  await agent.expectPictureMoving();
  await page.goto(`${server.url}/agent?lang=${lang}`);
  await page.locator('input').first().fill(KIM.login);
  await page.locator('input[type=password]').fill(KIM.password);
  await page.getByRole('button', { name: name('Sign in'), exact: true }).click();
  const join = page.getByRole('list', { name: name('Team') }).getByRole('button', { name: name('Join'), exact: true });
  await expect(join).toBeVisible();
  await look(page, 'team');
  await page.goto(`${server.url}/agent?lang=${lang}#/tickets/${ticket}`);
  const here = page.getByRole('button', { name: name('Join the call'), exact: true });
  await expect(here).toBeVisible();
  await look(page, 'ticket of a colleague’s call');
  await here.click();
  const call = page.getByRole('region', { name: name('Call') });
  await expect.poll(() => call.locator('video').evaluate((video: HTMLVideoElement) => video.videoWidth)).toBeGreaterThan(0);
  await look(page, 'joined');
  await look(agent.page, 'a colleague joined');
  await look(viewer.page, 'sharing bar, a colleague joined');
  await call.getByRole('button', { name: name('Leave the call') }).click();
  await expect(here).toBeVisible();
  await look(page, 'left, reading along');
  const stopped = server.stop(DRAIN_S * 1_000);
  const banner = page.getByRole('status').filter({ hasText: lang === 'en' ? /maintenance/ : /停机维护/ });
  await expect(banner).toBeVisible();
  await look(page, 'draining');
  await expect(viewer.bar.getByText(/maintenance/)).toBeVisible();
  await look(viewer.page, 'sharing bar, draining');
  stage.expected.push(/WebSocket|ERR_CONNECTION|Failed to load resource|Failed to fetch/);
  await agent.endCall();
  await stopped;
}

/** The pages that stand alone. */
async function otherPages(stage: Stage, server: Server, page: Page, lang: Lang, look: Look): Promise<void> {
  for (const path of ['/', '/ops', '/demo']) {
    await page.goto(`${server.url}${path}?lang=${lang}`);
    await page.waitForLoadState('networkidle').catch(() => {});
    await look(page, path);
  }
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.say('By my private link, please.');
  await viewer.ticket();
  const key = await viewer.page.evaluate(() => Object.entries(localStorage).find(([name]) => name.startsWith('sightline:key'))?.[1]);
  await page.goto(`${server.url}/c?lang=${lang}#${key}`);
  await expect(page.getByText('By my private link, please.')).toBeVisible();
  await look(page, '/c#key');
}

for (const lang of LANGS) {
  test(`axe finds no serious fault in the widget's states (${lang})`, async ({ stage }) => {
    test.setTimeout(240_000);
    const server = await stage.server();
    await widgetStates(stage, server, await stage.page(), lang, expectAccessible);
  });

  test(`axe finds no serious fault in the console (${lang})`, async ({ stage }) => {
    test.setTimeout(240_000);
    const server = await stage.server();
    await consoleStates(stage, server, await stage.page(), lang, expectAccessible);
  });

  test(`axe finds no serious fault where a colleague joins a call (${lang})`, async ({ stage }) => {
    test.setTimeout(180_000);
    await teamStates(stage, await stage.page(), lang, expectAccessible);
  });

  test(`axe finds no serious fault on the other pages (${lang})`, async ({ stage }) => {
    test.setTimeout(180_000);
    const server = await stage.server();
    await otherPages(stage, server, await stage.page(), lang, expectAccessible);
  });
}

test('the focus can be seen on every control of the widget, and in forced colours each has an edge', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  await widgetStates(stage, server, await stage.page(), 'en', async (page, state) => {
    await expectFocusShown(page, state);
    await expectForcedColours(page, state);
    await expectStill(page, state);
  });
});

test('the focus can be seen on every control of the console, and in forced colours each has an edge', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  await consoleStates(stage, server, await stage.page(), 'en', async (page, state) => {
    await expectFocusShown(page, state);
    await expectForcedColours(page, state);
    await expectStill(page, state);
  });
});

test('the focus can be seen on every control where a colleague joins a call', async ({ stage }) => {
  test.setTimeout(180_000);
  await teamStates(stage, await stage.page(), 'en', async (page, state) => {
    await expectFocusShown(page, state);
    await expectForcedColours(page, state);
    await expectStill(page, state);
  });
});

test('at 1280×720 and at its 200 % zoom nothing is cut where a colleague joins a call', async ({ stage }) => {
  test.setTimeout(180_000);
  const page = await stage.page({ viewport: { width: 1280, height: 720 } });
  await teamStates(stage, page, 'en', async (seen, state) => {
    // The widget on its page has tests of its own.
    if (state.startsWith('sharing bar')) return;
    await expectReachable(seen, state);
    if (seen !== page) return;
    await page.setViewportSize({ width: 640, height: 360 });
    for (const pane of ['List', 'Conversation']) {
      await showPane(page, pane);
      await expectReachable(page, `${state}, zoomed, ${pane}`);
    }
    await page.setViewportSize({ width: 1280, height: 720 });
  });
});

test('at 200 % zoom of 1280×720 nothing of the console is cut and nothing scrolls sideways', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  // What zooming does: half as many CSS pixels, twice as dense.
  const zoomed = await stage.page({ viewport: { width: 640, height: 360 }, deviceScaleFactor: 2 });
  await consoleStates(stage, server, zoomed, 'en', expectReachable);
});

test('in 320 CSS pixels the widget reflows: nothing is cut and nothing scrolls sideways', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  const narrow = await stage.page({ viewport: { width: 320, height: 568 } });
  await widgetStates(stage, server, narrow, 'en', (page, state) => expectReachable(page, state, 'sightline-support'));
});

test('on a phone every control of the widget is as large as a fingertip', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  const phone = await stage.page({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  await widgetStates(stage, server, phone, 'en', expectFingerSized);
});
