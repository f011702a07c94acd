// A taken conversation whose viewer, agent and server stand in a network laboratory, each with a browser of its own there.

import type { Opened } from './conversation.ts';
import { expect, type Stage } from './fixtures.ts';
import { type LineChange, Netlab } from './netlab.ts';
import type { Viewer } from './viewer.ts';

/** A conversation, and the laboratory it is held in. */
export interface OpenedOverLines extends Opened {
  lab: Netlab;
}

/** What may be different from the usual. */
interface Options {
  /** Decides which packets are lost. */
  seed?: number;
  /** Before the viewer's page is loaded. */
  prepare?: (viewer: Viewer) => Promise<void>;
}

/** Opens one over these lines of `viewer` and `agent`. */
export async function openOverLines(
  stage: Stage,
  sites: { viewer: LineChange; agent: LineChange },
  { seed = 1, prepare }: Options = {},
): Promise<OpenedOverLines> {
  const lab = await Netlab.start({ sites: { ...sites }, seed });
  stage.onEnd(() => lab.dispose());
  const server = await stage.server({ place: lab.place });
  expect(server.url).toBe(`https://${lab.place.address}:${server.port}`);
  const at = async (site: string) => {
    const browser = await lab.launch(site);
    stage.onEnd(() => browser.close());
    return { browser };
  };
  const agent = await stage.agent(server, await at('agent'));
  const viewer = await stage.viewer(await at('viewer'));
  await prepare?.(viewer);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await expect(viewer.status).toContainText('Robin Vale is helping you');
  return { lab, server, viewer, agent, ticket };
}
