// `make story`: the story of the README as a film, viewer and agent side by side, into docs/img/story.gif and story.mp4.

import { resolve } from 'node:path';
import { expect, test } from '../support/fixtures.ts';
import { REPOSITORY } from '../support/server.ts';
import { Viewer } from '../support/viewer.ts';
import { Camera, type Caption, cut } from './film.ts';

/** Where the film goes, without its ending. */
const OUT = resolve(REPOSITORY, 'docs/img/story');
/** Time to read what happened, ms. */
const PAUSE_MS = 1_600;

test('the story', async ({ stage }) => {
  test.setTimeout(180_000);
  const server = await stage.server();
  const agent = await stage.agent(server, { viewport: { width: 1280, height: 800 } });
  const page = await stage.page({ viewport: { width: 1000, height: 800 } });
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  const cameras = [await Camera.on(page), await Camera.on(agent.page)] as const;
  const captions: Caption[] = [];
  const scene = async (text: string, act: () => Promise<unknown>) => {
    captions.push({ fromMs: Date.now(), text });
    await act();
    await page.waitForTimeout(PAUSE_MS);
  };

  await scene('The stream stutters. The viewer opens the chat on the page.', () => viewer.openChat());
  await scene('One tap says what is wrong, and the ticket is in the queue.', () => viewer.pick('The picture stutters'));
  const ticket = await viewer.ticket();
  await scene('An agent takes it and sees the health of the player before a word is typed.', () => agent.take(ticket));
  await scene('They talk.', async () => {
    await agent.answer('Hello! Since when does it stutter?');
    await viewer.say('For ten minutes. It freezes and jumps.');
  });
  await scene('Words do not do: the agent invites. The connection is made while the card is read.', async () => {
    await agent.invite.click();
    await expect(viewer.card).toBeVisible();
  });
  await scene('One click shows the player, and nothing else of the screen.', async () => {
    await viewer.sharePlayer();
    await agent.expectPictureMoving();
  });
  await scene('The agent sees what the viewer sees, with the quality of both ends.', async () => {
    await agent.answer('Thank you, I see it. Please choose 720p for now.');
    await page.waitForTimeout(4_000);
  });
  await scene('Sharing stops when the viewer wants it to.', () => viewer.stopSharing());
  await scene('The help is rated, and all of it is on the ticket.', async () => {
    await viewer.rate(5, 'Found it in a minute.');
    await agent.page.goto(`${server.url}/agent?lang=en#/tickets/${ticket}`);
    await expect(agent.page.getByRole('region', { name: 'Ticket' })).toBeVisible();
    await page.waitForTimeout(2_500);
  });

  const [fromMs, toMs] = [captions[0]?.fromMs ?? 0, Date.now()];
  const lists = [];
  for (const camera of cameras) lists.push(await camera.stop(fromMs, toMs));
  await cut(lists, captions, toMs, OUT);
  for (const camera of cameras) await camera.dispose();
});
