// Measures what a call costs the player on a thin line, and what the line leaves of the call's beginning: `make connect-time
// ONLY=thin`. `N=` calls a row (default 30).

import type { Agent } from '../support/agent.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { type LineChange, type Netlab, needNetlab } from '../support/netlab.ts';
import type { Viewer } from '../support/viewer.ts';
import { arm, firstFrame } from './clock.ts';
import { pair, reason, recover } from './pair.ts';
import { both, recordThin } from './report.ts';
import { talk } from './talk.ts';
import { playerOf, watchPlayer } from './thin-player.ts';

/** Calls a row. */
const N = Number(process.env.N ?? 30);
/** How long a card stays, ms: the connection is made and idles. */
const CARD_MS = 6_000;
/** The queue is looked at from so long after the first frame on, and so often, ms. */
const SETTLED_MS = 3_000;
const LOOK_MS = 100;
/** A call's length after its first frame, ms. */
const CALL_MS = 6_000;
/** Calls that may fail before the row is given up. */
const FAILURES_MAX = 5;

interface Thin {
  name: string;
  text: string;
  line: LineChange;
  /** Bits a second of the uplink, for its queue's length in time. */
  upBps: number;
  /** Whether the card is accepted; else it is withdrawn after a while. */
  accepts: boolean;
  /** Promised 95th percentile of the first frame, ms. */
  markMs: number | null;
}

/** A queue of 200 ms at this rate. */
const rate = (bps: number) => ({ rateBps: bps, queueBytes: Math.round((bps / 8) * 0.2) });
const thin = (upBps: number, downBps: number): LineChange => ({
  up: { delayMs: 20, ...rate(upBps) },
  down: { delayMs: 20, ...rate(downBps) },
});

const ROWS: readonly Thin[] = [
  {
    name: 'thin-idle-2000',
    text: 'card shown and withdrawn, 2 Mbit/s both ways',
    line: thin(2_000_000, 2_000_000),
    upBps: 2_000_000,
    accepts: false,
    markMs: null,
  },
  {
    name: 'thin-up-1000',
    text: 'camera accepted, 1 Mbit/s up, 4 down',
    line: thin(1_000_000, 4_000_000),
    upBps: 1_000_000,
    accepts: true,
    markMs: 1_200,
  },
  {
    name: 'thin-up-500',
    text: 'camera accepted, 500 kbit/s up, 4 Mbit/s down',
    line: thin(500_000, 4_000_000),
    upBps: 500_000,
    accepts: true,
    markMs: 2_000,
  },
];

for (const row of ROWS.filter(({ name }) => name.includes(process.env.ONLY ?? ''))) {
  test(row.name, async ({ stage }) => {
    test.setTimeout(180_000 + N * 30_000);
    needNetlab();
    // Thin lines make pages complain; what counts is measured.
    stage.expected.push(/./);
    const { lab, viewer, agent } = await open(stage, row);
    const alone = await watched(viewer, () => viewer.page.waitForTimeout((N * (CARD_MS + CALL_MS)) / 3));
    const [firstMs, queuedMs]: [number[], number[]] = [[], []];
    let failed = 0;
    const withCalls = await watched(viewer, async () => {
      for (let n = 0; n < N && failed <= FAILURES_MAX; n += 1) {
        try {
          await agent.invite.click();
          await expect(viewer.card).toBeVisible();
          await viewer.page.waitForTimeout(CARD_MS);
          if (row.accepts) {
            await arm(viewer.page, agent.page);
            await viewer.choose('camera');
            firstMs.push((await firstFrame(viewer.page, agent.page)).ms);
            queuedMs.push(...(await queue(lab, row)));
            await viewer.stopSharing();
            await expect(agent.call).toBeHidden({ timeout: 20_000 });
          } else {
            await agent.page.getByRole('button', { name: 'Withdraw invitation' }).click();
            await expect(viewer.card).toBeHidden();
          }
        } catch (error) {
          failed += 1;
          tell(`call ${n} failed`, reason(error));
          await recover({ viewer, agent });
        }
      }
    });
    const { name, text, markMs } = row;
    await recordThin({ name, text, markMs, n: N, failed, firstMs, queuedMs, alone, withCalls });
    tell('player alone', JSON.stringify(alone));
    tell('player with calls', JSON.stringify(withCalls));
    tell('first frame p50 / p95, ms', both(firstMs));
    tell('queue p50 / p95, ms', both(queuedMs));
    expect(failed).toBe(0);
  });
}

async function open(stage: Stage, row: Thin): Promise<{ lab: Netlab; viewer: Viewer; agent: Agent }> {
  const { lab, server, viewer, agent } = await pair(stage);
  await lab.set('viewer', row.line);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  await talk(viewer.page, 'Message');
  await talk(agent.page, 'Reply');
  await watchPlayer(viewer.page);
  // The player has found its level, and the checks at the chat's opening are over.
  await viewer.page.waitForTimeout(15_000);
  return { lab, viewer, agent };
}

/** What the player did meanwhile. */
async function watched(viewer: Viewer, meanwhile: () => Promise<unknown>): Promise<ReturnType<typeof difference>> {
  const before = await playerOf(viewer.page);
  await meanwhile();
  return difference(before, await playerOf(viewer.page));
}

type Player = Awaited<ReturnType<typeof playerOf>>;

function difference(before: Player, after: Player) {
  return {
    seconds: Math.round((after.atMs - before.atMs) / 1_000),
    stalledMs: Math.round(after.stalledMs - before.stalledMs),
    levelDrops: after.levelDrops - before.levelDrops,
  };
}

/** Lengths in time of the uplink's queue once the call has settled, ms. */
async function queue(lab: Netlab, row: Thin): Promise<number[]> {
  await new Promise((done) => setTimeout(done, SETTLED_MS));
  const lengths: number[] = [];
  const until = Date.now() + CALL_MS - SETTLED_MS;
  while (Date.now() < until) {
    const site = (await lab.counters()).sites.find(({ name }) => name === 'viewer');
    lengths.push(((site?.up.queueBytes ?? 0) * 8_000) / row.upBps);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  return lengths;
}
