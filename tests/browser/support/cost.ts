// What the widget costs its host's page: bytes on the wire, long tasks, time of the main thread.

import { type IncomingHttpHeaders, request } from 'node:http';
import type { CDPSession, Page } from '@playwright/test';

/** A file as it came over the wire. */
export interface Fetched {
  status: number;
  headers: IncomingHttpHeaders;
  /** As sent, still encoded. */
  body: Buffer;
}

/** Fetches without undoing the encoding. */
export function fetchRaw(url: string, headers: Record<string, string> = {}): Promise<Fetched> {
  return new Promise((done, failed) => {
    request(url, { headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }));
      response.on('error', failed);
    })
      .on('error', failed)
      .end();
  });
}

/** A task that held the page's main thread for 50 ms or more. */
export interface LongTask {
  /** When, ms since the page's start. */
  start: number;
  /** How long, ms. */
  duration: number;
  /** Scripts that took part in the frame around it: address and ms. */
  scripts: { source: string; duration: number }[];
}

/** Notes long tasks of every document that `page` loads from now on. */
export async function watchLongTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen: { tasks: PerformanceEntry[]; frames: PerformanceEntry[] } = { tasks: [], frames: [] };
    Object.defineProperty(window, Symbol.for('long-tasks'), { value: seen, enumerable: false });
    const watch = (type: string, into: PerformanceEntry[]) =>
      new PerformanceObserver((list) => into.push(...list.getEntries())).observe({ type, buffered: true });
    watch('longtask', seen.tasks);
    watch('long-animation-frame', seen.frames);
  });
}

/** The long tasks since the last call, with what ran in the animation frames around them. */
export async function takeLongTasks(page: Page): Promise<LongTask[]> {
  return page.evaluate(async () => {
    // Observers are told after the frame.
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 100)));
    const seen = (window as unknown as Record<symbol, { tasks: PerformanceEntry[]; frames: PerformanceEntry[] }>)[
      Symbol.for('long-tasks')
    ];
    if (!seen) throw new Error('watchLongTasks was not called before the page was loaded');
    type Frame = PerformanceEntry & { scripts: { sourceURL: string; invoker: string; startTime: number; duration: number }[] };
    const frames = seen.frames as Frame[];
    return seen.tasks.splice(0).map(({ startTime, duration }) => ({
      start: Math.round(startTime),
      duration: Math.round(duration),
      scripts: frames
        .filter((frame) => frame.startTime < startTime + duration && frame.startTime + frame.duration > startTime)
        .flatMap(({ scripts }) => scripts)
        .map((script) => ({ source: script.sourceURL || script.invoker, duration: Math.round(script.duration) })),
    }));
  });
}

/** Time of a page's main thread, ms of its own CPU time. */
export interface MainThread {
  /** All tasks. */
  task: number;
  /** Scripts alone. */
  script: number;
  /** Styles and layout. */
  layout: number;
}

/** Reads a page's main thread by the browser's own figures. */
export class MainThreadMeter {
  readonly #devtools: CDPSession;

  private constructor(devtools: CDPSession) {
    this.#devtools = devtools;
  }

  /** Attaches to a page. CPU time of the thread: what else the machine does hardly counts. */
  static async of(page: Page): Promise<MainThreadMeter> {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
    await devtools.send('Performance.enable');
    return new MainThreadMeter(devtools);
  }

  /** Since the page's start. */
  async read(): Promise<MainThread> {
    const { metrics } = await this.#devtools.send('Performance.getMetrics');
    const ms = (name: string) => (metrics.find((one) => one.name === name)?.value ?? 0) * 1000;
    return { task: ms('TaskDuration'), script: ms('ScriptDuration'), layout: ms('LayoutDuration') + ms('RecalcStyleDuration') };
  }

  /** Over so many seconds, per minute. */
  async perMinute(seconds: number): Promise<MainThread> {
    const from = await this.read();
    await new Promise((done) => setTimeout(done, seconds * 1000));
    const to = await this.read();
    const rate = 60 / seconds;
    return { task: (to.task - from.task) * rate, script: (to.script - from.script) * rate, layout: (to.layout - from.layout) * rate };
  }
}
