// Each interruption of a call or of the chat, by a test of its name: both ends say plainly what happened, and one click goes on.

import type { Browser, Page } from '@playwright/test';
import type { Agent } from '../support/agent.ts';
import { invite, type Opened, openConversation, openPlayerCall } from '../support/conversation.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { line, Netlab, needNetlab } from '../support/netlab.ts';
import { openPattern, PATTERN } from '../support/pattern.ts';
import { Viewer } from '../support/viewer.ts';

/** Tests that mostly wait: `make test` runs them side by side. */
const WAITS = { tag: '@waits' };

/** Round-trip time of the lines that are cut, ms. */
const RTT_MS = 40;

/** What a browser writes of a network that a test takes away. */
const NO_NETWORK = /net::ERR_|WebSocket connection|Failed to load resource/;

/** The reason with which the ticket's last call ended. */
async function expectEnd(stage: Stage, { server, ticket }: Opened, reason: string): Promise<void> {
  const ended = await stage.rest(server).ticketWhen(ticket, (one) => one.calls.at(-1)?.end_reason !== undefined);
  expect(ended.calls.at(-1)?.end_reason).toBe(reason);
}

/** The call that runs is still the first one. */
async function expectSameCall(stage: Stage, { server, ticket }: Opened): Promise<void> {
  const { calls } = await stage.rest(server).ticket(ticket);
  expect(calls.map(({ end_reason }) => end_reason ?? null)).toEqual([null]);
}

/** A capture that the system or the person refuses. */
function refuseDisplay(page: Page, message: string): Promise<void> {
  return page.evaluate((text) => {
    navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException(text, 'NotAllowedError'));
  }, message);
}

/** The device of a sender is gone, as a pulled cable does it: its track ends. `other`: whether there is another one. */
function unplug(page: Page, mid: number, other: boolean): Promise<void> {
  return page.evaluate(
    ({ mid, other }) => {
      const track = window.recordedPeers?.at(-1)?.pc.getTransceivers()[mid]?.sender.track;
      if (!track) throw new Error('nothing is sent there');
      const { getUserMedia } = MediaDevices.prototype;
      if (!other) {
        MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('gone', 'NotFoundError'));
        Object.assign(window, { plugIn: () => Object.assign(MediaDevices.prototype, { getUserMedia }) });
      }
      track.stop();
      track.dispatchEvent(new Event('ended'));
    },
    { mid, other },
  );
}

/** The device is there again. */
function plugIn(page: Page): Promise<void> {
  return page.evaluate(() => (window as unknown as { plugIn: () => void }).plugIn());
}

/** The page is in the background, or back. */
function hide(page: Page, hidden: boolean): Promise<void> {
  return page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => state === 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden ? 'hidden' : 'visible');
}

/** Text at the agent's call. */
const atAgent = (agent: Agent, text: string | RegExp) => agent.within.getByText(text).first();

test('picker cancelled: the card stays and says so, the agent still waits, the next choice works', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage);
  await invite(viewer, agent);
  await refuseDisplay(viewer.page, 'Permission denied by user');
  await viewer.choose('window');
  await expect(viewer.card).toContainText('Nothing is shared. Choose again whenever you like.');
  await expect(agent.within.getByRole('button', { name: 'Withdraw invitation' }).first()).toBeVisible();
  await viewer.choose('player');
  await agent.expectPictureMoving();
});

test('permission denied by the system: it is said where to look, and another way is one click away', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage);
  await invite(viewer, agent);
  await refuseDisplay(viewer.page, 'Permission denied by system');
  await viewer.choose('screen');
  await expect(viewer.card).toContainText('Your system does not let the browser do that.');
  await expect(viewer.card).toContainText('You can choose another way below.');
  await expect(agent.within.getByRole('button', { name: 'Withdraw invitation' }).first()).toBeVisible();
  await viewer.choose('camera');
  await expect(viewer.bar).toContainText('Showing your camera');
});

test('share ended by the browser’s bar: both are told, "Share again" asks the agent, who lets it go on', async ({ stage }) => {
  const opened = await openConversation(stage);
  const { viewer, agent } = opened;
  const pattern = await openPattern(viewer.page);
  await invite(viewer, agent);
  await viewer.choose('screen');
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  await pattern.close();
  await expect(viewer.bar).toBeHidden();
  await expect(viewer.dialog.getByText('Sharing was stopped in the browser, or what you shared was closed.')).toBeVisible();
  await expect(atAgent(agent, 'Sharing was stopped in the browser')).toBeVisible();
  await expectEnd(stage, opened, 'capture_ended');
  await viewer.dialog.getByRole('button', { name: 'Share again' }).click();
  await agent.within.getByRole('button', { name: 'Accept the call request' }).first().click();
  await expect(viewer.card).toBeVisible();
  await viewer.choose('player');
  await agent.expectPictureMoving();
});

test('tab asleep: the agent reads that it is in the background; frozen and woken, the call goes on by itself', async ({ stage }) => {
  const opened = await openPlayerCall(stage);
  const { viewer, agent } = opened;
  await hide(viewer.page, true);
  await expect(atAgent(agent, /The viewer’s tab is in the background/)).toBeVisible();
  const devtools = await viewer.page.context().newCDPSession(viewer.page);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  await agent.page.waitForTimeout(8_000);
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await hide(viewer.page, false);
  await expect(atAgent(agent, /The viewer’s tab is in the background/)).toBeHidden();
  await agent.expectPictureMoving();
  await expect(viewer.bar).toBeVisible();
  await expectSameCall(stage, opened);
});

test('camera unplugged: both are told, one click takes another', async ({ stage }) => {
  const opened = await openConversation(stage);
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('camera');
  await agent.expectPictureMoving();
  await unplug(viewer.page, 2, true);
  await expect(viewer.bar).toContainText('The camera is gone: unplugged, or taken by another program.');
  await expect(atAgent(agent, /The viewer’s camera delivers no picture/)).toBeVisible();
  await viewer.bar.getByRole('button', { name: 'Choose another camera' }).click();
  await agent.expectPictureMoving();
  await expect(viewer.bar).not.toContainText('The camera is gone');
  await expect(atAgent(agent, /The viewer’s camera delivers no picture/)).toBeHidden();
  await expectSameCall(stage, opened);
});

test('microphone unplugged: another one is taken and named; without another one it is said, and one click tries again', async ({ stage }) => {
  const opened = await openPlayerCall(stage);
  const { viewer, agent } = opened;
  const on = viewer.bar.getByRole('button', { name: 'Turn on microphone' });
  const off = viewer.bar.getByRole('button', { name: 'Turn off microphone' });
  await on.click();
  await expect(off).toBeVisible();
  await unplug(viewer.page, 0, true);
  await expect(viewer.bar).toContainText(/The microphone was unplugged. Now using /);
  await unplug(viewer.page, 0, false);
  await expect(viewer.bar).toContainText('The microphone was unplugged. Turn it on again to use another one.');
  await plugIn(viewer.page);
  await on.click();
  await expect(off).toBeVisible();
  await expect(viewer.bar).not.toContainText('The microphone was unplugged');
  await agent.expectPictureMoving();
  await expectSameCall(stage, opened);
});

test('picture held back by the system: both are told, and it goes on by itself', async ({ stage }) => {
  const { viewer, agent } = await openPlayerCall(stage);
  const mute = (on: boolean) =>
    viewer.page.evaluate((name) => {
      window.recordedPeers?.at(-1)?.pc.getTransceivers()[1]?.sender.track?.dispatchEvent(new Event(name));
    }, on ? 'mute' : 'unmute');
  await mute(true);
  await expect(viewer.bar).toContainText('Your system holds back the picture.');
  await expect(atAgent(agent, /The viewer’s screen delivers no picture/)).toBeVisible();
  await mute(false);
  await expect(viewer.bar).not.toContainText('Your system holds back the picture.');
  await expect(atAgent(agent, /The viewer’s screen delivers no picture/)).toBeHidden();
});

test('second tab of the same viewer: it says where the call runs, and one click brings it there', async ({ stage }) => {
  const opened = await openPlayerCall(stage);
  const { server, viewer, agent } = opened;
  const second = new Viewer(await viewer.page.context().newPage());
  stage.watch(second.page);
  await second.watchDemo(server.url);
  await second.openChat();
  await expect(second.dialog.getByText('This chat is open in another tab; the call runs there.')).toBeVisible();
  await expect(viewer.bar).toBeVisible();
  await second.dialog.getByRole('button', { name: 'Bring the call here' }).click();
  await expect(second.card).toContainText('Go on with the call here');
  await expect(viewer.bar).toBeHidden();
  await expect(viewer.dialog.getByText('This chat is open in another tab; the call runs there.')).toBeVisible();
  await second.choose('player');
  await expect(second.bar).toBeVisible();
  await agent.expectPictureMoving();
  await expectSameCall(stage, opened);
  await second.stopSharing();
  await expect(agent.call).toBeHidden();
});

test('agent’s tab closed: the viewer is told and asks for a call; the next agent accepts', async ({ stage }) => {
  const opened = await openPlayerCall(stage);
  const { server, viewer, agent, ticket } = opened;
  await agent.page.close({ runBeforeUnload: true });
  await expect(viewer.bar).toBeHidden({ timeout: 25_000 });
  await expect(viewer.dialog.getByText('Robin Vale is no longer there, so sharing ended.')).toBeVisible();
  await expectEnd(stage, opened, 'agent_left');
  await viewer.dialog.getByRole('button', { name: 'Ask for a call' }).click();
  await expect(viewer.dialog.getByRole('button', { name: 'Withdraw the request' })).toBeVisible();
  const next = await stage.agent(server);
  await next.row(ticket).click();
  await next.within.getByRole('button', { name: 'Accept the call request' }).first().click();
  await viewer.choose('player');
  await next.expectPictureMoving();
});

test('agent’s connection interrupted: the viewer reads so with the time, and the call goes on when it is back', WAITS, async ({ stage }) => {
  stage.expected.push(NO_NETWORK);
  const opened = await openPlayerCall(stage);
  const { viewer, agent } = opened;
  await agent.page.context().setOffline(true);
  await expect(viewer.bar).toContainText(/Robin Vale’s connection is interrupted, please wait \(\d+:\d\d\)/, { timeout: 30_000 });
  await agent.page.context().setOffline(false);
  await expect(viewer.bar).not.toContainText('connection is interrupted', { timeout: 30_000 });
  await agent.expectPictureMoving();
  await expectSameCall(stage, opened);
});

test('no agent on line: the message is kept, the link stands there, and the answer is found by it', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await expect(viewer.status).toContainText('Nobody is on line right now');
  await viewer.say('Stripes since nine.');
  await expect(viewer.dialog.getByText(/Your message is kept. The answer will be here, and at your private link/)).toBeVisible();
  const link = await viewer.dialog.getByRole('textbox', { name: 'Your private link' }).inputValue();
  expect(link).toMatch(new RegExp(`^${server.url}/c#[A-Za-z0-9_-]{22,}$`));
  const ticket = await viewer.ticket();
  await viewer.page.close();

  const agent = await stage.agent(server);
  await agent.take(ticket);
  await expect(atAgent(agent, /The viewer has left the page. Your answer reaches them by their private link./)).toBeVisible();
  await agent.answer('It was the encoder. Repaired.');
  const elsewhere = await stage.page();
  await elsewhere.goto(link);
  await expect(elsewhere.getByRole('log').getByText('It was the encoder. Repaired.')).toBeVisible();
});

test('invitation unanswered: the card goes with a sentence, the agent is told, and the viewer can ask', WAITS, async ({ stage }) => {
  test.setTimeout(240_000);
  const opened = await openConversation(stage);
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await expect(viewer.card).toBeHidden({ timeout: 150_000 });
  await expect(viewer.dialog.getByText('The request ran out before you answered. Nothing was shared.', { exact: false })).toBeVisible();
  await expect(atAgent(agent, 'The invitation was not answered')).toBeVisible();
  await expectEnd(stage, opened, 'unanswered');
  await viewer.dialog.getByRole('button', { name: 'Ask for a call' }).click();
  await agent.within.getByRole('button', { name: 'Accept the call request' }).first().click();
  await expect(viewer.card).toBeVisible();
});

test.describe('the network', () => {
  test.beforeEach(needNetlab);

  for (const seconds of [5, 60]) {
    test(`network gone for ${seconds} s: both are told, and the call goes on by itself, without a new consent`, WAITS, async ({ stage }) => {
      test.setTimeout(240_000);
      stage.expected.push(NO_NETWORK);
      const { lab, ...opened } = await openOverLines(stage);
      const { viewer, agent } = opened;
      await invite(viewer, agent);
      await viewer.choose('player');
      await agent.expectPictureMoving();
      await lab.down('viewer');
      const goneAt = performance.now();
      await expect(viewer.bar).toContainText(/Connection lost, trying again… \(\d+:\d\d\)/);
      await expect(viewer.bar).toContainText('Sharing goes on by itself.');
      await expect(atAgent(agent, 'The picture stands still')).toBeVisible();
      tell('both read it after', `${Math.round(performance.now() - goneAt)} ms`);
      if (seconds > 20) {
        await expect(atAgent(agent, /The viewer’s connection is interrupted/)).toBeVisible({ timeout: 45_000 });
        tell('the agent reads it after', `${Math.round(performance.now() - goneAt)} ms`);
      }
      await agent.page.waitForTimeout(Math.max(0, seconds * 1000 - (performance.now() - goneAt)));
      await lab.up('viewer');
      const backAt = performance.now();
      await agent.expectPictureMoving();
      tell('the picture moves again after', `${Math.round(performance.now() - backAt)} ms`);
      await expect(viewer.bar).not.toContainText('Connection lost', { timeout: 30_000 });
      await expect(atAgent(agent, /The viewer’s connection is interrupted/)).toBeHidden({ timeout: 30_000 });
      await expectSameCall(stage, opened);
      await viewer.say('Back again.');
      await expect(agent.log.getByText('Back again.', { exact: true })).toBeVisible();
    });
  }
});

/** A conversation whose viewer, agent and server have lines of their own, which a test can cut. */
async function openOverLines(stage: Stage): Promise<Opened & { lab: Netlab }> {
  const lab = await Netlab.start({ sites: { viewer: line(RTT_MS), agent: line(RTT_MS) } });
  stage.onEnd(() => lab.dispose());
  const at = async (site: string): Promise<Browser> => {
    const browser = await lab.launch(site);
    stage.onEnd(() => browser.close());
    return browser;
  };
  const server = await stage.server({ place: lab.place });
  const agent = await stage.agent(server, { browser: await at('agent') });
  const viewer = await stage.viewer({ browser: await at('viewer') });
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  return { server, viewer, agent, ticket, lab };
}
