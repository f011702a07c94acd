// `make story`: the demo's switches break something for real, and the verdict on the agent's page follows; into
// docs/img/faults.gif and faults.mp4.

import { resolve } from 'node:path';
import { expect, test } from '../support/fixtures.ts';
import { REPOSITORY } from '../support/server.ts';
import { Viewer } from '../support/viewer.ts';
import { Camera, type Caption, cut } from './film.ts';

/** Where the film goes, without its ending. */
const OUT = resolve(REPOSITORY, 'docs/img/faults');
/** Time to read what happened, ms. */
const PAUSE_MS = 2_500;
/** The verdict follows a switch by then (issue 5), and that all is well again by this, ms. */
const FOLLOWS_MS = 10_000;
const WELL_MS = 60_000;
/** A verdict looks at the last 20 s: what is over speaks for so long, ms. */
const OVER_MS = 21_000;
/** What is switched, and the verdict that it brings. */
const SCENES: readonly [name: string, cause: RegExp, text: string][] = [
  ['Segments answer late', /platform’s delivery/, 'The edge answers late: the platform’s delivery.'],
  ['The page is too busy', /viewer’s device/, 'The page keeps the processor busy: the viewer’s device.'],
];

test('the switches', async ({ stage }) => {
  test.setTimeout(400_000);
  stage.expected.push(/./);
  const server = await stage.server();
  const agent = await stage.agent(server, { viewport: { width: 1280, height: 800 } });
  const page = await stage.page({ viewport: { width: 1000, height: 800 } });
  const viewer = new Viewer(page);
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  const verdict = agent.row(ticket).getByRole('img', { name: /^Verdict: / });
  const well = () => expect(verdict).toHaveAccessibleName(/nothing wrong seen/, { timeout: WELL_MS });
  await well();
  const [viewers, agents] = [await Camera.on(page), await Camera.on(agent.page)];
  const captions: Caption[] = [{ fromMs: Date.now(), text: 'The player is well, and the agent reads so.' }];
  await page.waitForTimeout(PAUSE_MS);
  for (const [name, cause, text] of SCENES) {
    const control = page.getByRole('switch', { name });
    captions.push({ fromMs: Date.now(), text: `“${name}” is switched on.` });
    await control.click();
    await expect(verdict).toHaveAccessibleName(cause, { timeout: FOLLOWS_MS });
    captions.push({ fromMs: Date.now(), text });
    await page.waitForTimeout(PAUSE_MS);
    captions.push({ fromMs: Date.now(), text: 'Off again: what is over speaks for 20 s more.' });
    await control.click();
    await page.waitForTimeout(name === SCENES.at(-1)?.[0] ? PAUSE_MS : OVER_MS);
  }
  const [fromMs, toMs] = [captions[0]?.fromMs ?? 0, Date.now()];
  const lists = [await viewers.stop(fromMs, toMs), await agents.stop(fromMs, toMs)];
  await cut(lists, captions, toMs, OUT);
  await viewers.dispose();
  await agents.dispose();
});
