// What an agent sees of a verdict: in the row, beside the conversation, above it during a call, and on the ticket. Which verdict
// a fault gives is tested elsewhere; here real samples flow, and where the verdict itself must be known it is stood in for.

import type { Page } from '@playwright/test';
import { expectAccessible, expectFocusShown } from '../support/access.ts';
import { Agent } from '../support/agent.ts';
import { brief, type Judged, withVerdicts } from '../support/diagnosis-fixture.ts';
import { expect, type Stage, test } from '../support/fixtures.ts';
import type { Server } from '../support/server.ts';
import type { Viewer } from '../support/viewer.ts';

/** A viewer who waits, and an agent's console with a stand-in's verdicts. */
async function waiting(stage: Stage, lang = 'en'): Promise<{ server: Server; viewer: Viewer; ticket: number; page: Page; judged: Judged }> {
  const server = await stage.server();
  const page = await stage.page();
  const judged = await withVerdicts(page, () => brief('viewer_network'));
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  await new Agent(page).signInToDemo(server.url);
  if (lang !== 'en') await page.goto(`${server.url}/agent?lang=${lang}`);
  return { server, viewer, ticket, page, judged };
}

test('a verdict of the viewer’s own samples stands in the row and beside the conversation', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  const ticket = await viewer.ticket();
  const row = agent.queue.getByRole('listitem').filter({ hasText: `#${ticket}` });
  await expect(row.getByRole('img', { name: /^Verdict: / })).toBeVisible();
  await agent.take(ticket);
  await expect(agent.row(ticket)).toHaveAccessibleName(/Verdict: /);
  const region = agent.page.getByRole('region', { name: 'Diagnosis' });
  await expect(region.getByText(/^Judged: |recorded from/)).toBeVisible();
  await region.getByRole('button', { name: 'Why', exact: true }).click();
  await expect(region.getByRole('heading', { name: 'Ruled out' })).toBeVisible();
  await region.getByRole('button', { name: 'Right', exact: true }).click();
  await expect(region.getByText('Robin Vale: the verdict is right')).toBeVisible();
  await agent.page.goto(`${server.url}/agent?lang=en#/tickets/${ticket}`);
  const timeline = agent.page.getByRole('figure', { name: 'Diagnosis timeline' });
  await expect(timeline).toBeVisible();
  await expect(timeline.getByText('Player’s buffer').first()).toBeVisible();
  await expect(agent.page.getByRole('region', { name: 'Diagnosis' }).getByText('Robin Vale: the verdict is right')).toBeVisible();
});

test('the check of the viewer’s line brings its figures', async ({ stage }) => {
  const server = await stage.server();
  const agent = await stage.agent(server);
  const viewer = await stage.viewer();
  await viewer.watchDemo(server.url);
  await viewer.openChat();
  await viewer.pick('The picture stutters');
  await agent.take(await viewer.ticket());
  const region = agent.page.getByRole('region', { name: 'Diagnosis' });
  await region.getByRole('button', { name: 'Check the viewer’s line' }).click();
  await expect(region.getByText('Checking the viewer’s line …')).toBeVisible();
  await expect(region.getByText('Line check at ')).toBeVisible({ timeout: 30_000 });
  await expect(region.getByText('Round trip', { exact: true }).locator('xpath=following-sibling::dd')).toHaveText(/ms$/);
});

test('another verdict changes row and sentence at once, and a reply is one click away', async ({ stage }) => {
  const { ticket, page, judged } = await waiting(stage);
  const agent = new Agent(page);
  const row = agent.queue.getByRole('listitem').filter({ hasText: `#${ticket}` });
  await expect(row.getByRole('img', { name: 'Verdict: viewer’s network, 86 %' })).toBeVisible();
  await agent.take(ticket);
  judged.tell(ticket, brief('platform_delivery', { confidence: 0.91, also: 'viewer_device', agent: { en: 'The platform’s delivery.', zh: '平台。' } }));
  await expect(agent.row(ticket).getByRole('img')).toHaveAccessibleName('Verdict: platform’s delivery, 91 %, and viewer’s device');
  const region = page.getByRole('region', { name: 'Diagnosis' });
  await expect(region.getByText('The platform’s delivery.')).toBeVisible();
  await expect(region.getByRole('status').filter({ hasText: 'The verdict is now: platform’s delivery' })).toBeAttached();
  await agent.reply.fill('Hello.');
  await region.getByRole('button', { name: /^The stutter comes from your connection/ }).click();
  await expect(agent.reply).toHaveValue('Hello.\nThe stutter comes from your connection. Could you try 5 GHz or a cable?');
  await expect(agent.reply).toBeFocused();
});

test('a wrong verdict is put right with what it was', async ({ stage }) => {
  const { ticket, page, judged } = await waiting(stage);
  await new Agent(page).take(ticket);
  const word = page.getByRole('group', { name: 'Was the verdict right?' });
  await word.getByRole('button', { name: 'Wrong', exact: true }).click();
  await word.getByRole('combobox', { name: 'What was it?' }).selectOption({ label: 'Viewer’s device' });
  await word.getByRole('textbox', { name: 'Note (optional)' }).fill('An old tablet.');
  await word.getByRole('button', { name: 'Save' }).click();
  await expect(word.getByText('It was: viewer’s device')).toBeVisible();
  expect(judged.words).toEqual([{ right: false, cause: 'viewer_device', note: 'An old tablet.' }]);
  await word.getByRole('button', { name: 'Change' }).click();
  await word.getByRole('button', { name: 'Right', exact: true }).click();
  await expect(word.getByText('Robin Vale: the verdict is right')).toBeVisible();
});

test('on the timeline a trouble opens what it rests on by keyboard, and closes again', async ({ stage }) => {
  const { server, ticket, page } = await waiting(stage);
  await page.goto(`${server.url}/agent?lang=en#/tickets/${ticket}`);
  const timeline = page.getByRole('figure', { name: 'Diagnosis timeline' });
  const span = timeline.getByRole('list', { name: 'Troubles: Player', exact: true }).getByRole('button', { name: /^Stall, from / }).last();
  await span.focus();
  await page.keyboard.press('Enter');
  await expect(timeline.getByRole('rowheader', { name: 'Stall' }).first()).toBeVisible();
  await expect(span).toHaveAttribute('aria-expanded', 'true');
  await page.keyboard.press('Escape');
  await expect(timeline.getByRole('rowheader', { name: 'Stall' })).toHaveCount(0);
});

test('an incident stands above everything with its tickets until it fades', async ({ stage }) => {
  const { page, judged } = await waiting(stage);
  const incident = {
    id: 'i1',
    scope: 'edge' as const,
    key: 'cdn-7.example',
    cause: 'platform_delivery' as const,
    affected: 9,
    total: 11,
    baseline: 0.04,
    since_ms: Date.now() - 120_000,
    tickets: [1004, 1003],
  };
  judged.incidents([incident]);
  const banner = page.getByRole('status').filter({ hasText: '9 of 11 viewers on host cdn-7.example are affected' });
  await expect(banner.getByRole('link', { name: '#1004' })).toHaveAttribute('href', '/agent#/tickets/1004');
  judged.incidents([{ ...incident, resolved_ms: Date.now() } as typeof incident]);
  await expect(banner).toHaveCount(0);
});

for (const lang of ['en', 'zh'] as const) {
  test(`axe finds no serious fault in what is said of a verdict (${lang})`, async ({ stage }) => {
    test.setTimeout(120_000);
    const { server, ticket, page, judged } = await waiting(stage, lang);
    const button = (en: string, zh: string) => page.getByRole('button', { name: lang === 'en' ? en : zh, exact: true });
    await button(`Take #${ticket}`, `接入 #${ticket}`).click();
    await button('Why', '依据').last().click();
    await button('Wrong', '错误').click();
    judged.incidents([
      { id: 'i1', scope: 'stream', key: 'regatta', affected: 9, total: 11, baseline: 0.04, since_ms: Date.now(), tickets: [ticket] },
    ]);
    await expectAccessible(page, 'diagnosis, everything open');
    await expectFocusShown(page, 'diagnosis, everything open');
    for (const cause of ['platform_source', 'agent_network', 'none_observed', 'undetermined'] as const) {
      judged.tell(ticket, brief(cause, { when: 'earlier' }));
      await expectAccessible(page, `verdict ${cause}`);
    }
    await page.goto(`${server.url}/agent?lang=${lang}#/tickets/${ticket}`);
    await page.locator('.spans__one').last().click();
    await expectAccessible(page, 'timeline with its evidence');
    await expectFocusShown(page, 'timeline with its evidence');
    await page.goto(`${server.url}/ops?lang=${lang}`);
    await expect(page.getByRole('heading', { name: lang === 'en' ? 'Incidents' : '故障' })).toBeVisible();
    await expectAccessible(page, '/ops with verdicts');
  });
}
