// A picture in the chat: chosen, pasted or dropped; made small before it is sent; seen by the agent and by the viewer, on a
// host's page with a strict policy too; and what happens when it cannot be sent.

import type { Page } from '@playwright/test';
import { openConversation } from '../support/conversation.ts';
import { ACCOUNT, expect, type Stage, test } from '../support/fixtures.ts';
import { hostPage, hostPages, strictPolicy, widgetTag } from '../support/host.ts';
import type { Server } from '../support/server.ts';
import type { Viewer } from '../support/viewer.ts';

/** The picture's colours: left and right half. */
const LEFT = [200, 40, 40];
const RIGHT = [40, 60, 200];

/** A picture of two colours, drawn by a browser. */
async function draw(page: Page, width: number, height: number, type = 'image/png'): Promise<Buffer> {
  const base64 = await page.evaluate(
    async ({ width, height, type, left, right }) => {
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no canvas');
      context.fillStyle = `rgb(${left})`;
      context.fillRect(0, 0, width / 2, height);
      context.fillStyle = `rgb(${right})`;
      context.fillRect(width / 2, 0, width / 2, height);
      return canvas.toDataURL(type).split(',')[1] ?? '';
    },
    { width, height, type, left: LEFT, right: RIGHT },
  );
  return Buffer.from(base64, 'base64');
}

/** Chooses a file by the composer's button, as a person does. */
async function choose(viewer: Viewer, name: string, mimeType: string, buffer: Buffer): Promise<void> {
  const chooser = viewer.page.waitForEvent('filechooser');
  await viewer.dialog.getByRole('button', { name: 'Send a picture' }).click();
  await (await chooser).setFiles({ name, mimeType, buffer });
}

/** The pictures that the ticket holds. */
async function stored(stage: Stage, server: Server, number: number) {
  const { timeline } = await stage.rest(server).ticket(number);
  return timeline.flatMap(({ body }) => (body.kind === 'picture' ? [body] : []));
}

/** The viewer's own picture in the log. */
const own = (viewer: Viewer) => viewer.log.getByRole('button', { name: /^Picture from You/ });

/** Mean colours of the halves of a drawn picture. */
function halves(page: Viewer['log'], selector = 'canvas'): Promise<number[][]> {
  return page.locator(selector).last().evaluate((element) => {
    const source = element as HTMLCanvasElement | HTMLImageElement;
    const canvas = document.createElement('canvas');
    canvas.width = 2;
    canvas.height = 1;
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    context.drawImage(source, 0, 0, 2, 1);
    const { data } = context.getImageData(0, 0, 2, 1);
    return [[...data.slice(0, 3)], [...data.slice(4, 7)]];
  });
}

async function expectColours(found: () => Promise<number[][]>): Promise<void> {
  await expect
    .poll(async () => {
      const colours = await found();
      return Math.max(...[LEFT, RIGHT].flatMap((colour, at) => colour.map((value, channel) => Math.abs(value - (colours[at]?.[channel] ?? 0)))));
    })
    .toBeLessThan(24);
}

test('a screenshot stays a PNG and arrives as it is: the agent sees it, the viewer opens it large by keyboard', async ({ stage }) => {
  const { server, viewer, agent, ticket } = await openConversation(stage);
  const file = await draw(viewer.page, 640, 400);
  await choose(viewer, 'screenshot.png', 'image/png', file);
  await expect(own(viewer)).toBeVisible();
  expect(await stored(stage, server, ticket)).toMatchObject([
    { media_type: 'image/png', width: 640, height: 400, bytes: file.length },
  ]);
  await expectColours(() => halves(viewer.log));
  const atAgent = agent.log.getByRole('img', { name: /picture/i }).last();
  await expect.poll(() => atAgent.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(640);

  await own(viewer).focus();
  await viewer.page.keyboard.press('Enter');
  const large = viewer.dialog.getByRole('dialog', { name: 'Picture' });
  await expect(large.getByRole('img', { name: /^Picture from You/ })).toBeVisible();
  await expect.poll(() => large.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.width)).toBe(640);
  await viewer.page.keyboard.press('Escape');
  await expect(large).toBeHidden();
  // Escape closed the picture, not the chat behind it.
  await expect(viewer.message).toBeVisible();
  await expect(own(viewer)).toBeFocused();
});

test('a large photograph is made small before it is sent, and says nothing of where it was taken', async ({ stage }) => {
  const { server, viewer, ticket } = await openConversation(stage);
  const plain = await draw(viewer.page, 4000, 3000, 'image/jpeg');
  // An Exif block after the start marker, as cameras write it.
  const exif = Buffer.concat([Buffer.from([0xff, 0xe1, 0x00, 0x12]), Buffer.from('Exif\0\0HomeStreet')]);
  const photo = Buffer.concat([plain.subarray(0, 2), exif, plain.subarray(2)]);
  await choose(viewer, 'IMG_1.JPG', 'image/jpeg', photo);
  await expect(own(viewer)).toBeVisible();
  const [picture] = await stored(stage, server, ticket);
  expect(picture).toMatchObject({ media_type: 'image/jpeg', width: 2560, height: 1920 });
  const bytes = await viewer.page.evaluate(
    async ({ url, key }) => new Uint8Array(await (await fetch(url, { headers: { authorization: `Viewer ${key}` } })).arrayBuffer()).reduce((text, byte) => text + String.fromCharCode(byte), ''),
    { url: `${server.url}/api/v1/pictures/${picture?.picture}`, key: await keyOf(viewer, server) },
  );
  expect(bytes.length).toBe(picture?.bytes);
  expect(bytes).not.toContain('HomeStreet');
});

test('pasted and dropped pictures are sent; text that is pasted stays text', async ({ stage }) => {
  const { server, viewer, ticket } = await openConversation(stage);
  const file = (await draw(viewer.page, 120, 80)).toString('base64');
  const give = (kind: 'paste' | 'drop') =>
    viewer.message.evaluate(
      (box, { kind, file }) => {
        const bytes = Uint8Array.from(atob(file), (char) => char.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], 'clip.png', { type: 'image/png' }));
        const event =
          kind === 'paste'
            ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
            : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
        box.dispatchEvent(event);
      },
      { kind, file },
    );
  await give('paste');
  await expect(own(viewer)).toHaveCount(1);
  await give('drop');
  await expect(own(viewer)).toHaveCount(2);
  expect(await stored(stage, server, ticket)).toHaveLength(2);
  await expect(viewer.message).toHaveValue('');
});

test('a file that is no picture, whatever it is called, is refused in words, and nothing is sent', async ({ stage }) => {
  const { server, viewer, ticket } = await openConversation(stage);
  await choose(viewer, 'holiday.png', 'image/png', Buffer.from('<html><script>alert(1)</script>'));
  const told = viewer.log.getByText('Not sent: this file is not a picture that can be shown.', { exact: false });
  await expect(told).toBeVisible();
  expect(await stored(stage, server, ticket)).toEqual([]);
  await viewer.log.getByRole('button', { name: 'Discard' }).click();
  await expect(told).toBeHidden();
});

test('the line breaks during an upload: it waits, goes on by itself, and arrives once', async ({ stage }) => {
  stage.expected.push(/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_RESET|ERR_FAILED|WebSocket connection/);
  const { server, viewer, agent, ticket } = await openConversation(stage);
  const file = await draw(viewer.page, 800, 600);
  let attempts = 0;
  // The first attempt reaches the server, but its answer is lost on the way back: the worst moment for a break.
  await viewer.page.route('**/api/v1/pictures?**', async (route) => {
    attempts += 1;
    if (attempts > 1) return route.continue();
    await route.fetch();
    return route.abort('connectionreset');
  });
  await choose(viewer, 'a.png', 'image/png', file);
  await expect(own(viewer)).toBeVisible();
  await expect(viewer.log.getByText('Waiting for the connection…')).toBeHidden();
  await viewer.page.unroute('**/api/v1/pictures?**');

  await viewer.page.context().setOffline(true);
  await choose(viewer, 'b.png', 'image/png', await draw(viewer.page, 500, 500));
  await expect(viewer.log.getByText('Waiting for the connection…')).toBeVisible();
  await viewer.page.context().setOffline(false);
  await expect(own(viewer)).toHaveCount(2, { timeout: 30_000 });
  expect((await stored(stage, server, ticket)).map(({ width }) => width)).toEqual([800, 500]);
  await expect(agent.log.getByRole('img', { name: /picture/i })).toHaveCount(2);
});

test('an upload under way can be cancelled', async ({ stage }) => {
  const { server, viewer, ticket } = await openConversation(stage);
  await viewer.page.route('**/api/v1/pictures?**', () => {
    // Never answered.
  });
  await choose(viewer, 'a.png', 'image/png', await draw(viewer.page, 300, 200));
  await expect(viewer.log.getByRole('progressbar', { name: 'Sending the picture' })).toBeVisible();
  await viewer.log.getByRole('button', { name: 'Cancel' }).click();
  await expect(viewer.log.getByRole('progressbar')).toBeHidden();
  expect(await stored(stage, server, ticket)).toEqual([]);
});

test('a picture chosen before the first message goes with it', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await choose(viewer, 'a.png', 'image/png', await draw(viewer.page, 300, 200));
  await expect(viewer.log.getByText('Write a line about it below; the picture goes with it.')).toBeVisible();
  await viewer.say('This is what I see.');
  await expect(own(viewer)).toBeVisible();
  expect(await stored(stage, server, await viewer.ticket())).toHaveLength(1);
});

test('on a host’s page with a strict policy, pictures of both sides are drawn, without an error', async ({ stage }) => {
  const host = await stage.host();
  const server = await stage.serverFor(host);
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url) }), strictPolicy(server.url)));
  const viewer = await stage.viewer();
  await viewer.page.goto(`${host.origin}/?lang=en`);
  const agent = await stage.agent(server, { account: ACCOUNT });
  await viewer.openChat();
  await viewer.say('Stripes, see the picture.');
  await agent.take(await viewer.ticket());
  const file = await draw(agent.page, 200, 120);
  await choose(viewer, 'a.png', 'image/png', file);
  await expectColours(() => halves(viewer.log));
  const chooser = agent.page.waitForEvent('filechooser');
  await agent.within.getByRole('button', { name: 'Send a picture' }).click();
  await (await chooser).setFiles({ name: 'b.png', mimeType: 'image/png', buffer: file });
  const theirs = viewer.log.getByRole('button', { name: /^Picture from Robin Vale/ });
  await expect(theirs).toBeVisible();
  await expectColours(() => halves(theirs));
});

/** The conversation's secret, as the widget keeps it. */
function keyOf(viewer: Viewer, server: Server): Promise<string> {
  return viewer.page.evaluate((origin) => localStorage.getItem(`sightline:key:${origin}`) ?? '', server.url);
}
