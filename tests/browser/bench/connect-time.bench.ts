// Measures connects in real browsers over a network laboratory, https, chat and two-way audio included: `make connect-time`.
// `N=` connects a scenario (default 100), `ONLY=` a part of the scenarios' names.

import type { Ticket } from '../../../web-demo/src/protocol/generated.ts';
import { Agent } from '../support/agent.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
import { Netlab, needNetlab } from '../support/netlab.ts';
import { recordPeers } from '../support/peers.ts';
import { Viewer } from '../support/viewer.ts';
import { arm, firstFrame, hookAgent, hookViewer } from './clock.ts';
import { openContent } from './content.ts';
import { type Measured, percentile, type Row, record } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { talk } from './talk.ts';

/** Connects a scenario. */
const N = Number(process.env.N ?? 100);
/** A camera of 30 frames a second, as most have; Chromium's own stand-in gives 20. */
const CAMERA = '--use-fake-device-for-media-stream=fps=30';
/** How long the card is read at least, ms, beside six round trips. */
const READ_MS = 700;
/** How long the call runs after its first frame, ms; longer where a sharp picture is waited for. */
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
        tell(`connect ${n} failed`, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
        await recover(viewer, agent);
      }
    }
    await record(row);
    const totals = row.measured.map(({ totalMs }) => totalMs);
    tell(
      'first frame p50 / p95, ms',
      `${percentile(totals, 0.5)?.toFixed(0)} / ${percentile(totals, 0.95)?.toFixed(0)}`,
    );
    expect(row.failed).toBe(0);
    expect(percentile(totals, 0.95)).toBeLessThanOrEqual(scenario.firstFrameMs);
  });
}

/** A viewer and an agent at the ends of their lines, a ticket between them. */
async function open(stage: Stage, scenario: Scenario): Promise<{ viewer: Viewer; agent: Agent; ticket: number }> {
  const lab = await Netlab.start({ sites: { viewer: {}, agent: {} } });
  stage.onEnd(() => lab.dispose());
  const server = await stage.server({ place: lab.place });
  const [viewerBrowser, agentBrowser] = await Promise.all([lab.launch('viewer', [CAMERA]), lab.launch('agent')]);
  stage.onEnd(async () => {
    await viewerBrowser.close();
    await agentBrowser.close();
  });
  const viewerPage = await stage.page({ browser: viewerBrowser });
  const agentPage = await stage.page({ browser: agentBrowser });
  for (const page of [viewerPage, agentPage]) await recordPeers(page);
  await hookViewer(viewerPage);
  await hookAgent(agentPage);
  const agent = new Agent(agentPage);
  await agent.signInToDemo(server.url);
  const viewer = new Viewer(viewerPage);
  await viewerPage.goto(`${server.url}/demo?lang=en${scenario.warm ? '' : '&warm=off'}`);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  if (scenario.content !== 'camera') await openContent(viewerPage, scenario.content);
  await talk(viewerPage, 'Message');
  await talk(agentPage, 'Reply');
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

/** After a failed connect everything begins from the desk again. */
async function recover(viewer: Viewer, agent: Agent): Promise<void> {
  const end = agent.page.getByRole('button', { name: /^(End call|Withdraw invitation)$/ }).first();
  await end.click({ timeout: 3_000 }).catch(() => {});
  await viewer.page.waitForTimeout(2_000);
}
