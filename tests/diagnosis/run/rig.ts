// Everything that runs are recorded in: a laboratory with seats, the stand-in CDN, and a group of processes that goes before
// other work of the machine.

import { line, Netlab } from '../../browser/support/netlab.ts';
import { makeContents } from '../cdn/contents.mjs';
import { Cdn } from './cdn.ts';
import { Group, sweepGroups } from './machine.ts';
import { Seat } from './seat.ts';

type Browser = Awaited<ReturnType<Netlab['launch']>>;

/** A rig. */
export class Rig {
  readonly seats: Seat[];
  readonly lab: Netlab;
  readonly cdn: Cdn;
  readonly #group: Group;
  #agent: Promise<Browser> | null = null;

  private constructor(lab: Netlab, cdn: Cdn, group: Group, seats: number) {
    this.lab = lab;
    this.cdn = cdn;
    this.#group = group;
    this.seats = Array.from({ length: seats }, (_, n) => new Seat(lab, cdn, n));
  }

  /** Starts one with so many seats; `cache` keeps the contents, of which `contents` are made if they are not there. */
  static async start(of: { seats: number; seed: number; cache: string; contents: string[] }): Promise<Rig> {
    const contents = await makeContents(of.cache, of.contents, (text) => console.log(text));
    sweepGroups();
    const group = new Group(`sightline-corpus-${process.pid}-rig`);
    group.take(process.pid);
    const names = Array.from({ length: of.seats }, (_, n) => [`seat${n}`, `desk${n}`]).flat();
    const lab = await Netlab.start({ sites: Object.fromEntries(names.map((name) => [name, line(40)])), seed: of.seed });
    // Servers look at streams themselves: they are to trust the laboratory's certificate as if an authority had signed it.
    process.env.SSL_CERT_FILE = lab.view.certificate.cert;
    return new Rig(lab, await Cdn.start(lab.view, contents), group, of.seats);
  }

  /** A browser where the first agent sits. */
  agentBrowser(): Promise<Browser> {
    this.#agent ??= this.lab.launch('desk0');
    return this.#agent;
  }

  /** Ends it. */
  async dispose(): Promise<void> {
    await (await this.#agent)?.close();
    for (const seat of this.seats) await seat.close();
    await this.cdn.end();
    await this.lab.dispose();
    await this.#group.dissolve();
  }
}
