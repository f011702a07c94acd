// The stand-in CDN's process (cdn/cdn.mjs), inside the server's site of the laboratory.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { LabView } from '../../browser/support/netlab.ts';
import type { EdgeFault } from './recipes.ts';

/** An answer later than this never comes, ms: the first of a content reads 70 MB. */
const ANSWER_TIMEOUT_MS = 30_000;

/** A stream at an edge of its own. */
export interface Stream {
  /** Address of its playlist. */
  stream: string;
  /** Mean rates of its levels, the best first. */
  kbps: number[];
}

/** What an edge has done. */
export interface Counts {
  playlists: number;
  segments: number;
  /** Segments that a fault was done to. */
  hit: number;
}

/** Talks to the process. */
export class Cdn {
  /** Origin of the pages. */
  origin = '';
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Record<string, unknown>) => void>();
  #next = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (!child.stdout) throw new Error('no output');
    createInterface(child.stdout).on('line', (line) => {
      const answer = JSON.parse(line) as Record<string, unknown>;
      this.#waiting.get(answer.id as number)?.(answer);
    });
  }

  /** Starts it where the server stands. */
  static async start(lab: LabView, contents: string): Promise<Cdn> {
    const { address, namespace } = lab.server;
    const script = resolve(import.meta.dirname, '../cdn/cdn.mjs');
    const { cert, key } = lab.certificate;
    const args = [`--net=${namespace}`, '--', process.execPath, script, contents, address, cert, key];
    const cdn = new Cdn(spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    cdn.origin = (await cdn.#ask({ op: 'origin' })).origin as string;
    return cdn;
  }

  /** Opens an edge. */
  async open(of: { content: string; levels: number; begin: number }): Promise<Stream> {
    return (await this.#ask({ op: 'open', ...of })) as unknown as Stream;
  }

  /** A page with these settings; its address. */
  async page(settings: object): Promise<string> {
    return (await this.#ask({ op: 'page', settings })).url as string;
  }

  /** Switches a fault on; on when it returns. */
  async fault(stream: string, fault: (EdgeFault & { seed: number }) | null): Promise<void> {
    await this.#ask({ op: 'fault', stream, fault });
  }

  /** What an edge did so far. */
  async counts(stream: string): Promise<Counts> {
    return (await this.#ask({ op: 'counts', stream })).counts as Counts;
  }

  /** Closes an edge. */
  async close(stream: string): Promise<void> {
    await this.#ask({ op: 'close', stream });
  }

  /** Ends it. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await gone;
  }

  async #ask(request: object): Promise<Record<string, unknown>> {
    const id = this.#next;
    this.#next += 1;
    const answered = new Promise<Record<string, unknown>>((done, late) => {
      const timer = setTimeout(
        () => late(new Error(`the CDN does not answer ${JSON.stringify(request)}`)),
        ANSWER_TIMEOUT_MS,
      );
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        done(answer);
      });
    });
    this.#child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    const answer = await answered;
    if (answer.error) throw new Error(String(answer.error));
    return answer;
  }
}
