// The viewer's line is measured without the player: a little by itself when the chat opens, more on request. The lines are
// made by the network laboratory, so that what is found can be compared with what is there. And what the widget says of it.

import type { Page } from '@playwright/test';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { type Row, SentLanes } from '../support/lanes.ts';
import { type LineChange, Netlab } from '../support/netlab.ts';
import type { Viewer } from '../support/viewer.ts';

/** What the light one may take: by the issue 3 s, and what one's own browser takes to say so. */
const LIGHT_MS = 3_000;
/** And bytes. */
const LIGHT_BYTES = 300_000;
/** The long one. */
const LONG_MS = 8_000;

/** A viewer on the demo over a line of its own. */
async function viewerOver(stage: Stage, viewer: LineChange): Promise<{ viewer: Viewer; sent: SentLanes }> {
  const lab = await Netlab.start({ sites: { viewer }, seed: 3 });
  stage.onEnd(() => lab.dispose());
  const server = await stage.server({ place: lab.place });
  const browser = await lab.launch('viewer');
  stage.onEnd(() => browser.close());
  const one = await stage.viewer({ browser });
  const sent = new SentLanes(one.page);
  await one.watchDemo(server.url);
  return { viewer: one, sent };
}

async function light(viewer: Viewer, sent: SentLanes): Promise<Row> {
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  // Where the handshake takes too long for the light one, a patient one follows by itself.
  const measured = () => sent.of('preflights').find((one) => one.up !== undefined);
  await expect.poll(() => measured() !== undefined, { timeout: 25_000 }).toBe(true);
  const found = measured();
  tell('light', JSON.stringify(found));
  return found as Row;
}

/** Bytes that fetches of a preflight have taken. */
const fetched = (page: Page) =>
  page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter(({ name }) => name.includes('/api/v1/probe/'))
      .reduce((sum, { transferSize }) => sum + transferSize, 0),
  );

test('on a clean line of 20 ms the light check finds just that', async ({ stage }) => {
  const { viewer, sent } = await viewerOver(stage, { up: { delayMs: 10 }, down: { delayMs: 10 } });
  const before = performance.now();
  const found = await light(viewer, sent);
  expect(performance.now() - before).toBeLessThan(LIGHT_MS * 3);
  expect(found).toMatchObject({ udpReachable: true, up: { loss: 0 }, down: { loss: 0 }, fetch: { status: 200 } });
  expect(Number(found.rttMs)).toBeGreaterThan(19);
  expect(Number(found.rttMs)).toBeLessThan(60);
  expect(Number(found.lineKbps)).toBeGreaterThan(5_000);
  expect(await fetched(viewer.page)).toBeLessThan(LIGHT_BYTES);
});

test('loss, delay and rate of a bad line are found, each in its direction', async ({ stage }) => {
  const { viewer, sent } = await viewerOver(stage, {
    up: { delayMs: 30, loss: 0.15 },
    down: { delayMs: 30, rateBps: 4_000_000, queueBytes: 200_000 },
  });
  await light(viewer, sent);
  await viewer.dialog.getByText('What support can see').click();
  const button = viewer.dialog.getByRole('button', { name: 'Check my connection' });
  const known = sent.of('preflights').length;
  const before = performance.now();
  await button.click();
  await expect.poll(() => sent.of('preflights').length, { timeout: 20_000 }).toBeGreaterThan(known);
  tell('long took', `${Math.round(performance.now() - before)} ms`);
  expect(performance.now() - before).toBeLessThan(LONG_MS + 3_000);
  // One handshake in some takes longer than the check: a patient one follows then.
  const rows = () => sent.of('preflights').slice(known);
  await expect.poll(() => rows().some(({ up }) => up !== undefined), { timeout: 15_000 }).toBe(true);
  const found = Object.assign({}, ...rows()) as Row & { up: { loss: number }; down: { loss: number } };
  tell('long', JSON.stringify(found));
  expect(found.udpReachable).toBe(true);
  expect(found.up.loss).toBeGreaterThan(0.06);
  expect(found.up.loss).toBeLessThan(0.27);
  expect(found.down.loss).toBeLessThan(0.04);
  expect(Number(found.lineKbps)).toBeGreaterThan(1_500);
  expect(Number(found.lineKbps)).toBeLessThan(5_000);
  await expect(viewer.dialog.getByText(/Round trip \d+ ms/)).toBeVisible();
});

test('what support can see is told in words, by keyboard too', async ({ stage }) => {
  const server = await stage.server();
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  const summary = viewer.dialog.getByText('What support can see');
  await summary.focus();
  await viewer.page.keyboard.press('Enter');
  for (const word of ['The player:', 'Its downloads:', 'Your device:', 'Your connection:']) {
    await expect(viewer.dialog.getByText(word)).toBeVisible();
  }
  await expect(viewer.dialog.getByRole('button', { name: 'Check my connection' })).toBeVisible();
});

test('help is offered after a long stall, once, and nobody is asked who was drawn to be left alone', async ({ stage }) => {
  const server = await stage.server();
  const stalled = async (holdout: '0' | '1') => {
    const viewer = await stage.viewer();
    const sent = new SentLanes(viewer.page);
    await viewer.page.addInitScript(
      ([name, value]) => localStorage.setItem(name, value),
      [`sightline:holdout:${server.url}`, holdout] as const,
    );
    await viewer.watchDemo(server.url);
    await expect(viewer.launcher).toBeVisible();
    await viewer.page.route('**/live/**', () => {
      // Never answered: the buffer runs dry.
    });
    return { viewer, sent, offer: viewer.page.getByRole('group', { name: 'Offer of help' }) };
  };
  const [asked, alone] = [await stalled('0'), await stalled('1')];
  await expect(asked.offer).toBeVisible({ timeout: 45_000 });
  await asked.offer.getByRole('button', { name: 'Get help' }).click();
  await expect(asked.viewer.message).toBeVisible();
  await expect(asked.offer).toBeHidden();
  await asked.viewer.pick('The picture stutters');
  await expect.poll(() => asked.sent.of('marks').map(({ kind }) => kind)).toEqual(expect.arrayContaining(['help_offered', 'help_taken']));
  // Drawn to be left alone, it still remembers when it would have been asked.
  const offered = (name: string) => localStorage.getItem(name);
  await expect.poll(() => alone.viewer.page.evaluate(offered, `sightline:offered:${server.url}`), { timeout: 45_000 }).not.toBeNull();
  await alone.viewer.openChat();
  await alone.viewer.pick('The picture stutters');
  await expect.poll(() => alone.sent.of('marks').map(({ kind }) => kind), { timeout: 30_000 }).toContain('help_withheld');
  await expect(alone.offer).toHaveCount(0);
});
