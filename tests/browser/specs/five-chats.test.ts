// One agent, five chats at a message a second each, one of them in a call: nothing lands in a wrong chat, every draft stays
// with its chat, the focus is never taken, the picture never blanks, and switching is quick.

import type { Agent } from '../support/agent.ts';
import { invite } from '../support/conversation.ts';
import { ACCOUNT, expect, type Stage, tell, test } from '../support/fixtures.ts';
import { hostPage, hostPages, widgetTag } from '../support/host.ts';
import { watchPicture } from '../support/picture.ts';
import type { Server } from '../support/server.ts';
import { Writer } from '../support/writer.ts';

/** Chats beside the one in the call. */
const NAMES = ['Ana', 'Ben', 'Chloe', 'Dmitri'];
/** Switches of one measurement: 15 rounds through five chats. */
const ROUNDS = 15;
/** Measurements at most: something else on the machine may spoil one; what the console can do, the best one shows. */
const MEASUREMENTS_MAX = 3;
/** The bound on a switch, ms, 95th percentile. */
const SWITCH_MS_MAX = 100;
/** Longest the picture may show no new frame, ms. The clip has 30 frames a second. */
const STILL_MS_MAX = 1_000;

/** One switch: ms from the click until it reached the page, until the log was in the document, until it was painted. */
interface Switch {
  delivery: number;
  dom: number;
  paint: number;
}

/** Median, 95th percentile and worst, as figures and in words. */
function percentiles(values: number[]): { p95: number; toString: () => string } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p95: at(0.95), toString: () => `median ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${at(1)} ms` };
}

/** A chat under test. */
interface Chat {
  ticket: number;
  name: string;
  say(text: string): Promise<void>;
  /** Messages sent so far. */
  sent: string[];
}

test('five chats at a message a second, one in a call', async ({ stage }) => {
  test.setTimeout(150_000);
  const { server, viewer, agent, ticket } = await openSmallConversation(stage);
  const writers = await openWriters(stage, server);
  const chats: Chat[] = [
    { ticket, name: 'call', say: (text) => viewer.say(text), sent: ['The picture stutters'] },
    ...writers.map(({ writer, name }) => ({ ticket: 0, name, say: (text: string) => writer.say(text), sent: [] })),
  ];
  for (const chat of chats.slice(1)) {
    const { writer } = writers.find(({ name }) => name === chat.name) ?? {};
    await say(chat, `${chat.name} 0`);
    await expect.poll(() => writer?.ticket).toBeGreaterThan(0);
    chat.ticket = writer?.ticket ?? 0;
    await agent.take(chat.ticket);
  }
  await agent.row(ticket).click();
  await invite(viewer, agent);
  await viewer.sharePlayer();
  await agent.expectPictureMoving();

  const writing = startWriting(chats);
  const picture = await watchPicture(agent.video);
  await checkDraftsAndFocus(agent, chats);
  const p95 = await bestSwitching(agent, chats);
  await answerEach(agent, chats);
  const seen = await picture.stop();
  await writing.stop();

  tell('picture', `${seen.looks} looks, ${seen.faults.length} faults, longest without a new frame ${seen.longestStillMs} ms`);
  tell('messages', chats.map(({ name, sent }) => `${name} ${sent.length}`).join(', '));
  expect(p95).toBeLessThanOrEqual(SWITCH_MS_MAX);
  expect(seen.faults).toEqual([]);
  expect(seen.longestStillMs).toBeLessThan(STILL_MS_MAX);
  await expectNothingAstray(stage, server, chats, writers);
});

/**
 * A conversation with a viewer whose player is small (360p in a small window): in life the viewer's decoding and encoding
 * happen on the viewer's machine, here they share two cores with the console that is measured.
 */
async function openSmallConversation(stage: Stage) {
  const host = await stage.host();
  const server = await stage.serverFor(host);
  host.serve(await hostPages(hostPage({ head: widgetTag(server.url) })));
  const agent = await stage.agent(server, { account: ACCOUNT });
  const viewer = await stage.viewer({ viewport: { width: 800, height: 700 } });
  await viewer.page.goto(`${host.origin}/?lang=en`);
  await viewer.expectPlaying();
  await viewer.openChat();
  await viewer.say('The picture stutters');
  const ticket = await viewer.ticket();
  await agent.take(ticket);
  return { server, viewer, agent, ticket };
}

async function openWriters(stage: Stage, server: Server): Promise<{ name: string; writer: Writer }[]> {
  const rest = stage.rest(server);
  const writers = [];
  for (const name of NAMES) {
    const token = await rest.viewerToken({ external_id: name.toLowerCase(), name });
    const writer = await Writer.open(server, token);
    stage.onEnd(async () => writer.close());
    writers.push({ name, writer });
  }
  return writers;
}

async function say(chat: Chat, text: string): Promise<void> {
  chat.sent.push(text);
  await chat.say(text);
}

/** Lets everybody write a message a second until stopped. */
function startWriting(chats: Chat[]): { stop: () => Promise<void> } {
  let on = true;
  const failures: unknown[] = [];
  const all = chats.map(async (chat, at) => {
    // Spread over the second, as people are.
    let next = Date.now() + at * 200;
    for (let n = 1; on; n += 1) {
      await new Promise((done) => setTimeout(done, Math.max(0, next - Date.now())));
      next += 1_000;
      if (on) await say(chat, `${chat.name} ${n}`).catch((error) => failures.push(error));
    }
  });
  return {
    stop: async () => {
      on = false;
      await Promise.all(all);
      expect(failures).toEqual([]);
    },
  };
}

/** Types a reply, letter by letter, into each chat without sending it; messages come in everywhere meanwhile. */
async function checkDraftsAndFocus(agent: Agent, chats: Chat[]): Promise<void> {
  await agent.page.evaluate(() => {
    const stolen: string[] = [];
    Object.assign(window, { stolen });
    document.addEventListener('focusout', (event) => {
      const to = (event as FocusEvent).relatedTarget as Element | null;
      if (!(window as unknown as { switching?: boolean }).switching) stolen.push(to?.outerHTML.slice(0, 80) ?? 'nothing');
    });
  });
  for (const chat of chats) {
    await switching(agent, true);
    await agent.row(chat.ticket).click();
    await expect(agent.reply).toBeFocused();
    await switching(agent, false);
    const text = `Draft for ${chat.name}: one moment, please.`;
    await agent.reply.pressSequentially(text, { delay: 25 });
    await expect(agent.reply).toHaveValue(text);
    await expect(agent.reply).toBeFocused();
  }
  await switching(agent, true);
  for (const chat of chats) {
    await agent.row(chat.ticket).click();
    await expect(agent.reply).toHaveValue(`Draft for ${chat.name}: one moment, please.`);
  }
  expect(await agent.page.evaluate(() => (window as unknown as { stolen: string[] }).stolen)).toEqual([]);
}

async function switching(agent: Agent, on: boolean): Promise<void> {
  await agent.page.evaluate((now) => Object.assign(window, { switching: now }), on);
}

/** The 95th percentile of the best measurement, ms; ends with the first one that is within the bound. */
async function bestSwitching(agent: Agent, chats: Chat[]): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < MEASUREMENTS_MAX && best > SWITCH_MS_MAX; n += 1) {
    const times = await measureSwitches(agent, chats);
    const paint = percentiles(times.map((one) => one.paint));
    tell(`switching, ${times.length} times`, `to the painted log ${paint}`);
    tell('of it, to the log in the document', String(percentiles(times.map((one) => one.dom))));
    tell('of it, the click on its way to the page', String(percentiles(times.map((one) => one.delivery))));
    best = Math.min(best, paint.p95);
  }
  return best;
}

/**
 * From the click on a row to the log of that conversation, measured in the page: until it shows a message of that chat and
 * of no other, in the document and in the frame painted then.
 */
async function measureSwitches(agent: Agent, chats: Chat[]): Promise<Switch[]> {
  await agent.page.evaluate(() => {
    const shown = (marker: string) => {
      const log = document.querySelector('[role=log]');
      return (log?.textContent ?? '').includes(marker);
    };
    Object.assign(window, {
      armSwitch: (marker: string) => {
        const switched = new Promise<Switch>((done) => {
          const clicked = ({ timeStamp }: Event) => {
            const delivery = performance.now() - timeStamp;
            const observer = new MutationObserver(() => {
              if (!shown(marker)) return;
              observer.disconnect();
              const dom = performance.now() - timeStamp;
              requestAnimationFrame(() => {
                // A task after the frame's callbacks comes after its paint.
                const { port1, port2 } = new MessageChannel();
                port1.onmessage = () => done({ delivery, dom, paint: performance.now() - timeStamp });
                port2.postMessage(0);
              });
            });
            observer.observe(document.body, { childList: true, subtree: true, characterData: true });
          };
          // Before any listener of the page.
          addEventListener('click', clicked, { once: true, capture: true });
        });
        Object.assign(window, { switched });
      },
    });
  });
  const times: Switch[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const chat of chats) {
      const marker = chat.sent[0] ?? '';
      await agent.page.evaluate((text) => (window as unknown as { armSwitch: (marker: string) => void }).armSwitch(text), marker);
      await agent.row(chat.ticket).click();
      times.push(await agent.page.evaluate(() => (window as unknown as { switched: Promise<Switch> }).switched));
    }
  }
  return times;
}

/** Sends each chat its draft, completed. */
async function answerEach(agent: Agent, chats: Chat[]): Promise<void> {
  for (const chat of chats) {
    await agent.row(chat.ticket).click();
    await agent.reply.press('End');
    await agent.reply.pressSequentially(' Done.');
    await agent.reply.press('Enter');
    await expect(agent.log.getByText(`Draft for ${chat.name}: one moment, please. Done.`, { exact: true })).toBeVisible();
  }
}

/** Every ticket holds its own messages, once, in order, and the one answer that was meant for it. */
async function expectNothingAstray(
  stage: Stage,
  server: Server,
  chats: Chat[],
  writers: { name: string; writer: Writer }[],
): Promise<void> {
  const rest = stage.rest(server);
  for (const chat of chats) {
    const { timeline } = await rest.ticketWhen(chat.ticket, (ticket) => ticket.timeline.length > chat.sent.length);
    const said = (kind: 'viewer' | 'agent') =>
      timeline.flatMap(({ author, body }) => (author.kind === kind && body.kind === 'message' ? [body.text] : []));
    expect(said('viewer')).toEqual(chat.sent);
    expect(said('agent')).toEqual([`Draft for ${chat.name}: one moment, please. Done.`]);
    const writer = writers.find(({ name }) => name === chat.name)?.writer;
    if (writer) expect(writer.heard()).toEqual(said('agent'));
  }
}
