// Measures connects in real browsers over a network laboratory, https, chat and two-way audio included: `make connect-time`.
// `N=` connects a scenario (default 100), `ONLY=` a part of the scenarios' names.

import type { Ticket } from '../../../web-demo/src/protocol/generated.ts';
import type { Agent } from '../support/agent.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { needNetlab } from '../support/netlab.ts';
import type { Viewer } from '../support/viewer.ts';
import { arm, firstFrame } from './clock.ts';
import { openContent } from './content.ts';
import { pair, reason, recover } from './pair.ts';
import { both, type Measured, percentile, type Row, record } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { talk } from './talk.ts';

/** Connects a scenario. */
const N = Number(process.env.N ?? 100);
/** How long the card is read at least, ms, beside six round trips. */
const READ_MS = 700;
/** How long the call runs after its first frame, ms; longer where a sharp picture is waited for, which has to last for 3 s. */
const CALL_MS = 300;
const LEGIBLE_MS = 7_000;
/** More failed connects than this and the scenario is given up. */
const FAILURES_MAX = 5;

for (const scenario of SCENARIOS.filter(({ name }) => name.includes(process.env.ONLY ?? ''))) {
  test(scenario.name, async ({ stage }) => {
    test.setTimeout(60_000 + N * 20_000);
    needNetlab();
    // Lines with loss make sockets and pages complain; what counts is measured.
    stage.expected.push(/./);
    const { viewer, agent, ticket } = await open(stage, scenario);
    const row: Row = { scenario, measured: [], failed: 0 };
    for (let n = 0; n < N && row.failed <= FAILURES_MAX; n += 1) {
      try {
        row.measured.push(await connect(viewer, agent, ticket, scenario));
      } catch (error) {
        row.failed += 1;
        tell(`connect ${n} failed`, reason(error));
        await recover({ viewer, agent });
      }
    }
    await record(row);
    const totals = row.measured.map(({ totalMs }) => totalMs);
    tell('first frame p50 / p95, ms', both(totals));
    expect(row.failed).toBe(0);
    expect(percentile(totals, 0.95)).toBeLessThanOrEqual(scenario.firstFrameMs);
  });
}

/** A viewer and an agent on the scenario's lines, a ticket between them. */
async function open(stage: Stage, scenario: Scenario): Promise<{ viewer: Viewer; agent: Agent; ticket: number }> {
  const { lab, server, viewer, agent } = await pair(stage);
  await viewer.page.goto(`${server.url}/demo?lang=en${scenario.warm ? '' : '&warm=off'}`);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  if (scenario.content !== 'camera') await openContent(viewer.page, scenario.content);
  await talk(viewer.page, 'Message');
  await talk(agent.page, 'Reply');
  for (const site of ['viewer', 'agent']) await lab.set(site, scenario.line);
  return { viewer, agent, ticket };
}

async function connect(viewer: Viewer, agent: Agent, ticket: number, scenario: Scenario): Promise<Measured> {
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  await viewer.page.waitForTimeout(READ_MS + 6 * 2 * (scenario.line.up?.delayMs ?? 0));
  await arm(viewer.page, agent.page);
  await viewer.choose(scenario.way);
  const first = await firstFrame(viewer.page, agent.page);
  await viewer.page.waitForTimeout(scenario.legibleMs ? LEGIBLE_MS : CALL_MS);
  await viewer.stopSharing();
  await expect(agent.call)
    .toBeHidden({ timeout: 20_000 })
    .catch(() => {});
  const record = await readTicket(agent, ticket);
  const call = record.calls.at(-1);
  if (!call) throw new Error('no call on the ticket');
  const { phases_ms: phases, mode, consent_to_legible_ms: legibleMs } = call.connect;
  const between = (from: string, to: string) => {
    const [begin, end] = [phases[from], phases[to]];
    return begin === undefined || end === undefined ? null : end - begin;
  };
  return {
    totalMs: first.ms,
    width: first.width,
    upMs: between('capture_ready', 'first_packet_in'),
    serverMs: between('first_packet_in', 'first_packet_out'),
    downMs: between('first_packet_out', 'first_frame'),
    captureMs: between('click', 'capture_ready'),
    legibleMs,
    mode: mode ?? '?',
    codec: call.media.codec,
  };
}

/** By the agent's page: the server's address is one of the laboratory. */
function readTicket(agent: Agent, ticket: number): Promise<Ticket> {
  return agent.page.evaluate(
    (number) => fetch(`/api/v1/tickets/${number}`).then((answer) => answer.json() as Promise<Ticket>),
    ticket,
  );
}
