// The recorder: makes the contents, starts the laboratory, and records the plan's runs that are missing, several at once.

import { test } from '../browser/support/fixtures.ts';
import { line, Netlab } from '../browser/support/netlab.ts';
import { makeContents } from './cdn/contents.mjs';
import { Cdn } from './run/cdn.ts';
import { Group } from './run/machine.ts';
import { Manifest, type Run } from './run/manifest.ts';
import { plan, type Recipe } from './run/recipes.ts';
import { Seat } from './run/seat.ts';

/** A run that failed is tried so often in all; then it is left out, and said. */
const TRIES = 2;

const asked = {
  n: Number(process.env.CORPUS_N ?? 24),
  seed: Number(process.env.CORPUS_SEED ?? 1),
  families: (process.env.CORPUS_FAMILIES ?? '').split(',').filter(Boolean),
  seats: Number(process.env.CORPUS_SEATS ?? 3),
  /** Runs recorded now at most: somebody else wants the machine, too. */
  most: Number(process.env.CORPUS_MOST || Number.POSITIVE_INFINITY),
  out: process.env.CORPUS_OUT ?? '',
  cache: process.env.CORPUS_CACHE ?? '',
};

function missing(manifest: Manifest): Recipe[] {
  const recipes: Recipe[] = [];
  let place = 0;
  for (const recipe of plan(asked.seed, asked.families)) {
    if (place >= asked.n || recipes.length >= asked.most) return recipes;
    place += 1;
    if (!manifest.has(recipe)) recipes.push(recipe);
  }
  return recipes;
}

function tell(run: Run, left: number, etaS: number): void {
  const { family, severity, content, effect, machine, id } = run;
  const figures = [`still ${(effect.stoodStillMs ?? 0) / 1_000} s`, `hit ${effect.hit}`, `idle ${machine.idle}+${machine.nice}`];
  const minutes = Math.round(etaS / 60);
  console.log(`${id} ${family}/${severity}/${content}: ${figures.join(', ')}, ${effect.browserCores} cores; ${left} left, ${minutes} min`);
}

test('records what is missing', async () => {
  const contents = await makeContents(asked.cache, undefined, (text) => console.log(text));
  const manifest = await Manifest.open(asked.out);
  const recipes = missing(manifest);
  console.log(`${recipes.length} runs to record`);
  if (recipes.length === 0) return;
  const numbers = Array.from({ length: Math.min(asked.seats, recipes.length) }, (_, n) => n);
  const sites = Object.fromEntries(numbers.flatMap((n) => [[`seat${n}`, line(40)], [`desk${n}`, line(30)]]));
  // Lines, edges and servers go before other work of the machine, as browsers do in groups of their own.
  const rig = new Group(`sightline-corpus-${process.pid}-rig`);
  rig.take(process.pid);
  const lab = await Netlab.start({ sites, seed: asked.seed });
  const cdn = await Cdn.start(lab.view, contents);
  const seats = numbers.map((n) => new Seat(lab, cdn, n));
  const beganMs = Date.now();
  const all = recipes.length;
  const failures: string[] = [];
  let [done, heavy] = [0, false];
  const next = (): Recipe | undefined => {
    const at = recipes.findIndex((recipe) => !(recipe.heavy && heavy));
    return at < 0 ? recipes.shift() : recipes.splice(at, 1)[0];
  };
  const work = async (seat: Seat) => {
    for (let recipe = next(); recipe; recipe = next()) {
      if (recipe.heavy) heavy = true;
      for (let tried = 1; tried <= TRIES; tried += 1) {
        try {
          const { run, trace } = await seat.record(recipe);
          await manifest.add(run, trace);
          done += 1;
          tell(run, all - done, ((Date.now() - beganMs) / 1_000 / done) * (all - done));
          break;
        } catch (error) {
          console.log(`${recipe.family}/${recipe.severity}/${recipe.content}: ${error}`);
          if (tried === TRIES) failures.push(recipe.family);
        }
      }
      if (recipe.heavy) heavy = false;
    }
  };
  try {
    await Promise.all(seats.map(work));
  } finally {
    for (const seat of seats) await seat.close();
    await cdn.end();
    await lab.dispose();
    await rig.dissolve();
  }
  if (failures.length > 0) throw new Error(`not recorded: ${failures.join(', ')}`);
});
