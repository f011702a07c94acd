// What every test gets: servers and people made on demand and cleared away, and a watch on all pages for errors of ours.

import { type Browser, type BrowserContextOptions, test as base, expect, type Page } from '@playwright/test';
import { Agent } from './agent.ts';
import { Firefox } from './firefox.ts';
import { Host } from './host.ts';
import { recordPeers } from './peers.ts';
import { Rest } from './rest.ts';
import { type Account, Server, type ServerOptions } from './server.ts';
import { Viewer } from './viewer.ts';

/** The account of servers that are no demo. */
export const ACCOUNT: Account = { login: 'robin', password: 'correct horse battery', name: 'Robin Vale' };

/** Prints a figure that the test measured, and keeps it with the test's result. */
export function tell(what: string, figure: string): void {
  test.info().annotations.push({ type: what, description: figure });
  console.log(`     ${what}: ${figure}`);
}

/** What a person comes with: options of the profile, and a browser where it is not the test's Chromium. */
export type Profile = BrowserContextOptions & { browser?: Browser };

/** Window of a desktop browser. */
const DESKTOP = { width: 1440, height: 900 };

/** Makes what a test needs. */
export class Stage {
  /** Errors of pages, told at the end of the test; a test that provokes some says which. */
  readonly errors: string[] = [];
  /** Errors that this test provokes: those of a network that it cuts, for instance. */
  readonly expected: RegExp[] = [];
  readonly #browser: Browser;
  readonly #ends: (() => Promise<void>)[] = [];

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** A new server, with `ACCOUNT` when it is no demo. */
  async server(options: ServerOptions = {}): Promise<Server> {
    const server = await Server.start(options);
    this.onEnd(() => server.dispose());
    if (options.demo === false) await server.addAgent(ACCOUNT);
    return server;
  }

  /** A host's web server, without pages yet. */
  async host(): Promise<Host> {
    const host = await Host.start();
    this.onEnd(() => host.close());
    return host;
  }

  /** A server for a host's pages, which stand on an origin of their own. */
  serverFor(host: Host): Promise<Server> {
    return this.server({ demo: false, config: `[http]\nallowed_origins = ["${host.origin}"]\n` });
  }

  /** The API of a server. */
  rest(server: Server): Rest {
    return new Rest(server);
  }

  /** A Firefox with a display of its own. */
  async firefox(): Promise<Browser> {
    const firefox = await Firefox.start();
    this.onEnd(() => firefox.close());
    return firefox.browser;
  }

  /** A page in a browser profile of its own. */
  async page({ browser = this.#browser, ...options }: Profile = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: DESKTOP,
      ignoreHTTPSErrors: true,
      locale: 'en-GB',
      reducedMotion: 'reduce',
      ...options,
    });
    this.onEnd(() => context.close());
    const page = await context.newPage();
    this.watch(page);
    await recordPeers(page);
    return page;
  }

  /** A viewer in a profile of its own. */
  async viewer(options: Profile = {}): Promise<Viewer> {
    return new Viewer(await this.page(options));
  }

  /** An agent in a profile of its own, signed in. */
  async agent(server: Server, options: Profile & { account?: Account } = {}): Promise<Agent> {
    const { account, ...context } = options;
    const agent = new Agent(await this.page(context));
    if (account) await agent.signIn(server.url, account);
    else await agent.signInToDemo(server.url);
    return agent;
  }

  /** Runs at the end of the test, last come first. */
  onEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** Keeps errors of a page: uncaught ones, and what it writes to the console as an error. */
  watch(page: Page): void {
    page.on('pageerror', (error) => this.errors.push(`uncaught: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`console: ${message.text()} (${message.location().url})`);
    });
  }

  /** Clears away. */
  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }
}

/** Tests with a stage. */
export const test = base.extend<{ stage: Stage }>({
  stage: async ({ browser }, use) => {
    const stage = new Stage(browser);
    await use(stage);
    const surprises = stage.errors.filter((error) => !stage.expected.some((pattern) => pattern.test(error)));
    await stage.close();
    expect(surprises, 'errors on the pages').toEqual([]);
  },
});

export { expect };
