// A browser driven over W3C WebDriver: the few commands that the tests of WebKitGTK need, and elements found as a person
// finds them, by role and accessible name, through all shadow trees. https://www.w3.org/TR/webdriver2/

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from '@playwright/test';

/** The name under which WebDriver passes elements on. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
/** Where Debian puts the browser that `webkit2gtk-driver` drives. */
const BROWSERS = ['4.1', '4.0'].map((version) => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`);
/** A display or driver that is not there by then does not start, ms. */
const START_TIMEOUT_MS = 20_000;
/** How often a condition is looked at, ms. */
const POLL_MS = 100;
/** How long one waits for a condition, ms. */
const WAIT_MS = 20_000;

/** A reference to an element, as WebDriver passes it. */
type Reference = Record<typeof ELEMENT, string>;

/** A WebKitGTK browser on a display of its own. */
export class WebKit {
  readonly #driver: string;
  readonly #session: string;
  readonly #children: ChildProcess[];

  private constructor(driver: string, session: string, children: ChildProcess[]) {
    this.#driver = driver;
    this.#session = session;
    this.#children = children;
  }

  /** Starts display, driver and browser. */
  static async start(): Promise<WebKit> {
    const children: ChildProcess[] = [];
    try {
      const display = await startDisplay(children);
      const driver = await startDriver(children, display);
      const options = { binary: await browser(), args: ['--automation'] };
      const capabilities = { alwaysMatch: { acceptInsecureCerts: true, 'webkitgtk:browserOptions': options } };
      const made = (await command(driver, 'POST', '/session', { capabilities })) as { sessionId: string };
      return new WebKit(driver, made.sessionId, children);
    } catch (error) {
      await endAll(children);
      throw error;
    }
  }

  /** Ends the browser and everything that was started for it. */
  async close(): Promise<void> {
    await this.#command('DELETE', '').catch(() => {});
    await endAll(this.#children);
  }

  /** Goes to an address. */
  async goto(url: string): Promise<void> {
    await this.#command('POST', '/url', { url });
  }

  /** Loads the page again. */
  async reload(): Promise<void> {
    await this.#command('POST', '/refresh', {});
  }

  /** Runs a function in the page; its arguments and its result are JSON, or elements. */
  async run<A extends unknown[], R>(code: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const script = `return (${code.toString()})(...arguments)`;
    return (await this.#command('POST', '/execute/sync', { script, args })) as Awaited<R>;
  }

  /** The control or region with this role and name, wherever in the page it is. */
  role(role: string, name: string | RegExp): WebKitLocator {
    return new WebKitLocator(this, role, name);
  }

  /** The input of files with this name, which pages like to hide. */
  files(name: string): WebKitLocator {
    return new WebKitLocator(this, 'file', name, true);
  }

  /** Presses keys, one after the other, on whatever has the focus. */
  async press(...keys: string[]): Promise<void> {
    const actions = keys.flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.#command('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  /** Writes a picture of the window into a file. */
  async saveScreenshot(path: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.from((await this.#command('GET', '/screenshot')) as string, 'base64'));
  }

  /** A command on an element. */
  async onElement(reference: Reference, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    return this.#command(method, `/element/${reference[ELEMENT]}${path}`, body);
  }

  #command(method: string, path: string, body?: unknown): Promise<unknown> {
    return command(this.#driver, method, `/session/${this.#session}${path}`, body);
  }
}

/** Finds an element anew at each use, like Playwright's locators. */
export class WebKitLocator {
  readonly #browser: WebKit;
  readonly #role: string;
  readonly #name: string | RegExp;
  readonly #hidden: boolean;

  constructor(browser: WebKit, role: string, name: string | RegExp, hidden = false) {
    this.#browser = browser;
    this.#role = role;
    this.#name = name;
    this.#hidden = hidden;
  }

  /** What is searched for, in a failure's message. */
  toString(): string {
    return `${this.#role} "${this.#name}"`;
  }

  /** The element, when it is there and can be seen. */
  async #find(): Promise<Reference | null> {
    const exact = typeof this.#name === 'string' ? this.#name : null;
    const pattern = typeof this.#name === 'string' ? '' : this.#name.source;
    return (await this.#browser.run(findByRole, this.#role, exact, pattern, this.#hidden)) as Reference | null;
  }

  /** Whether it can be seen. */
  async visible(): Promise<boolean> {
    return (await this.#find()) !== null;
  }

  /** Waits until it can be seen. */
  async appears(timeout = WAIT_MS): Promise<Reference> {
    let found: Reference | null = null;
    await expect
      .poll(async () => (found = await this.#find()) !== null, { message: `${this} appears`, intervals: [POLL_MS], timeout })
      .toBe(true);
    return found as unknown as Reference;
  }

  /** Waits until it is gone. */
  async disappears(): Promise<void> {
    await expect.poll(() => this.visible(), { message: `${this} disappears`, intervals: [POLL_MS], timeout: WAIT_MS }).toBe(false);
  }

  /** Clicks it, as a person: the page sees a user's activation. */
  async click(): Promise<void> {
    await this.#browser.onElement(await this.appears(), 'POST', '/click', {});
  }

  /** Types into it. */
  async type(text: string): Promise<void> {
    await this.#browser.onElement(await this.appears(), 'POST', '/value', { text });
  }

  /** Its text as shown; empty when it is not there. */
  async text(): Promise<string> {
    const found = await this.#find();
    return found === null ? '' : this.#browser.run((element) => (element as unknown as HTMLElement).innerText, found);
  }

  /** Waits until its text matches. */
  async says(pattern: RegExp, timeout = WAIT_MS): Promise<void> {
    await expect.poll(() => this.text(), { message: `${this} says ${pattern}`, intervals: [POLL_MS], timeout }).toMatch(pattern);
  }

  /** Whether another control is inside it. */
  async contains(other: WebKitLocator): Promise<boolean> {
    const inside = await other.appears();
    return this.evaluate((element, one) => element.contains(one as unknown as Node), inside);
  }

  /** Calls a function on it. */
  async evaluate<A extends unknown[], R>(code: (element: HTMLElement, ...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const found = await this.appears();
    return this.#browser.run(code as unknown as (element: Reference, ...args: A) => R, found, ...args);
  }
}

/** In the page: the first element (visible, unless `hidden`) with this role and name, in tree order, shadow trees included. */
function findByRole(role: string, exact: string | null, pattern: string, hidden: boolean): Element | null {
  const implicit: Record<string, string> = {
    BUTTON: 'button',
    TEXTAREA: 'textbox',
    FIELDSET: 'group',
    A: 'link',
    VIDEO: 'video',
    SELECT: 'combobox',
    IMG: 'img',
  };
  const roleOf = (element: Element): string => {
    const given = element.getAttribute('role');
    if (given !== null) return given;
    if (element instanceof HTMLInputElement) return element.type === 'radio' || element.type === 'file' ? element.type : 'textbox';
    return implicit[element.tagName] ?? '';
  };
  const nameOf = (element: Element): string =>
    (element.getAttribute('aria-label') ?? element.getAttribute('alt') ?? element.textContent ?? '').replace(/\s+/g, ' ').trim();
  const named = (name: string) => (exact !== null ? name === exact : new RegExp(pattern).test(name));
  const seen = (element: Element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && getComputedStyle(element).visibility === 'visible';
  };
  const search = (root: ParentNode): Element | null => {
    for (const element of root.querySelectorAll('*')) {
      if (roleOf(element) === role && named(nameOf(element)) && (hidden || seen(element))) return element;
      const inside = element.shadowRoot && search(element.shadowRoot);
      if (inside) return inside;
    }
    return null;
  };
  return search(document);
}

async function browser(): Promise<string> {
  for (const path of BROWSERS) {
    if (await access(path).then(() => true, () => false)) return path;
  }
  throw new Error('WebKitGTK is not there: apt-get install webkit2gtk-driver');
}

/** A virtual display, by its name such as `:7`. */
async function startDisplay(children: ChildProcess[]): Promise<string> {
  const xvfb = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(xvfb);
  const lines = createInterface(xvfb.stdout);
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => String(text)),
    once(xvfb, 'error').then(() => Promise.reject(new Error('Xvfb is not there: apt-get install xvfb'))),
    once(xvfb, 'exit').then(() => Promise.reject(new Error('Xvfb ended'))),
    late('Xvfb'),
  ]);
  return `:${line.trim()}`;
}

/** The driver, by its address. */
async function startDriver(children: ChildProcess[], display: string): Promise<string> {
  const port = await freePort();
  // A group of its own, so that the browser which it starts ends with it.
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, DISPLAY: display, NO_AT_BRIDGE: '1', GDK_BACKEND: 'x11' },
  });
  children.push(driver);
  const missing = once(driver, 'error').then(() =>
    Promise.reject(new Error('WebKitWebDriver is not there: apt-get install webkit2gtk-driver')),
  );
  const address = `http://127.0.0.1:${port}`;
  const ready = async () => {
    for (;;) {
      const status = await fetch(`${address}/status`).catch(() => null);
      if (status?.ok) return address;
      await new Promise((again) => setTimeout(again, POLL_MS));
    }
  };
  return Promise.race([ready(), missing, late('WebKitWebDriver')]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function late(what: string): Promise<never> {
  return new Promise((_, failed) => {
    setTimeout(() => failed(new Error(`${what} does not start`)), START_TIMEOUT_MS).unref();
  });
}

async function command(driver: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${driver}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const { value } = (await answer.json()) as { value: unknown };
  if (answer.ok) return value;
  const { error, message } = value as { error: string; message: string };
  throw new Error(`WebDriver ${method} ${path}: ${error}: ${message}`);
}

/** Ends processes, last started first. */
async function endAll(children: ChildProcess[]): Promise<void> {
  for (const child of children.reverse()) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    try {
      // The driver's group, where it leads one.
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      child.kill('SIGTERM');
    }
    await gone;
  }
}
