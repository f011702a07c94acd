// A viewer and an agent at the ends of their lines: what every bench of calls begins with, and begins again with after a failure.

import { Agent } from '../support/agent.ts';
import type { Stage } from '../support/fixtures.ts';
import { Netlab } from '../support/netlab.ts';
import { recordPeers } from '../support/peers.ts';
import type { Server } from '../support/server.ts';
import { Viewer } from '../support/viewer.ts';
import { hookAgent, hookViewer } from './clock.ts';

/** A camera of 30 frames a second, as most have; Chromium's own stand-in gives 20. */
const CAMERA = '--use-fake-device-for-media-stream=fps=30';

/** Both ends, their server, and the laboratory around them. */
export interface Pair {
  lab: Netlab;
  server: Server;
  viewer: Viewer;
  agent: Agent;
}

/** Starts a laboratory with a server, and a browser at each end with its clocks in place; the agent is signed in. */
export async function pair(stage: Stage): Promise<Pair> {
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
  return { lab, server, viewer: new Viewer(viewerPage), agent };
}

/** After a failed connect everything begins from the desk again. */
export async function recover({ viewer, agent }: Pick<Pair, 'viewer' | 'agent'>): Promise<void> {
  const end = agent.page.getByRole('button', { name: /^(End call|Withdraw invitation)$/ }).first();
  await end.click({ timeout: 3_000 }).catch(() => {});
  await viewer.page.waitForTimeout(2_000);
}

/** The first line of what went wrong. */
export function reason(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}
