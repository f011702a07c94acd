// The machine under a recording: a group of processes whose share of the processor is set, and how much of it was idle.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where groups are made (cgroup v1; v2 has both in one tree). */
const CPU_V1 = '/sys/fs/cgroup/cpu';
/** Where v1 counts what groups use. */
const COUNT_V1 = '/sys/fs/cgroup/cpuacct';
const CPU_V2 = '/sys/fs/cgroup';
/** Length of a period in which a quota is spent, µs: the kernel's default. */
const PERIOD_US = 100_000;
/** Weight against other processes of the machine: a group counts as one process of weight 1,024 otherwise. */
const SHARES = 16_384;
/** The group is empty a moment after its last process. */
const REMOVE_TRIES = 50;

/** Share of the processors that must be free during a control, 0 to 1: else the machine itself is the fault. */
export const FREE_MIN = 0.4;

/** Removes the groups that recorders left behind which were killed. */
export function sweepGroups(): void {
  for (const root of [CPU_V1, COUNT_V1, CPU_V2]) {
    const names = exists(join(root, 'cgroup.procs')) ? readdirSync(root) : [];
    for (const name of names) {
      const pid = /^sightline-corpus-(\d+)-/.exec(name)?.[1];
      if (pid === undefined || exists(`/proc/${pid}/stat`)) continue;
      try {
        rmdirSync(join(root, name));
      } catch {
        // Something still runs in it.
      }
    }
  }
}

/** A browser's processes. */
export class Group {
  readonly #path: string;
  /** Where what it used is told: another tree, or the same. */
  readonly #counted: string;
  readonly #isV1: boolean;

  constructor(name: string) {
    this.#isV1 = exists(join(CPU_V1, 'cpu.cfs_quota_us')) || exists(join(CPU_V1, 'cpu.shares'));
    this.#path = join(this.#isV1 ? CPU_V1 : CPU_V2, name);
    this.#counted = this.#isV1 ? join(COUNT_V1, name) : this.#path;
    for (const path of [this.#path, this.#counted]) mkdirSync(path, { recursive: true });
    if (this.#isV1) writeFileSync(join(this.#path, 'cpu.shares'), String(SHARES));
    else writeFileSync(join(this.#path, 'cpu.weight'), '1000');
  }

  /** A line of shell by which a process joins. */
  get join(): string {
    return [this.#path, this.#counted].map((path) => `echo $$ > '${path}/cgroup.procs'`).join('; ');
  }

  /** Takes a process in, with all its threads; children that it starts later come along. */
  take(pid: number): void {
    for (const path of new Set([this.#path, this.#counted])) writeFileSync(join(path, 'cgroup.procs'), String(pid));
  }

  /** Gives it so much of one core; null: all it wants. */
  quota(share: number | null): void {
    const us = share === null ? -1 : Math.round(share * PERIOD_US);
    if (this.#isV1) writeFileSync(join(this.#path, 'cpu.cfs_quota_us'), String(us));
    else writeFileSync(join(this.#path, 'cpu.max'), `${us < 0 ? 'max' : us} ${PERIOD_US}`);
  }

  /** Processor time used so far, s. */
  usedS(): number {
    if (!this.#isV1) {
      const us = /usage_usec (\d+)/.exec(readFileSync(join(this.#path, 'cpu.stat'), 'utf8'))?.[1];
      return Number(us) / 1e6;
    }
    return Number(readFileSync(join(this.#counted, 'cpuacct.usage'), 'utf8')) / 1e9;
  }

  /** Lets its processes go where they came from, and removes it. */
  async dissolve(): Promise<void> {
    for (const path of new Set([this.#path, this.#counted])) {
      const pids = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
      for (const pid of pids) writeFileSync(join(dirname(path), 'cgroup.procs'), pid);
    }
    await this.remove();
  }

  /** Removes it when its last process is gone. */
  async remove(): Promise<void> {
    for (let n = 0; n < REMOVE_TRIES; n += 1) {
      try {
        for (const path of new Set([this.#path, this.#counted]))
          if (exists(join(path, 'cgroup.procs'))) rmdirSync(path);
        return;
      } catch {
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  }
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Shares of the processors' time, 0 to 1: idle, and used by what runs with low priority. */
export interface Idle {
  idle: number;
  nice: number;
}

/** Measures from now until the returned function is called. */
export function watchIdle(): () => Idle {
  const before = ticks();
  return () => {
    const after = ticks();
    const spent = after.map((value, n) => value - (before[n] ?? 0));
    const all = spent.reduce((sum, value) => sum + value, 0) || 1;
    const round = (value = 0) => Math.round((value / all) * 1_000) / 1_000;
    return { idle: round((spent[3] ?? 0) + (spent[4] ?? 0)), nice: round(spent[1]) };
  };
}

/** user, nice, system, idle, iowait, irq, softirq, steal of all processors. */
function ticks(): number[] {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  return line.trim().split(/\s+/).slice(1, 9).map(Number);
}
