// Each kind of call, with what arrives at the agent checked by its pixels or its sound, and the surface in the ticket checked
// against what was really shared.

import { type Browser, chromium, type Page } from '@playwright/test';
import type { LineKnowledge } from '../../../web-demo/src/protocol/generated.ts';
import type { Agent } from '../support/agent.ts';
import { callRuns, invite, type Opened, openConversation } from '../support/conversation.ts';
import { expect, type Stage, test } from '../support/fixtures.ts';
import { browserFlags, SHARED_TAB_TITLE } from '../support/flags.ts';
import { CAMERA, CAMERA_COLOURS, madeUpDevices, TONE_HZ } from '../support/media-files.ts';
import { COLOUR_TOLERANCE, openPattern, PATTERN, readPattern } from '../support/pattern.ts';
import { expectSamePicture } from '../support/picture.ts';
import { expectSilence, expectSound, loudestHz } from '../support/sound.ts';
import { Viewer } from '../support/viewer.ts';

/** Likeness of a page's screenshot and its picture at the agent, dB: two ways of drawing the same page, one of them encoded. */
const PAGE_PSNR_MIN = 22;

/** A browser of its own with other flags. */
async function browserWith(stage: Stage, change: (flags: string[]) => string[]): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: change(browserFlags()),
  });
  stage.onEnd(() => browser.close());
  return browser;
}

/** One whose camera and microphone give the files of known content. */
function withDevices(stage: Stage): Promise<Browser> {
  return madeUpDevices().then((flags) => browserWith(stage, (all) => [...all, ...flags]));
}

/** One that answers every question for a screen or window with a made-up one. */
function withMadeUpScreens(stage: Stage): Promise<Browser> {
  return browserWith(stage, (all) => [
    ...all.filter((flag) => !flag.startsWith('--auto-')),
    '--use-fake-ui-for-media-stream',
  ]);
}

/** The surface that the ticket names. */
async function expectSurface(stage: Stage, { server, ticket }: Opened, surface: string): Promise<void> {
  const ended = await stage.rest(server).ticketWhen(ticket, (one) => one.calls.at(-1)?.surface !== undefined);
  expect(ended.calls.at(-1)?.surface).toBe(surface);
}

test('only the player: the agent sees its frames, and nothing of the page around it', async ({ stage }) => {
  const opened = await openConversation(stage);
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('player');
  await agent.expectPictureMoving();
  const size = await viewer.player.evaluate((video: HTMLVideoElement) => [video.videoWidth, video.videoHeight]);
  await agent.expectPicture(size[0] ?? 0, size[1] ?? 0);
  await viewer.player.evaluate((video: HTMLVideoElement) => video.pause());
  await expectSamePicture(viewer.player, agent.video, 28);
  await expect(viewer.bar).toContainText('Sharing the player with Robin Vale');
  await expectSurface(stage, opened, 'player');
});

test('this tab: the agent sees the page of the viewer as it is', async ({ stage }) => {
  const opened = await openConversation(stage);
  const { viewer, agent } = opened;
  await viewer.player.evaluate((video: HTMLVideoElement) => video.pause());
  await invite(viewer, agent);
  await viewer.choose('tab');
  await expect(viewer.bar).toContainText('Sharing a tab with Robin Vale');
  await expect.poll(() => agent.video.evaluate((video: HTMLVideoElement) => video.videoWidth)).toBeGreaterThan(0);
  await expect
    .poll(async () => likeness(agent, await viewer.page.screenshot()), { message: 'likeness, dB' })
    .toBeGreaterThan(PAGE_PSNR_MIN);
  await expectSurface(stage, opened, 'tab');
});

test('a window: the agent sees it at full size, and the ticket says window', async ({ stage }) => {
  const opened = await openConversation(stage, { browser: await withMadeUpScreens(stage) });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('window');
  await expect(viewer.bar).toContainText('Sharing a window with Robin Vale');
  await expectFullSize(viewer.page, agent);
  await expectMadeUpScreen(agent);
  await expectSurface(stage, opened, 'window');
});

test('a screen: the agent sees it at full size, and the ticket says screen', async ({ stage }) => {
  const opened = await openConversation(stage, { browser: await withMadeUpScreens(stage) });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('screen');
  await expect(viewer.bar).toContainText('Sharing your screen with Robin Vale');
  await expectFullSize(viewer.page, agent);
  await expectMadeUpScreen(agent);
  await expectSurface(stage, opened, 'screen');
});

test('who asked for the screen and picked a tab: the pixels are the tab’s, and so is the word at both ends', async ({
  stage,
}) => {
  const opened = await openConversation(stage);
  const { viewer, agent } = opened;
  const pattern = await openPattern(viewer.page);
  await invite(viewer, agent);
  await viewer.choose('screen');
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  await expect
    .poll(async () => (await readPattern(agent.video, pattern)).worst, { message: 'worst block, of 255' })
    .toBeLessThanOrEqual(COLOUR_TOLERANCE);
  await expect(viewer.bar).toContainText('Sharing a tab with Robin Vale');
  await expectSurface(stage, opened, 'tab');
  await expect(pattern).toHaveTitle(SHARED_TAB_TITLE);
});

test('the camera: its colours arrive, another one can be taken, and the viewer sees that it runs', async ({
  stage,
}) => {
  const devices = await withDevices(stage);
  const opened = await openConversation(stage, { browser: devices });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('camera');
  await expect(viewer.bar).toContainText('Showing your camera to Robin Vale');
  await expectCamera(agent);
  await expectSurface(stage, opened, 'camera');
  await viewer.stopSharing();
  await expect(agent.call).toBeHidden();
});

test('several cameras: a click goes on with the next one, in the same call', async ({ stage }) => {
  const browser = await browserWith(stage, (all) =>
    all.map((flag) => (flag === '--use-fake-device-for-media-stream' ? `${flag}=device-count=3` : flag)),
  );
  const opened = await openConversation(stage, { browser, permissions: ['camera', 'microphone'] });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('camera');
  await agent.expectPictureMoving();
  const flip = viewer.bar.getByRole('button', { name: 'Switch camera' });
  // The second made-up device is a depth camera, whose pictures Chromium shows but does not send; the third is like the first.
  for (let n = 0; n < 2; n += 1) {
    const before = await sentCamera(viewer.page);
    await flip.click();
    await expect.poll(() => sentCamera(viewer.page)).not.toBe(before);
  }
  await agent.expectPictureMoving();
  const ticket = await stage.rest(opened.server).ticket(opened.ticket);
  expect(ticket.calls).toHaveLength(1);
});

test('talk only: the agent hears the viewer, and sees nothing', async ({ stage }) => {
  const opened = await openConversation(stage, { browser: await withDevices(stage) });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('audio');
  await expect(viewer.bar).toContainText('Talking with Robin Vale');
  await expectSound(agent.page);
  // Two bins of the analysis to either side.
  await expect.poll(async () => Math.abs((await loudestHz(agent.page)) - TONE_HZ)).toBeLessThan(30);
  const level = viewer.bar.getByRole('meter', { name: 'Microphone level' });
  await expect.poll(() => level.evaluate((meter: HTMLMeterElement) => meter.value)).toBeGreaterThan(0.2);
  expect(await sentCamera(viewer.page)).toBe('');
  await expectSurface(stage, opened, 'audio');
});

test('the microphone is off until it is turned on; its device can be chosen; off again it is silent', async ({
  stage,
}) => {
  const opened = await openConversation(stage, { browser: await withDevices(stage) });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('player');
  await agent.expectPictureMoving();
  await expect(viewer.bar.getByRole('meter', { name: 'Microphone level' })).toBeHidden();
  await expectSilence(agent.page);
  await viewer.bar.getByRole('button', { name: 'Turn on microphone' }).click();
  await expectSound(agent.page);
  const devices = viewer.bar.getByRole('combobox', { name: 'Microphone' });
  await expect(devices).not.toHaveValue('');
  await viewer.bar.getByRole('button', { name: 'Turn off microphone' }).click();
  await expect(devices).toBeHidden();
  await expectSilence(agent.page);
  await agent.expectPictureMoving();
});

test('the agent turns microphone and camera on: the viewer hears and sees, and the stop button stays free', async ({
  stage,
}) => {
  const devices = await withDevices(stage);
  const opened = await openConversation(stage, { agentBrowser: devices, viewport: { width: 360, height: 740 } });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('player');
  await agent.expectPictureMoving();
  await expectSilence(viewer.page);
  await agent.call.getByRole('button', { name: 'Turn on microphone' }).click();
  await expectSound(viewer.page);
  const face = viewer.bar.locator('video[aria-label="Agent\'s camera"]');
  await expect(face).toBeHidden();
  await agent.call.getByRole('button', { name: 'Turn on camera' }).click();
  await expect(face).toBeVisible();
  await expect.poll(async () => (await quarters(face)).worst).toBeLessThan(60);
  await agent.call.getByRole('button', { name: 'Turn off camera' }).click();
  await expect(face).toBeHidden();
  // A real click: it fails when something lies over the button.
  await viewer.stopSharing();
});

test('a viewer asks for a call, takes it back, asks again; the agent accepts and sees the player', async ({
  stage,
}) => {
  const { viewer, agent } = await openConversation(stage);
  const ask = viewer.dialog.getByRole('button', { name: 'Ask for a call' });
  const accept = agent.within.getByRole('button', { name: 'Accept the call request' }).first();
  await ask.click();
  await expect(viewer.dialog.getByText(/You asked Robin Vale for a call/)).toBeVisible();
  await expect(accept).toBeVisible();
  await viewer.dialog.getByRole('button', { name: 'Withdraw the request' }).click();
  await expect(accept).toBeHidden();
  await ask.click();
  await accept.click();
  await expect(viewer.card).toBeVisible();
  await expect(ask).toBeHidden();
  await viewer.choose('player');
  await agent.expectPictureMoving();
  await callRuns(agent, 1);
});

test('a browser without any way to show the problem says why and offers a picture', async ({ stage }) => {
  const page = await stage.page({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await page.addInitScript(() => {
    Reflect.deleteProperty(MediaDevices.prototype, 'getDisplayMedia');
    Reflect.deleteProperty(HTMLMediaElement.prototype, 'captureStream');
    MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
  });
  const server = await stage.server();
  const agent = await stage.agent(server);
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  await agent.invite.click();
  await expect(viewer.card).toContainText('This browser cannot share tabs, windows or the screen.');
  await viewer.choose('player');
  await expect(viewer.card).toContainText('This browser cannot share the player by itself.');
  await expect(viewer.card.getByRole('button', { name: 'Share only the player' })).toBeHidden();
  await viewer.choose('camera');
  await expect(viewer.card).toContainText('No camera was found. Connect one and try again.');
  const chooser = page.waitForEvent('filechooser');
  await viewer.card.getByRole('button', { name: 'Send a picture' }).click();
  await chooser;
  await expect(viewer.card.getByRole('button', { name: 'Talk only' })).toBeEnabled();
});

test('a browser that holds sound back asks for a click, and plays at that', async ({ stage }) => {
  const opened = await openConversation(stage, { agentBrowser: await withDevices(stage) });
  const { viewer, agent } = opened;
  await invite(viewer, agent);
  await viewer.choose('player');
  await agent.expectPictureMoving();
  await viewer.page.evaluate(() => {
    const { play } = HTMLAudioElement.prototype;
    HTMLAudioElement.prototype.play = function refuse() {
      HTMLAudioElement.prototype.play = play;
      return Promise.reject(new DOMException('no gesture', 'NotAllowedError'));
    };
  });
  await agent.call.getByRole('button', { name: 'Turn on microphone' }).click();
  await expect(viewer.bar).toContainText('Your browser holds back the sound of Robin Vale.');
  await viewer.bar.getByRole('button', { name: 'Click to hear' }).click();
  await expect(viewer.bar).not.toContainText('holds back the sound');
  await expectSound(viewer.page);
});

test('the picture is tuned by what is shared, and by the agent’s word while it runs', async ({ stage }) => {
  const { viewer, agent } = await openConversation(stage);
  await openPattern(viewer.page);
  await invite(viewer, agent);
  await viewer.choose('screen');
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  const tuned = () =>
    viewer.page.evaluate(() => {
      const sender = window.recordedPeers?.at(-1)?.pc.getTransceivers()[1]?.sender;
      return [sender?.track?.contentHint, sender?.getParameters().degradationPreference];
    });
  await expect.poll(tuned).toEqual(['text', 'maintain-resolution']);
  await agent.call.getByRole('radio', { name: 'Motion' }).check({ force: true });
  await expect.poll(tuned).toEqual(['motion', 'maintain-framerate']);
  await agent.call.getByRole('radio', { name: 'Text' }).check({ force: true });
  await expect.poll(tuned).toEqual(['text', 'maintain-resolution']);
});

test('a picture starts with what the line carries: modestly while the card is read, with more once a display is chosen', async ({
  stage,
}) => {
  const { viewer, agent } = await openConversation(stage);
  await openPattern(viewer.page);
  await invite(viewer, agent);
  const startKbps = () =>
    viewer.page.evaluate(() => {
      const { sdp = '' } = window.recordedPeers?.at(-1)?.pc.remoteDescription ?? {};
      return Number(/x-google-start-bitrate=(\d+)/.exec(sdp)?.[1] ?? 0);
    });
  // What the server knows of the line may be more; the measured rate comes within a second.
  await expect.poll(startKbps).toBeLessThanOrEqual(2_000);
  const modest = await startKbps();
  await viewer.choose('screen');
  await agent.expectPicture(PATTERN.width, PATTERN.height);
  expect(await startKbps()).toBeGreaterThan(modest);
  // The slot without a picture takes nothing of the rate.
  const active = () =>
    viewer.page.evaluate(() => {
      const [, screen, camera] = window.recordedPeers?.at(-1)?.pc.getTransceivers() ?? [];
      return [screen, camera].map((one) => one?.sender.getParameters().encodings[0]?.active);
    });
  await expect.poll(active).toEqual([true, false]);
});

test('an offer says what the page knows of its line, and the next call what the last one found', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  const lines: LineKnowledge[] = [];
  viewer.page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const message = JSON.parse(String(payload)) as { t: string; line?: LineKnowledge };
      if (message.t === 'media_offer' && message.line) lines.push(message.line);
    }),
  );
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  // What the stream needs is known after some seconds of watching; a live stream's clock does not begin at 0.
  const watched = () => viewer.player.evaluate((video: HTMLVideoElement) => video.currentTime);
  const begun = await watched();
  await expect.poll(watched, { timeout: 30_000 }).toBeGreaterThan(begun + 8);
  await invite(viewer, agent);
  await expect.poll(() => lines.length).toBe(1);
  const [first] = lines;
  // The demo's stream has 1 to 3 Mbit/s; over loopback it comes faster than it is played.
  expect(first?.player_needs_kbps).toBeGreaterThan(200);
  expect(first?.player_needs_kbps).toBeLessThan(20_000);
  expect(first?.player_down_kbps).toBeGreaterThan(first?.player_needs_kbps ?? 0);
  expect(first?.rtt_ms).toBeGreaterThanOrEqual(0);
  expect(first?.up_kbps).toBeUndefined();
  await viewer.choose('player');
  await agent.expectPictureMoving();
  await callRuns(agent, 3);
  await viewer.stopSharing();
  await invite(viewer, agent);
  await expect.poll(() => lines.length).toBe(2);
  expect(lines[1]?.up_kbps).toBeGreaterThan(100);
});

/** The agent has every pixel that was captured: sharpness comes before frames where text is read. */
async function expectFullSize(page: Page, agent: Agent): Promise<void> {
  const { width = 0, height = 0 } = await page.evaluate(
    () => window.recordedPeers?.at(-1)?.pc.getTransceivers()[1]?.sender.track?.getSettings() ?? {},
  );
  expect(width).toBeGreaterThanOrEqual(1280);
  await agent.expectPicture(width, height);
}

/** The made-up screen is one colour, bright in green, with a moving mark. */
async function expectMadeUpScreen(agent: Agent): Promise<void> {
  await expect
    .poll(async () => {
      const { colours } = await quarters(agent.video);
      return colours.every(([r, g, b]) => g > r + 40 && g > b + 40);
    })
    .toBe(true);
}

/** The camera's four quarters are at the agent, in their colours and at their size. */
async function expectCamera(agent: Agent): Promise<void> {
  const { video } = agent;
  await expect.poll(async () => (await quarters(video)).worst, { message: 'worst quarter, of 255' }).toBeLessThan(40);
  expect(await quarters(video)).toMatchObject(CAMERA);
}

/** Mean colours of a video's quarters, and how far the worst is from the camera's. */
async function quarters(video: ReturnType<Page['locator']>) {
  const seen = await video.evaluate((element: HTMLVideoElement) => {
    const canvas = document.createElement('canvas');
    const { videoWidth: width, videoHeight: height } = element;
    canvas.width = 64;
    canvas.height = 64;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context?.drawImage(element, 0, 0, 64, 64);
    const colours = [
      [8, 8],
      [40, 8],
      [8, 40],
      [40, 40],
    ].map(([x = 0, y = 0]) => {
      const data = context?.getImageData(x, y, 16, 16).data ?? new Uint8ClampedArray();
      const mean = [0, 0, 0];
      data.forEach((value, at) => {
        if (at % 4 < 3) mean[at % 4] = (mean[at % 4] ?? 0) + value / 256;
      });
      return mean as [number, number, number];
    });
    return { width, height, colours };
  });
  const worst = Math.max(
    ...seen.colours.flatMap((colour, at) =>
      colour.map((value, channel) => Math.abs(value - (CAMERA_COLOURS[at]?.[channel] ?? 0))),
    ),
  );
  return { ...seen, worst };
}

/** Id of the track on the camera's sender; empty for none. */
function sentCamera(page: Page): Promise<string> {
  return page.evaluate(() => window.recordedPeers?.at(-1)?.pc.getTransceivers()[2]?.sender.track?.id ?? '');
}

/** Likeness of a screenshot and the agent's picture, dB, both reduced to 320 wide. */
function likeness(agent: Agent, screenshot: Buffer): Promise<number> {
  return agent.video.evaluate(async (video: HTMLVideoElement, base64) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const pixels = (source: CanvasImageSource) => {
      const canvas = document.createElement('canvas');
      canvas.width = 320;
      canvas.height = Math.round((320 * bitmap.height) / bitmap.width);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      if (!context) throw new Error('no canvas');
      context.imageSmoothingQuality = 'high';
      context.drawImage(source, 0, 0, canvas.width, canvas.height);
      return context.getImageData(0, 0, canvas.width, canvas.height).data;
    };
    const [a, b] = [pixels(bitmap), pixels(video)];
    let sum = 0;
    for (let at = 0; at < a.length; at += 1) sum += ((a[at] ?? 0) - (b[at] ?? 0)) ** 2;
    return 10 * Math.log10(255 ** 2 / (sum / a.length));
  }, screenshot.toString('base64'));
}
