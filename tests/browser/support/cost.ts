// What the widget costs its host's page: bytes on the wire, long tasks, time of the main thread.

import { type IncomingHttpHeaders, request } from 'node:http';
import type { Browser, CDPSession, Page } from '@playwright/test';

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

/** A task of a page's main thread. */
export interface Task {
  /** Of the processor, ms: the task's own length, whatever else the machine did. */
  cpu: number;
  /** By the clock, ms: what the Long Tasks API of the browser tells. */
  wall: number;
  /** Functions that were called from outside in it: file and ms of the processor. */
  calls: { file: string; cpu: number }[];
}

/** A stretch of time between two marks. */
export interface Phase {
  name: string;
  /** Its longest task; null when there was none. */
  longest: Task | null;
}

/** One event of the browser's trace; times in microseconds. */
interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args: { data?: { url?: string } };
}

/** What is recorded: tasks, calls, and our marks. */
const TRACED = ['-*', 'devtools.timeline', 'disabled-by-default-devtools.timeline', 'blink.user_timing'];
/** Name of our marks in the trace, before a phase's name. */
const MARK = 'task-trace: ';

/** Records the tasks of one page's main thread, by phases. One at a time in a browser. */
export class TaskTrace {
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.#page = page;
  }

  /** Begins; best before the page is loaded. */
  static async start(browser: Browser, page: Page): Promise<TaskTrace> {
    await browser.startTracing(page, { categories: TRACED });
    return new TaskTrace(browser, page);
  }

  /** What happened since the last mark was this. */
  async mark(phase: string): Promise<void> {
    await this.#page.evaluate((name) => performance.mark(name), `${MARK}${phase}`);
  }

  /** Ends, and tells the phases up to the last mark. */
  async stop(): Promise<Phase[]> {
    const { traceEvents } = JSON.parse((await this.#browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
    const marks = traceEvents.filter(({ name }) => name.startsWith(MARK)).sort((a, b) => a.ts - b.ts);
    let from = Number.NEGATIVE_INFINITY;
    return marks.map(({ name, pid, tid, ts: to }) => {
      const own = traceEvents.filter((one) => one.pid === pid && one.tid === tid && one.ts >= from && one.ts < to);
      from = to;
      const tasks = own.filter((one) => one.name === 'RunTask').sort((a, b) => (b.tdur ?? 0) - (a.tdur ?? 0));
      return { name: name.slice(MARK.length), longest: tasks[0] ? taskOf(tasks[0], own) : null };
    });
  }
}

function taskOf(task: TraceEvent, events: TraceEvent[]): Task {
  const ms = (microseconds = 0) => Math.round(microseconds / 100) / 10;
  const calls = events
    .filter(({ name, ts }) => name === 'FunctionCall' && ts >= task.ts && ts < task.ts + (task.dur ?? 0))
    .map(({ args, tdur }) => ({ file: args.data?.url?.split('/').at(-1) ?? '', cpu: ms(tdur) }));
  return { cpu: ms(task.tdur), wall: ms(task.dur), calls };
}

/** Time of a page's main thread, ms a minute. */
export interface MainThread {
  /** All tasks, of the processor: what else the machine does hardly counts. */
  tasks: number;
  /** Scripts alone, by the browser's own figure. */
  scripts: number;
}

/** Measures the main threads of pages of one browser side by side over so many seconds. */
export async function mainThreads(browser: Browser, pages: readonly Page[], seconds: number): Promise<MainThread[]> {
  const meters = await Promise.all(pages.map(scriptMeter));
  await browser.startTracing(pages[0], { categories: ['-*', 'toplevel', 'blink.user_timing'] });
  const mark = (when: string) => Promise.all(pages.map((page, n) => page.evaluate((name) => performance.mark(name), `${MARK}${when}${n}`)));
  await mark('from ');
  const before = await Promise.all(meters.map((meter) => meter()));
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const after = await Promise.all(meters.map((meter) => meter()));
  await mark('to ');
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  return pages.map((_, n) => {
    const [from, to] = ['from ', 'to '].map((when) => traceEvents.find(({ name }) => name === `${MARK}${when}${n}`));
    if (!from || !to) throw new Error('a mark is missing in the trace');
    const micros = traceEvents
      .filter(({ name, pid, tid, ts }) => name === 'ThreadControllerImpl::RunTask' && pid === from.pid && tid === from.tid && ts >= from.ts && ts < to.ts)
      .reduce((sum, { tdur = 0 }) => sum + tdur, 0);
    const rate = 60 / seconds;
    return { tasks: (micros / 1000) * rate, scripts: ((after[n] ?? 0) - (before[n] ?? 0)) * rate };
  });
}

/** Reads how long a page's scripts have run, ms. */
async function scriptMeter(page: Page): Promise<() => Promise<number>> {
  const devtools: CDPSession = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  return async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? 0) * 1000;
  };
}
