// A seat: a viewer's browser in a site of its own, and the runs that are recorded in it, one after another. Every run has a
// profile, an edge and a server of its own, so that nothing of one run is seen in the next.

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent } from '../../browser/support/agent.ts';
import type { LineChange, LineCounters, Netlab } from '../../browser/support/netlab.ts';
import { type Account, Server } from '../../browser/support/server.ts';
import { Viewer } from '../../browser/support/viewer.ts';
import { api } from './api.ts';
import type { Cdn, Stream } from './cdn.ts';
import { FREE_MIN, Group, watchIdle } from './machine.ts';
import { idOf, type Run, splitOf } from './manifest.ts';
import { type Fault, faultOf, lineOf, type Recipe } from './recipes.ts';
import { beginOf, lanesOf, neutral, packed, type TelemetryFile } from './trace.ts';

/** The first picture comes by then, also where the fault is there from the beginning, ms. */
const PICTURE_TIMEOUT_MS = 45_000;
/** The ticket is there by then: the widget comes over the same line, ms. */
const TICKET_TIMEOUT_MS = 60_000;
/** Recorded after the fault's start, and at least after the chat's opening, s. */
const AFTER_FAULT_S = 25;
const AFTER_CHAT_S = 14;
/** Viewers of a seat that keeps another one company, and how long before it they write, s. */
const COMPANIONS_A_SEAT = 3;
const CROWD_BEFORE_S = 4;
/** A line without a fault: everything that a fault may have set. */
const PLAIN = {
  delayMs: 0,
  jitterMs: 0,
  jitterReorders: false,
  loss: 0,
  gilbertElliott: null,
  reorder: 0,
  duplicate: 0,
  rateBps: null,
  queueBytes: 256_000,
};
const ACCOUNT: Account = { login: 'corpus', password: 'correct horse battery', name: 'Robin Vale' };

/** A call under way. */
interface Call {
  agent: Agent;
  ticket: number;
  chatMs: number;
}

/** A viewer who has complained. */
export interface Complaint {
  ticket: number;
  /** Takes the viewer and the fault away. */
  end: () => Promise<void>;
}

type Browser = Awaited<ReturnType<Netlab['launch']>>;

const nap = (ms: number) => new Promise<void>((done) => setTimeout(done, Math.max(0, ms)));

/** A viewer's place, and beside it an agent's. */
export class Seat {
  readonly #lab: Netlab;
  readonly #cdn: Cdn;
  readonly #site: string;
  readonly #agentSite: string;
  readonly #group: Group;
  readonly #agentGroup: Group;
  #browser: Browser | null = null;
  #agentBrowser: Browser | null = null;

  /** At the sites `seat-N` and `desk-N` of a laboratory. */
  constructor(lab: Netlab, cdn: Cdn, number: number) {
    this.#lab = lab;
    this.#cdn = cdn;
    this.#site = `seat${number}`;
    this.#agentSite = `desk${number}`;
    this.#group = new Group(`sightline-corpus-${process.pid}-${this.#site}`);
    this.#agentGroup = new Group(`sightline-corpus-${process.pid}-${this.#agentSite}`);
  }

  /** Records a run: its line of the manifest and its trace. `companions` are seats whose viewers watch the same and write too. */
  async record(recipe: Recipe, companions: readonly Seat[] = []): Promise<{ run: Run; trace: Buffer }> {
    const { content, levels, begin } = recipe;
    const ends: (() => Promise<unknown>)[] = [];
    try {
      const stream = await this.#cdn.open({ content, levels, begin });
      ends.push(() => this.#cdn.close(stream.stream));
      await this.#lines(recipe, stream);
      const config = serverConfig(this.#cdn.origin, [stream]);
      const server = await Server.start({ demo: recipe.demo, place: this.#lab.place, config });
      ends.push(() => server.dispose());
      const viewer = await this.#viewer(ends);
      return await this.#run(recipe, stream, { server, viewer, companions }, ends);
    } finally {
      this.#group.quota(null);
      this.#agentGroup.quota(null);
      for (const end of ends.reverse()) await end().catch(() => undefined);
    }
  }

  /**
   * A viewer of a stream suffers, as the recipe says, and then opens the chat of a server that others use, too. The viewer stays
   * until `end` is called.
   */
  async complain(recipe: Recipe, stream: Stream, server: Server): Promise<Complaint> {
    const ends: (() => Promise<unknown>)[] = [];
    const end = async () => {
      this.#group.quota(null);
      for (const one of ends.reverse()) await one().catch(() => undefined);
    };
    try {
      await this.#lines(recipe, stream);
      const viewer = await this.#viewer(ends);
      const { behindSegments, handOver, faultAfterS, chatAfterS } = recipe;
      const page = await this.#cdn.page({ stream: stream.stream, support: server.url, behindSegments, handOver });
      await viewer.page.goto(page, { waitUntil: 'commit', timeout: PICTURE_TIMEOUT_MS });
      await this.#picture(viewer);
      await nap(faultAfterS * 1_000);
      await this.#begin(recipe, faultOf(recipe, stream.kbps), stream, viewer, ends, { server, call: null });
      await nap(chatAfterS * 1_000);
      return { ticket: await this.#openChat(server, viewer, true), end };
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Ends its browsers. */
  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#agentBrowser?.close();
    await this.#group.remove();
    await this.#agentGroup.remove();
  }

  /** Sets both lines as they are before the fault. */
  async #lines(recipe: Recipe, stream: Stream): Promise<void> {
    const good = lineOf(recipe, stream.kbps);
    await this.#lab.set(this.#site, { up: { ...PLAIN, ...good.up }, down: { ...PLAIN, ...good.down } });
    await this.#lab.set(this.#agentSite, { up: { ...PLAIN, delayMs: 15 }, down: { ...PLAIN, delayMs: 15 } });
  }

  /** A viewer in a profile of its own. */
  async #viewer(ends: (() => Promise<unknown>)[]): Promise<Viewer> {
    const browser = await this.#launched();
    const context = await browser.newContext({
      viewport: { width: 1_024, height: 700 },
      ignoreHTTPSErrors: true,
      locale: 'en-GB',
      reducedMotion: 'reduce',
    });
    ends.push(() => this.#withoutQuota(() => context.close()));
    return new Viewer(await context.newPage());
  }

  /** Viewers of this seat, over a good line of its own, who watch the same page. */
  async #watch(page: string, recipe: Recipe, ends: (() => Promise<unknown>)[]): Promise<Viewer[]> {
    const good = lineOf({ ...recipe, family: 'clean', seed: recipe.seed + this.#site.length }, [1_000]);
    await this.#lab.set(this.#site, { up: { ...PLAIN, ...good.up }, down: { ...PLAIN, ...good.down } });
    const viewers: Viewer[] = [];
    for (let n = 0; n < COMPANIONS_A_SEAT; n += 1) {
      const viewer = await this.#viewer(ends);
      await viewer.page.goto(page, { waitUntil: 'commit', timeout: PICTURE_TIMEOUT_MS });
      viewers.push(viewer);
    }
    return viewers;
  }

  async #withoutQuota(action: () => Promise<void>): Promise<void> {
    this.#group.quota(null);
    await action();
  }

  async #launched(): Promise<Browser> {
    if (!this.#browser?.isConnected()) this.#browser = await this.#lab.launch(this.#site, [], this.#group.join);
    return this.#browser;
  }

  async #launchedAgent(): Promise<Browser> {
    if (!this.#agentBrowser?.isConnected()) {
      this.#agentBrowser = await this.#lab.launch(this.#agentSite, [], this.#agentGroup.join);
    }
    return this.#agentBrowser;
  }

  async #run(
    recipe: Recipe,
    stream: Stream,
    { server, viewer, companions }: { server: Server; viewer: Viewer; companions: readonly Seat[] },
    ends: (() => Promise<unknown>)[],
  ): Promise<{ run: Run; trace: Buffer }> {
    const { behindSegments, handOver, faultAfterS, chatAfterS } = recipe;
    const fault = faultOf(recipe, stream.kbps);
    const faulty = recipe.label !== 'none_observed';
    const page = await this.#cdn.page({ stream: stream.stream, support: server.url, behindSegments, handOver });
    const idle = watchIdle();
    const lostBefore = await this.#lost();
    const usedS = this.#group.usedS();
    const beganMs = Date.now();
    let faultMs = beganMs;
    if (faultAfterS === 0) await this.#begin(recipe, fault, stream, viewer, ends, { server, call: null });
    await viewer.page.goto(page, { waitUntil: 'commit', timeout: PICTURE_TIMEOUT_MS });
    const crowd = (await Promise.all(companions.map((seat) => seat.#watch(page, recipe, ends)))).flat();
    await this.#picture(viewer);
    const call = recipe.call ? await this.#call(recipe, server, viewer, ends) : null;
    if (faultAfterS > 0) {
      await nap(faultAfterS * 1_000);
      await this.#begin(recipe, fault, stream, viewer, ends, { server, call });
      faultMs = Date.now();
    }
    if (crowd.length > 0) await nap(faultMs + (chatAfterS - CROWD_BEFORE_S) * 1_000 - Date.now());
    for (const other of crowd) void write(other).catch(() => undefined);
    if (!call) await nap(faultMs + chatAfterS * 1_000 - Date.now());
    const chatMs = call?.chatMs ?? Date.now();
    const ticket = call?.ticket ?? (await this.#openChat(server, viewer, crowd.length > 0));
    await nap(Math.max(faultMs + AFTER_FAULT_S * 1_000, chatMs + AFTER_CHAT_S * 1_000) - Date.now());
    const file = await api<TelemetryFile>(server, `/api/v1/tickets/${ticket}/telemetry`);
    const endMs = Date.now();
    const machine = idle();
    if (!faulty && machine.idle + machine.nice < FREE_MIN && !process.env.CORPUS_BUSY)
      throw new Error(`a control on a busy machine: ${machine.idle}`);
    const spentS = this.#group.usedS() - usedS;
    const effect = await this.#effect(stream, viewer, lostBefore);
    const lanes = lanesOf(file);
    const from = beginOf(lanes);
    if (!Number.isFinite(from)) throw new Error('the page has told nothing');
    const second = (ms: number) => Math.round((ms - from) / 100) / 10;
    const { heavy: _, demo: __, crowd: ___, ...told } = recipe;
    const run: Run = {
      id: idOf(recipe),
      ...told,
      split: splitOf(recipe),
      ...(faulty ? { faultS: second(faultMs) } : {}),
      chatS: second(chatMs),
      endS: second(endMs),
      machine,
      effect: { ...effect, browserCores: Math.round((spentS / ((endMs - beganMs) / 1_000)) * 100) / 100 },
      versions: versions(viewer),
    };
    return { run, trace: packed(neutral(lanes, from)) };
  }

  async #begin(
    recipe: Recipe,
    fault: Fault,
    { stream }: Stream,
    viewer: Viewer,
    ends: (() => Promise<unknown>)[],
    { server, call }: { server: Server; call: Call | null },
  ): Promise<void> {
    if (fault.bulk) {
      const loads = Array.from({ length: fault.bulk }, () => this.#bulk());
      ends.push(async () => {
        for (const load of loads) load.kill('SIGKILL');
      });
    }
    if (fault.line) await this.#lab.set(this.#site, fault.line as LineChange);
    if (fault.agentLine) await this.#lab.set(this.#agentSite, fault.agentLine as LineChange);
    if (fault.edge) await this.#cdn.fault(stream, { ...fault.edge, seed: recipe.seed });
    if (fault.quota) this.#group.quota(fault.quota);
    if (fault.agentQuota) this.#agentGroup.quota(fault.agentQuota);
    if (fault.burn) await burn(viewer.page, fault.burn);
    if (fault.agentBurn && call) await burn(call.agent.page, fault.agentBurn);
    if (fault.serverDrop) {
      await api(server, '/api/v1/demo/faults', { method: 'PUT', body: { server_drop: fault.serverDrop } });
    }
    if (fault.serverQuota && server.pid !== undefined) {
      const group = new Group(`sightline-corpus-${process.pid}-${this.#site}-server`);
      group.take(server.pid);
      group.quota(fault.serverQuota);
      // Before the server's end it is free, to stop in time; after it the group goes.
      ends.push(async () => group.quota(null));
      ends.unshift(() => group.remove());
    }
  }

  /** An agent takes the chat and invites; the viewer shares the player; the picture runs. */
  async #call(recipe: Recipe, server: Server, viewer: Viewer, ends: (() => Promise<unknown>)[]): Promise<Call> {
    await server.addAgent(ACCOUNT);
    const browser = await this.#launchedAgent();
    const context = await browser.newContext({
      viewport: { width: 1_280, height: 800 },
      ignoreHTTPSErrors: true,
      locale: 'en-GB',
      reducedMotion: 'reduce',
    });
    ends.push(async () => {
      this.#agentGroup.quota(null);
      await context.close();
    });
    const agent = new Agent(await context.newPage());
    await agent.signIn(server.url, ACCOUNT);
    const chatMs = Date.now();
    const ticket = await this.#openChat(server, viewer, recipe.demo);
    await agent.take(ticket);
    await agent.invite.click();
    await viewer.sharePlayer();
    await agent.expectPictureMoving();
    return { agent, ticket, chatMs };
  }

  /** A download that has nothing to do with the player. */
  #bulk(): ChildProcess {
    return this.#lab.spawn(this.#site, 'curl', ['-sk', '-o', '/dev/null', `${this.#cdn.origin}/bulk`], {
      stdio: 'ignore',
    });
  }

  async #picture({ page, player }: Viewer): Promise<void> {
    const deadline = Date.now() + PICTURE_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const plays = await player.evaluate((video: HTMLVideoElement) => video.currentTime > 0 && video.readyState >= 2);
      if (plays) return;
      await page.waitForTimeout(100);
    }
    // A line or an edge that is bad from the beginning shows no picture: that is the run.
  }

  async #openChat(server: Server, viewer: Viewer, others: boolean): Promise<number> {
    await write(viewer);
    // Others write too.
    if (others) return viewer.ticket();
    const deadline = Date.now() + TICKET_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const { tickets } = await api<{ tickets: { number: number }[] }>(server, '/api/v1/tickets?limit=1');
      const number = tickets[0]?.number;
      if (number !== undefined) return number;
      await nap(200);
    }
    throw new Error('no ticket');
  }

  /** Packets that this seat's line has lost so far, and those it let out late. */
  async #lost(): Promise<{ up: number; down: number; late: number }> {
    const counters = (await this.#lab.counters()).sites.find(({ name }) => name === this.#site);
    if (!counters) throw new Error(`no site ${this.#site}`);
    const lost = ({ lostRandom, lostBurst, droppedQueue }: LineCounters) => lostRandom + lostBurst + droppedQueue;
    return { up: lost(counters.up), down: lost(counters.down), late: counters.down.late };
  }

  async #effect(
    { stream }: Stream,
    viewer: Viewer,
    before: { up: number; down: number; late: number },
  ): Promise<Record<string, number>> {
    const { segments, hit } = await this.#cdn.counts(stream);
    const { up, down, late } = await this.#lost();
    this.#group.quota(null);
    const seen = await viewer.page.evaluate(() => window.corpus.seen());
    return { segments, hit, lostUp: up - before.up, lostDown: down - before.down, late: late - before.late, ...seen };
  }
}

declare global {
  interface Window {
    /** page/page.js. */
    corpus: { seen(): Record<string, number> };
  }
}

/** Settings of a server whose widget is on the pages of an origin, and which may look at these streams itself. */
export function serverConfig(origin: string, streams: readonly Stream[]): string {
  const hosts = streams.map(({ stream }) => `"${new URL(stream).host}"`).join(', ');
  return `[http]\nallowed_origins = ["${origin}"]\n[diagnosis]\nreference_hosts = [${hosts}]\n`;
}

/** Opens the chat and says what is wrong. */
async function write({ launcher, dialog }: Viewer): Promise<void> {
  await launcher.click({ timeout: TICKET_TIMEOUT_MS });
  await dialog.getByRole('button', { name: 'The picture stutters' }).click({ timeout: TICKET_TIMEOUT_MS });
}

/** Keeps a page's main thread busy for `share` of the time, in pieces of `pieceMs`. */
async function burn(page: Viewer['page'], load: { share: number; pieceMs: number }): Promise<void> {
  await page.evaluate(({ share, pieceMs }) => {
    const once = () => {
      const until = performance.now() + pieceMs;
      while (performance.now() < until);
      setTimeout(once, (pieceMs * (1 - share)) / share);
    };
    setTimeout(once);
  }, load);
}

function versions({ page }: Viewer): Record<string, string> {
  const commit = process.env.CORPUS_COMMIT;
  return {
    chromium: page.context().browser()?.version() ?? '',
    hls: hlsVersion,
    ...(commit ? { sightline: commit } : {}),
  };
}

const hlsVersion: string = JSON.parse(
  readFileSync(new URL('../../../web-demo/node_modules/hls.js/package.json', import.meta.url), 'utf8'),
).version;
