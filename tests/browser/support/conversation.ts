// The steps that most tests begin with: a viewer on the stream, an agent at the desk, a ticket between them, a call.

import type { Browser } from '@playwright/test';
import type { Agent } from './agent.ts';
import { expect, type Profile, type Stage } from './fixtures.ts';
import type { Server } from './server.ts';
import type { Viewer } from './viewer.ts';

/** A conversation that has been taken. */
export interface Opened {
  server: Server;
  viewer: Viewer;
  agent: Agent;
  ticket: number;
}

/** How: over https, what kind of browser the viewer has, and which one the agent. */
export type Options = Profile & { tls?: boolean; agentBrowser?: Browser };

/** A viewer on the stream, an agent at the desk, a ticket between them: chip, number, place in line, take. */
export async function openConversation(stage: Stage, options: Options = {}): Promise<Opened> {
  const { tls = false, agentBrowser, ...profile } = options;
  const server = await stage.server({ tls });
  expect(server.url.startsWith(`${tls ? 'https' : 'http'}://127.0.0.1:`)).toBe(true);
  const agent = await stage.agent(server, agentBrowser ? { browser: agentBrowser } : {});
  const viewer = await stage.viewer(profile);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await expect(viewer.log.getByText('The picture stutters', { exact: true })).toBeVisible();
  const ticket = await viewer.ticket();
  await expect(viewer.status).toContainText(/You are number \d+ in line/);
  await agent.take(ticket);
  await expect(viewer.status).toContainText('Robin Vale is helping you');
  await expect(agent.log.getByText('The picture stutters', { exact: true })).toBeVisible();
  return { server, viewer, agent, ticket };
}

/** Invites; the viewer sees the consent card with its choices. */
export async function invite(viewer: Viewer, agent: Agent): Promise<void> {
  await agent.invite.click();
  await expect(viewer.card).toBeVisible();
  await expect(viewer.card).toContainText('Robin Vale would like to see the problem');
  await expect(viewer.card).toContainText('It is not recorded.');
  for (const name of ['Share only the player', 'Share my screen', 'Decline']) {
    await expect(viewer.card.getByRole('button', { name })).toBeEnabled();
  }
}

/** Waits until the picture has run for so many seconds. */
export async function callRuns(agent: Agent, seconds: number): Promise<void> {
  const from = await agent.video.evaluate((video: HTMLVideoElement) => video.currentTime);
  await expect
    .poll(() => agent.video.evaluate((video: HTMLVideoElement) => video.currentTime), {
      timeout: (seconds + 10) * 1000,
    })
    .toBeGreaterThan(from + seconds);
}

/** A call with the player shared, its picture at the agent. */
export async function openPlayerCall(stage: Stage, options: Options = {}): Promise<Opened> {
  const opened = await openConversation(stage, options);
  await invite(opened.viewer, opened.agent);
  await opened.viewer.sharePlayer();
  await opened.agent.expectPictureMoving();
  await expect(opened.viewer.bar).toBeVisible();
  return opened;
}
