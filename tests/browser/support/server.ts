// A real server of its own for each test: started on a free port with a fresh data folder, killed, restarted, and removed
// with everything it wrote.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The repository's root. */
export const REPOSITORY = resolve(import.meta.dirname, '../../..');
/** A server that does not listen by then does not start, ms. */
const START_TIMEOUT_MS = 20_000;
/** A server that was asked to stop is killed after this long, ms. */
const STOP_TIMEOUT_MS = 15_000;
/** Lines of a server's output kept for the report of a failure. */
const LOG_LINES_MAX = 400;

/** The built server: `SIGHTLINE_BIN`, else the development build. */
export function serverBinary(): string {
  return process.env.SIGHTLINE_BIN ?? resolve(REPOSITORY, 'target/debug/sightline');
}

/** A place in a network laboratory that a server runs in (see netlab.ts). */
export interface ServerPlace {
  /** Address that it listens on, for pages and for media. */
  address: string;
  /** File of the network namespace. */
  namespace: string;
  /** PEM files for that address. */
  certificate: { cert: string; key: string };
}

/** How a server is started. */
export interface ServerOptions {
  /** Demo: live stream, sample tickets, scripted viewers, demo account. Default true. */
  demo?: boolean;
  /** https with a certificate made for this server. */
  tls?: boolean;
  /** Configuration file's text, TOML. */
  config?: string;
  /** Inside a network laboratory, over https. */
  place?: ServerPlace;
}

/** An agent's account. */
export interface Account {
  login: string;
  password: string;
  name: string;
}

/** A server under test. */
export class Server {
  /** Origin, such as `http://127.0.0.1:40123`. Stays the same over restarts. */
  url = '';
  /** Its data folder. */
  readonly data: string;
  /** The bearer key of the REST API. */
  apiKey = '';
  readonly #options: ServerOptions;
  readonly #log: string[] = [];
  #process: ChildProcess | null = null;

  private constructor(options: ServerOptions, data: string) {
    this.#options = options;
    this.data = data;
  }

  /** Starts one. */
  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(options, await mkdtemp(join(tmpdir(), 'sightline-browser-')));
    if (options.tls) await makeCertificate(server.data);
    const config = configOf(options);
    if (config !== undefined) await writeFile(server.#path('config.toml'), config);
    await server.#listen(0);
    return server;
  }

  /** Port it listens on. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Its process, while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Kills it the hard way; returns when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to stop, as an operator does; returns when it has ended, calls that may go on included. */
  async stop(withinMs = STOP_TIMEOUT_MS): Promise<void> {
    await this.#end('SIGTERM', withinMs);
  }

  /** Starts it again on the same port and data. */
  async startAgain(): Promise<void> {
    await this.#listen(this.port);
  }

  /** Ends it and removes its data. */
  async dispose(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.data, { recursive: true, force: true });
  }

  /** Adds an agent. */
  async addAgent(account: Account): Promise<void> {
    const added = run(
      serverBinary(),
      ['user', 'add', '--data', this.#path('data'), '--login', account.login, '--name', account.name, '--password-stdin'],
      { timeout: START_TIMEOUT_MS },
    );
    added.child.stdin?.end(`${account.password}\n`);
    await added;
  }

  /** Its last lines of output. */
  log(): string {
    return this.#log.join('\n');
  }

  #path(name: string): string {
    return join(this.data, name);
  }

  async #listen(port: number): Promise<void> {
    const { demo = true, tls, place } = this.#options;
    const args = ['serve', '--port', String(port), '--data', this.#path('data')];
    if (demo) args.push('--demo');
    if (tls) args.push('--tls-cert', this.#path('cert.pem'), '--tls-key', this.#path('key.pem'));
    if (configOf(this.#options) !== undefined) args.push('--config', this.#path('config.toml'));
    let program = serverBinary();
    if (place) {
      args.push('--bind', place.address, '--tls-cert', place.certificate.cert, '--tls-key', place.certificate.key);
      // Becomes the server: signals reach it.
      args.unshift(`--net=${place.namespace}`, '--', program);
      program = 'nsenter';
    }
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    this.#process = child;
    this.url = await this.#listening(child);
    this.apiKey = (await readFile(this.#path('data/api-key'), 'utf8')).trim();
  }

  #listening(child: ChildProcess): Promise<string> {
    return new Promise((resolved, rejected) => {
      const late = setTimeout(() => rejected(new Error(`the server does not listen:\n${this.log()}`)), START_TIMEOUT_MS);
      const line = (text: string) => {
        this.#log.push(text);
        if (this.#log.length > LOG_LINES_MAX) this.#log.shift();
        const url = /^listening on (\S+)/.exec(text)?.[1];
        if (url === undefined) return;
        clearTimeout(late);
        resolved(url);
      };
      for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', line);
      child.once('exit', (code) => {
        clearTimeout(late);
        rejected(new Error(`the server ended with ${code}:\n${this.log()}`));
      });
    });
  }

  async #end(signal: NodeJS.Signals, withinMs = STOP_TIMEOUT_MS): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), withinMs);
    await gone;
    clearTimeout(late);
  }
}

/** The configuration file's text; in a laboratory clients are told the address that media binds to. */
function configOf({ config, place }: ServerOptions): string | undefined {
  if (!place) return config;
  const bind = `[media]\nbind = "${place.address}"\n`;
  return config?.includes('[media]\n') ? config.replace('[media]\n', bind) : `${config ?? ''}\n${bind}`;
}

/** A certificate for 127.0.0.1 that nobody else trusts; the tests' contexts do not check. */
async function makeCertificate(folder: string): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')],
  ]);
}
