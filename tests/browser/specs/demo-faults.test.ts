// The demo's switches break something for real, and the verdict in the agent's row follows: within ten seconds of each switch.

import type { Agent } from '../support/agent.ts';
import { expect, type Stage, tell, test } from '../support/fixtures.ts';
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

/** The tag of those that `make test` leaves out: half a minute each. `npx playwright test demo-faults` runs all. */
const EACH = { tag: '@each' };

const CASES: [name: string, cause: RegExp, details?: { tag: string }][] = [
  ['Segments answer late', /platform’s delivery/, EACH],
  ['Segments come slowly', /platform’s delivery/, EACH],
  ['Segments are missing', /platform’s delivery/],
  ['Segments are broken', /platform’s delivery/, EACH],
  ['Segments never come', /platform’s delivery/, EACH],
  ['The picture stands still', /platform’s source/, EACH],
  ['The picture is black', /platform’s source/],
  ['The picture is damaged', /platform’s source/, EACH],
  ['The encoder stops', /platform’s source/, EACH],
  ['The line is slow', /viewer’s network/],
  ['The page is too busy', /viewer’s device/, EACH],
];

for (const [name, cause, details] of CASES) {
  test(`“${name}” changes the verdict`, details ?? {}, async ({ stage }) => {
    stage.expected.push(/404 \(Not Found\)/);
    const { viewer, agent, ticket } = await talking(stage);
    tell(name, `${await turn(viewer, name, agent, ticket, cause)} ms`);
  });
}
