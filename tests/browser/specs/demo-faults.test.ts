// The demo's switches break something for real, and the verdict in the agent's row follows: within ten seconds of each switch.

import type { Agent } from '../support/agent.ts';
import { expect, type Stage, test } from '../support/fixtures.ts';
import type { Viewer } from '../support/viewer.ts';

/** From a switch to another verdict on the agent's page, ms (issue 5). */
const FOLLOWS_MS = 10_000;
/** Until the player has shown that it is well: it is judged against that. */
const WELL_MS = 30_000;

/** A viewer of the demo who has complained, and an agent who has taken the conversation: both see the verdict of a healthy player. */
async function talking(stage: Stage): Promise<{ viewer: Viewer; agent: Agent; ticket: number }> {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  await expect(verdict(agent, ticket)).toHaveAccessibleName(/nothing wrong seen/, { timeout: WELL_MS });
  return { viewer, agent, ticket };
}

function verdict(agent: Agent, ticket: number) {
  return agent.row(ticket).getByRole('img', { name: /^Verdict: / });
}

/** Turns a switch, and waits for the verdict that it has to bring. */
async function turn(viewer: Viewer, name: string, agent: Agent, ticket: number, cause: RegExp): Promise<number> {
  const began = Date.now();
  await viewer.page.getByRole('switch', { name }).click();
  await expect(verdict(agent, ticket)).toHaveAccessibleName(cause, { timeout: FOLLOWS_MS });
  return Date.now() - began;
}

const CASES: [name: string, cause: RegExp][] = [
  ['Segments are missing', /platform’s delivery/],
  ['The picture is black', /platform’s source/],
  ['The page is too busy', /viewer’s device/],
];

for (const [name, cause] of CASES) {
  test(`“${name}” changes the verdict`, async ({ stage }, info) => {
    stage.expected.push(/404 \(Not Found\)/);
    const { viewer, agent, ticket } = await talking(stage);
    const took = await turn(viewer, name, agent, ticket, cause);
    info.annotations.push({ type: 'figure', description: `${name}: ${took} ms` });
  });
}
