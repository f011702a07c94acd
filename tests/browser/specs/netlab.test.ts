// The product over real lines: browsers in sites of their own, 100 ms away from the server, over https.

import type { Page } from '@playwright/test';
import { callRuns, invite, type Opened } from '../support/conversation.ts';
import { expect, tell, test } from '../support/fixtures.ts';
import { line, needNetlab } from '../support/netlab.ts';
import { openOverLines } from '../support/over-lines.ts';
import { bestPing, recordPings } from '../support/pings.ts';

/** Round-trip time of both lines, ms. */
const RTT_MS = 100;
/** How long the line is cut, ms. */
const CUT_MS = 5_000;
/** A page pings every 10 s: three more chances. */
const PINGS_MS = 35_000;

/** A message each way. */
async function chatBothWays({ viewer, agent }: Opened): Promise<void> {
  await agent.answer('Hello, I am Robin.');
  await expect(viewer.log.getByText('Hello, I am Robin.', { exact: true })).toBeVisible();
  await viewer.say('It started ten minutes ago.');
  await expect(agent.log.getByText('It started ten minutes ago.', { exact: true })).toBeVisible();
}

/** The call's own round-trip time at a page, ms, as ICE measures it. */
async function iceRttMs(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const stats = await window.recordedPeers?.at(-1)?.pc.getStats();
    const pairs = [...(stats?.values() ?? [])].filter((one) => one.type === 'candidate-pair' && one.nominated);
    return Number(pairs[0]?.currentRoundTripTime) * 1000;
  });
}

test.describe('over lines of 100 ms', () => {
  test.setTimeout(180_000);
  test.beforeEach(needNetlab);

  test('a viewer chats and shares the player, and the call survives a cut of 5 s', async ({ stage }) => {
    const lines = { viewer: line(RTT_MS), agent: line(RTT_MS) };
    const opened = await openOverLines(stage, lines, { prepare: ({ page }) => recordPings(page) });
    const { lab, viewer, agent, ticket } = opened;
    expect(await viewer.page.evaluate(() => window.isSecureContext)).toBe(true);
    await chatBothWays(opened);
    await invite(viewer, agent);
    await viewer.sharePlayer();
    await agent.expectPictureMoving();
    await callRuns(agent, 3);
    for (const [who, { page }] of Object.entries({ viewer, agent })) {
      const rtt = await iceRttMs(page);
      tell(`round trip of the call at the ${who}`, `${rtt} ms`);
      expect(rtt).toBeGreaterThanOrEqual(RTT_MS - 1);
    }

    // The page's clock works with the shortest round trip; those during loading wait for the page itself.
    await expect
      .poll(() => bestPing(viewer.page), { message: "the page's ping, ms", timeout: PINGS_MS })
      .toBeLessThan(RTT_MS + 15);
    const ping = await bestPing(viewer.page);
    tell("the page's ping", `${ping.toFixed(1)} ms`);
    expect(ping).toBeGreaterThanOrEqual(RTT_MS);

    // What the pages write about a network that is gone.
    stage.expected.push(/net::ERR_/, /WebSocket connection/, /Failed to load resource/);
    const before = await lab.counters({ reset: true });
    const frames = () =>
      agent.video.evaluate((video: HTMLVideoElement) => video.getVideoPlaybackQuality().totalVideoFrames);
    await lab.down('viewer');
    const cutAt = performance.now();
    await expect.poll(async () => (await lab.counters()).sites[0]?.up.droppedDown ?? 0).toBeGreaterThan(0);
    const last = await frames();
    await new Promise((passed) => setTimeout(passed, CUT_MS - (performance.now() - cutAt)));
    // What was on its way when the line was cut has been decoded; nothing has come since.
    expect((await frames()) - last).toBeLessThan(30);
    const mendedAt = performance.now();
    await lab.up('viewer');
    await expect.poll(frames, { timeout: 30_000, intervals: [100] }).toBeGreaterThan(last + 30);
    tell('a second of picture after the line was mended', `${Math.round(performance.now() - mendedAt)} ms`);
    await callRuns(agent, 3);
    await expect(viewer.bar).toBeVisible();
    await viewer.say('It is back.');
    await expect(agent.log.getByText('It is back.', { exact: true })).toBeVisible();

    await viewer.stopSharing();
    await expect(agent.call).toBeHidden();
    expect(await viewer.ticket()).toBe(ticket);
    const after = await lab.counters();
    for (const counters of [before, after]) {
      for (const { name, up, down } of counters.sites) {
        for (const [direction, one] of Object.entries({ up, down })) {
          const mean = one.lateSumMs / Math.max(1, one.packetsOut);
          tell(
            `line ${name} ${direction}`,
            `${one.packetsOut} packets, late ${mean.toFixed(3)} ms, ${one.late} above 1 ms`,
          );
        }
      }
    }
  });
});
