// Measures how soon a colleague who joins a running call has its picture, when the colleague's own warm connection lives on
// another worker: `make connect-time ONLY=join`. `N=` joins a scenario (default 100).

import type { Page } from '@playwright/test';
import { Agent } from '../support/agent.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { line, Netlab, needNetlab } from '../support/netlab.ts';
import type { Account, Server } from '../support/server.ts';
import { Viewer } from '../support/viewer.ts';
import { armAtClick, frameAfterClick, hookAgent } from './clock.ts';
import { openContent } from './content.ts';
import { percentile, recordJoin } from './report.ts';

/** Joins a scenario. */
const N = Number(process.env.N ?? 100);
/** Media workers of the server, and agents signed in: two a worker. */
const WORKERS = 4;
const AGENTS = 8;
/** Promised 95th percentile, ms. */
const MARK_MS = 450;
/** Time between two visits, the way of the connection included, ms. */
const BETWEEN_MS = 700;
/** How long a visit lasts after its first frame, ms. */
const VISIT_MS = 300;
/** More failed joins than this and the scenario is given up. */
const FAILURES_MAX = 5;

/** For `ONLY=` and the report. */
const NAME = 'join-100';

if (NAME.includes(process.env.ONLY ?? '')) {
  test(NAME, async ({ stage }) => {
    test.setTimeout(120_000 + N * 10_000);
    needNetlab();
    // Lines with delay make pages complain; what counts is measured.
    stage.expected.push(/./);
    const { colleague } = await open(stage);
    const totalMs: number[] = [];
    let [failed, width] = [0, 0];
    for (let n = 0; n < N && failed <= FAILURES_MAX; n += 1) {
      try {
        const first = await join(colleague);
        totalMs.push(first.ms);
        width = first.width;
      } catch (error) {
        failed += 1;
        tell(`join ${n} failed`, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
        await colleague.call
          .getByRole('button', { name: 'Leave the call' })
          .click({ timeout: 3_000 })
          .catch(() => {});
      }
    }
    await recordJoin({ name: NAME, network: '100 ms RTT', markMs: MARK_MS, totalMs, width, failed });
    const [middle, high] = [percentile(totalMs, 0.5), percentile(totalMs, 0.95)];
    tell('join to first frame p50 / p95, ms', `${middle?.toFixed(0)} / ${high?.toFixed(0)}, n = ${totalMs.length}`);
    expect(failed).toBe(0);
    expect(high).toBeLessThanOrEqual(MARK_MS);
  });
}

/** Eight agents at their desks, a call of the first, and the second on another worker. */
async function open(stage: Stage): Promise<{ colleague: Agent }> {
  const lab = await Netlab.start({ sites: { viewer: {}, first: {}, colleague: {}, others: {} } });
  stage.onEnd(() => lab.dispose());
  const server = await stage.server({ place: lab.place, config: `[media]\nworkers = ${WORKERS}\n` });
  const at = async (site: string) => {
    const browser = await lab.launch(site);
    stage.onEnd(() => browser.close());
    return browser;
  };
  const agent = await stage.agent(server, { browser: await at('first') });
  await connected(agent.page, 1);
  const page = await stage.page({ browser: await at('colleague') });
  await hookAgent(page);
  const colleague = new Agent(page);
  await colleague.signIn(server.url, await account(server, 'colleague'));
  await connected(page, 1);
  const others = await at('others');
  for (let n = 2; n < AGENTS; n += 1) {
    const other = await stage.agent(server, { browser: others, account: await account(server, `agent${n}`) });
    await connected(other.page, 1);
  }
  const viewer = new Viewer(await stage.page({ browser: await at('viewer') }));
  await viewer.page.goto(`${server.url}/demo?lang=en`);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  await openContent(viewer.page, 'moving tab');
  await agent.invite.click();
  await viewer.choose('screen');
  await agent.expectPictureMoving();
  const [call, own] = [await workerPorts(agent.page), await workerPorts(page)];
  expect(own, 'the colleague lives on another worker').not.toEqual(call);
  for (const site of ['viewer', 'first', 'colleague']) await lab.set(site, line(100));
  return { colleague };
}

async function account(server: Server, login: string): Promise<Account> {
  const made = { login, password: 'correct horse battery', name: `Agent ${login}` };
  await server.addAgent(made);
  return made;
}

/** One visit. */
async function join(colleague: Agent): Promise<{ ms: number; width: number }> {
  const row = colleague.team.getByRole('listitem');
  const button = row.getByRole('button', { name: 'Join', exact: true });
  await expect(button).toBeVisible();
  await expect(colleague.page.locator('video')).toBeHidden();
  // The team's one call is made ready as soon as it is there.
  await connected(colleague.page, 2);
  await colleague.page.waitForTimeout(BETWEEN_MS);
  await armAtClick(colleague.page, 'Join');
  await button.click();
  const first = await frameAfterClick(colleague.page);
  await colleague.page.waitForTimeout(VISIT_MS);
  await colleague.leaveCall();
  return first;
}

/** Waits until so many media connections of a page are up. */
async function connected(page: Page, count: number): Promise<void> {
  await expect
    .poll(() =>
      page.evaluate(() => window.recordedPeers?.filter(({ pc }) => pc.connectionState === 'connected').length),
    )
    .toBe(count);
}

/** The server's ports that a page's media connections go to: one a worker. */
function workerPorts(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const ports: number[] = [];
    for (const { pc } of window.recordedPeers ?? []) {
      if (pc.connectionState !== 'connected') continue;
      const rows = await pc.getStats();
      for (const row of rows.values()) {
        if (row.type !== 'transport') continue;
        const pair = rows.get(row.selectedCandidatePairId);
        ports.push(rows.get(pair?.remoteCandidateId)?.port ?? 0);
      }
    }
    return ports;
  });
}
