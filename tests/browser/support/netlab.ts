// A network laboratory for a test: sites with lines of their own to the server's site, browsers and servers inside, and the
// lines' settings changed while all of it runs. docs/netlab.md says what the settings mean.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, chromium, test } from '@playwright/test';
import { browserFlags } from './flags.ts';
import { REPOSITORY, type ServerPlace } from './server.ts';

/** Making namespaces takes a second on a busy machine, ms. */
const START_TIMEOUT_MS = 20_000;
/** A laboratory that was asked to end is killed after this long, ms; the next one then clears away. */
const STOP_TIMEOUT_MS = 10_000;

/** Loss in bursts: chances to turn bad and good at each packet, and the share lost in each state. */
export interface GilbertElliott {
  p: number;
  r: number;
  lossGood?: number;
  lossBad?: number;
}

/** One direction of a line. */
export interface LineSettings {
  /** Time on the line, ms. */
  delayMs: number;
  /** At most this much is added, ms: wandering in order, or drawn for each packet with `jitterReorders`. */
  jitterMs: number;
  jitterReorders: boolean;
  /** Share of packets lost, each by itself. */
  loss: number;
  /** Loss in bursts on top. */
  gilbertElliott: GilbertElliott | null;
  /** Share of packets held back by `reorderByMs`. */
  reorder: number;
  reorderByMs: number;
  /** Share of packets that arrive twice. */
  duplicate: number;
  /** Rate limit, bit/s; null: none. */
  rateBps: number | null;
  /** What passes an idle line at once, bytes. */
  burstBytes: number;
  /** What may wait for the rate, bytes. */
  queueBytes: number;
}

/** A change to a site's line; what is not named stays. */
export interface LineChange {
  /** From the site. */
  up?: Partial<LineSettings>;
  /** To the site. */
  down?: Partial<LineSettings>;
  /** Address translation. */
  nat?: boolean;
}

/** What one direction of a line has done; see docs/netlab.md. */
export interface LineCounters {
  packetsIn: number;
  bytesIn: number;
  packetsOut: number;
  bytesOut: number;
  lostRandom: number;
  lostBurst: number;
  droppedQueue: number;
  droppedDown: number;
  droppedOverflow: number;
  duplicated: number;
  reordered: number;
  queueBytes: number;
  queuePackets: number;
  queueBytesMax: number;
  queueDelayMs: number;
  queueDelayMaxMs: number;
  queueDelaySumMs: number;
  flightPackets: number;
  /** Packets released more than 1 ms late: with many, the machine was measured and not the product. */
  late: number;
  lateMaxMs: number;
  lateSumMs: number;
}

/** Counters of all sites. */
export interface Counters {
  unroutable: number;
  untranslated: number;
  refused: number;
  sites: { name: string; up: LineCounters; down: LineCounters }[];
}

interface Place {
  address: string;
  namespace: string;
}

/** The laboratory as it tells of itself. */
export interface LabView {
  id: string;
  seed: number;
  control: string;
  server: Place;
  certificate: { cert: string; key: string; spki: string };
  realTime: boolean;
  sites: (Place & {
    name: string;
    publicAddress: string | null;
    isUp: boolean;
    up: LineSettings;
    down: LineSettings;
  })[];
}

interface Answer {
  ok: boolean;
  error?: string;
  lab?: LabView;
  counters?: Counters;
}

/** A line like many: half the round-trip time each way, and the same of everything else both ways. */
export function line(rttMs: number, both: Partial<LineSettings> = {}): LineChange {
  return { up: { ...both, delayMs: rttMs / 2 }, down: { ...both, delayMs: rttMs / 2 } };
}

/** Skips the test where no laboratory can be started; in CI that is a failure. */
export function needNetlab(): void {
  const obstacle = Netlab.obstacle();
  if (obstacle !== null && process.env.CI) throw new Error(`not skipped in CI: ${obstacle}`);
  test.skip(obstacle !== null, `SKIPPED: ${obstacle}`);
}

/** A running laboratory. */
export class Netlab {
  /** As it was at its start. */
  readonly view: LabView;
  readonly #process: ChildProcess;
  readonly #control: Socket;
  readonly #answers: AsyncIterator<string>;
  readonly #folder: string;
  /** Requests are answered in turn. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(view: LabView, process: ChildProcess, control: Socket, folder: string) {
    this.view = view;
    this.#process = process;
    this.#control = control;
    this.#answers = createInterface(control)[Symbol.asyncIterator]();
    this.#folder = folder;
  }

  /** Why no laboratory can be started here, if so. */
  static obstacle(): string | null {
    if (process.getuid?.() !== 0) return 'network namespaces need root';
    const inPath = (program: string) =>
      (process.env.PATH ?? '').split(delimiter).some((folder) => usable(join(folder, program), constants.X_OK));
    if (!inPath('ip') || !inPath('nsenter')) return 'ip (iproute2) or nsenter (util-linux) is not there';
    return usable('/dev/net/tun', constants.R_OK | constants.W_OK) ? null : 'no TUN devices here';
  }

  /** Starts one with these sites beside the server's. It ends with this process, however that ends. */
  static async start({ sites, seed = 1 }: { sites: Record<string, LineChange>; seed?: number }): Promise<Netlab> {
    const program = process.env.NETLAB_BIN ?? resolve(REPOSITORY, 'target/debug/netlab');
    if (!usable(program, constants.X_OK)) {
      throw new Error(`the laboratory (${program}) is not there: cargo build --package sightline-netlab`);
    }
    const names = Object.keys(sites).flatMap((name) => ['--site', name]);
    const args = ['run', '--json', '--until-stdin-closes', '--seed', String(seed), ...names];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const view = await firstLine(child);
    const control = createConnection(view.control);
    await once(control, 'connect');
    const folder = await mkdtemp(join(tmpdir(), 'sightline-netlab-'));
    const lab = new Netlab(view, child, control, folder);
    for (const [name, change] of Object.entries(sites)) await lab.set(name, change);
    return lab;
  }

  /** Where a server runs: `stage.server({ place: lab.place })`. */
  get place(): ServerPlace {
    return { ...this.view.server, certificate: this.view.certificate };
  }

  /** Changes a site's line; in force when it returns. */
  async set(site: string, change: LineChange): Promise<void> {
    await this.#ask({ op: 'set', site, ...change });
  }

  /** The laboratory as it is now. */
  async get(): Promise<LabView> {
    const { lab } = await this.#ask({ op: 'get' });
    if (!lab) throw new Error('an answer without the laboratory');
    return lab;
  }

  /** Counters, set to zero afterwards if asked. */
  async counters({ reset = false } = {}): Promise<Counters> {
    const { counters } = await this.#ask({ op: 'counters', reset });
    if (!counters) throw new Error('an answer without counters');
    return counters;
  }

  /** Cuts a site's line. With `carrier` the site's device shows it, as with a pulled cable. */
  async down(site: string, { carrier = false } = {}): Promise<void> {
    await this.#ask({ op: 'down', site, carrier });
  }

  /** Mends it. */
  async up(site: string): Promise<void> {
    await this.#ask({ op: 'up', site });
  }

  /** New public ports for a site behind address translation; also for TCP, or another public address. */
  async rebind(site: string, { tcp = false, address = false } = {}): Promise<void> {
    await this.#ask({ op: 'rebind', site, tcp, address });
  }

  /**
   * A program that runs the browser inside a site, to be used as its executable. `before` is a line of shell that is run first
   * by the process that becomes the browser.
   */
  async browserPath(
    site: string,
    program = process.env.CHROMIUM ?? '/usr/bin/chromium',
    before = ':',
  ): Promise<string> {
    const path = join(this.#folder, `${site}-${program.replaceAll('/', '-')}`);
    await writeFile(path, `#!/bin/sh\n${before}\nexec nsenter --net='${this.#namespace(site)}' -- '${program}' "$@"\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** Chromium inside a site, with the flags of all tests, that takes the laboratory's certificate as valid. */
  async launch(site: string, flags: string[] = [], before?: string): Promise<Browser> {
    const trust = `--ignore-certificate-errors-spki-list=${this.view.certificate.spki}`;
    const executablePath = await this.browserPath(site, undefined, before);
    return chromium.launch({ executablePath, args: [...browserFlags(), trust, ...flags] });
  }

  /** Starts a program inside a site; the process is the program's own. */
  spawn(site: string, program: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    return spawn('nsenter', [`--net=${this.#namespace(site)}`, '--', program, ...args], options);
  }

  /** Ends it, with all that runs inside. */
  async dispose(): Promise<void> {
    this.#control.destroy();
    await rm(this.#folder, { recursive: true, force: true });
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.stdin?.end();
    const late = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(late);
  }

  #namespace(site: string): string {
    const place = site === 'server' ? this.view.server : this.view.sites.find(({ name }) => name === site);
    if (!place) throw new Error(`no site ${site}`);
    return place.namespace;
  }

  #ask(request: object): Promise<Answer> {
    const answer = this.#turn.then(async () => {
      this.#control.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await this.#answers.next();
      if (done) throw new Error('the laboratory has ended');
      return JSON.parse(value) as Answer;
    });
    this.#turn = answer.catch(() => {});
    return answer.then((one) => {
      if (!one.ok) throw new Error(`the laboratory refuses: ${one.error}`);
      return one;
    });
  }
}

/** What the laboratory says of itself when it is ready. */
async function firstLine(child: ChildProcess): Promise<LabView> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('no output');
  let errors = '';
  stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const late = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  try {
    const line = await new Promise<string>((found, ended) => {
      createInterface(stdout).once('line', found);
      child.once('error', ended);
      child.once('exit', (code) => ended(new Error(`the laboratory has ended with ${code}: ${errors.trim()}`)));
    });
    return JSON.parse(line) as LabView;
  } finally {
    clearTimeout(late);
  }
}

function usable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
