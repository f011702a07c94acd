// Firefox ESR as the system installed it, on a display of its own, driven by WebDriver BiDi. `getDisplayMedia` there
// captures that display for real: what a test opens as the topmost window is what is shared.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type Browser, firefox } from '@playwright/test';
import { PATTERN } from './pattern.ts';

/** The browser: `FIREFOX`, else Debian's. */
export function firefoxBinary(): string {
  return process.env.FIREFOX ?? '/usr/bin/firefox-esr';
}

/** A display that is not there by then does not come, ms. */
const DISPLAY_TIMEOUT_MS = 10_000;

/**
 * Nobody sits at the picker, devices are made up, autoplay is free, and addresses of loopback are candidates. The last one
 * is what other browsers get as an option of the context, which Firefox does not take.
 */
const PREFERENCES = {
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // The bar "You are sharing your entire screen" would lie on the pattern.
  'privacy.webrtc.hideGlobalIndicator': true,
  'ui.prefersReducedMotion': 1,
};

/** A display of the size of `PATTERN`, in memory. */
class Display {
  /** Such as `:99`. */
  readonly name: string;
  readonly #process: ChildProcess;

  private constructor(name: string, process: ChildProcess) {
    this.name = name;
    this.#process = process;
  }

  /** Starts one under a free number. */
  static async start(): Promise<Display> {
    const screen = ['-screen', '0', `${PATTERN.width}x${PATTERN.height}x24`];
    const child = spawn('Xvfb', ['-displayfd', '3', ...screen, '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const number = new Promise<string>((resolved, rejected) => {
      const late = setTimeout(() => rejected(new Error('Xvfb does not start')), DISPLAY_TIMEOUT_MS);
      child.once('error', rejected);
      child.once('exit', (code) => rejected(new Error(`Xvfb ended with ${code}`)));
      createInterface(child.stdio[3] as Readable).once('line', (line) => {
        clearTimeout(late);
        resolved(line.trim());
      });
    });
    return new Display(`:${await number}`, child);
  }

  /** Ends it. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill();
    await gone;
  }
}

/** A running Firefox. */
export class Firefox {
  /** For contexts and pages, as any other browser. */
  readonly browser: Browser;
  readonly #display: Display;

  private constructor(browser: Browser, display: Display) {
    this.browser = browser;
    this.#display = display;
  }

  /** Starts one with a fresh profile. */
  static async start(): Promise<Firefox> {
    const display = await Display.start();
    try {
      const browser = await firefox.launch({
        channel: 'moz-firefox',
        executablePath: firefoxBinary(),
        headless: false,
        // Without the browser's own bars: a window is its page.
        args: ['--kiosk', `--width=${PATTERN.width}`, `--height=${PATTERN.height}`],
        env: { ...process.env, DISPLAY: display.name, MOZ_ENABLE_WAYLAND: '0' },
        firefoxUserPrefs: PREFERENCES,
      });
      toleratesUnknownMedia(browser);
      return new Firefox(browser, display);
    } catch (error) {
      await display.close();
      throw error;
    }
  }

  /** Ends it and its display. */
  async close(): Promise<void> {
    await this.browser.close();
    await this.#display.close();
  }
}

/** A message of WebDriver BiDi. */
interface Message {
  id: number;
  method?: string;
  type?: string;
  error?: string;
}

/** What of a Playwright browser is looked at below; none of it is part of its interface. */
interface Inside {
  _connection?: { toImpl?: (browser: Browser) => { _connection?: { _transport?: Transport } } };
}

interface Transport {
  send: (message: Message) => void;
  onmessage: (message: Message) => void;
}

/** The one command that Playwright sends to every new context and that Firefox 153 does not have yet. */
const MISSING_COMMAND = 'emulation.setMediaFeaturesOverride';

/** Takes Firefox's "unknown command" for that one as done. To be dropped with the first ESR that knows it. */
function toleratesUnknownMedia(browser: Browser): void {
  const transport = (browser as unknown as Inside)._connection?.toImpl?.(browser)._connection?._transport;
  if (!transport)
    throw new Error('this Playwright has no BiDi transport where it is looked for: adapt support/firefox.ts');
  const [send, receive] = [transport.send.bind(transport), transport.onmessage.bind(transport)];
  const asked = new Set<number>();
  transport.send = (message) => {
    if (message.method === MISSING_COMMAND) asked.add(message.id);
    send(message);
  };
  transport.onmessage = (message) => {
    const unknown = asked.delete(message.id) && message.error === 'unknown command';
    receive(unknown ? ({ type: 'success', id: message.id, result: {} } as Message) : message);
  };
}
