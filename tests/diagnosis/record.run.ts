// The recorder: records the plan's runs that are missing, several at once, and says how it goes.

import { test } from '../browser/support/fixtures.ts';
import { FREE_MIN, watchIdle } from './run/machine.ts';
import { Manifest, type Run, splitOf } from './run/manifest.ts';
import { plan, type Recipe } from './run/recipes.ts';
import { Rig } from './run/rig.ts';
import type { Seat } from './run/seat.ts';

/** A run that failed is tried so often in all; then it is left out, and said. */
const TRIES = 3;
/** How long the machine is looked at before a control, ms. */
const QUIET_MS = 2_000;

const asked = {
  n: Number(process.env.CORPUS_N ?? 24),
  seed: Number(process.env.CORPUS_SEED ?? 1),
  families: (process.env.CORPUS_FAMILIES ?? '').split(',').filter(Boolean),
  seats: Number(process.env.CORPUS_SEATS ?? 3),
  /** Runs recorded now at most: somebody else wants the machine, too. */
  most: Number(process.env.CORPUS_MOST || Number.POSITIVE_INFINITY),
  /** Of the plan's first `n` only those of this half: more of it are needed, and the other would cost as long again. */
  half: process.env.CORPUS_HALF ?? '',
  out: process.env.CORPUS_OUT ?? '',
  cache: process.env.CORPUS_CACHE ?? '',
};

/** Whether a control would count: as free as the machine is now it stays for most of a run. */
async function isQuiet(): Promise<boolean> {
  if (process.env.CORPUS_BUSY) return true;
  const idle = watchIdle();
  await new Promise((done) => setTimeout(done, QUIET_MS));
  const { idle: free, nice } = idle();
  return free + nice >= FREE_MIN;
}

function missing(manifest: Manifest): Recipe[] {
  const recipes: Recipe[] = [];
  let place = 0;
  for (const recipe of plan(asked.seed, asked.families)) {
    if (place >= asked.n || recipes.length >= asked.most) return recipes;
    place += 1;
    if (asked.half && splitOf(recipe) !== asked.half) continue;
    if (!manifest.has(recipe)) recipes.push(recipe);
  }
  return recipes;
}

function tell(run: Run, left: number, etaS: number): void {
  const { family, severity, content, effect, machine, id } = run;
  const figures = [
    `still ${(effect.stoodStillMs ?? 0) / 1_000} s`,
    `hit ${effect.hit}`,
    `idle ${machine.idle}+${machine.nice}`,
  ];
  const minutes = Math.round(etaS / 60);
  console.log(
    `${id} ${family}/${severity}/${content}: ${figures.join(', ')}, ${effect.browserCores} cores; ${left} left, ${minutes} min`,
  );
}

test('records what is missing', async () => {
  const manifest = await Manifest.open(asked.out);
  const recipes = missing(manifest);
  const all = recipes.length;
  console.log(`${all} runs to record`);
  if (all === 0) return;
  const contents = [...new Set(recipes.map(({ content }) => content))];
  const crowds = recipes.some(({ crowd }) => crowd);
  const seats = crowds ? asked.seats : Math.min(asked.seats, all);
  const rig = await Rig.start({ seats, seed: asked.seed, cache: asked.cache, contents });
  const beganMs = Date.now();
  const failures: string[] = [];
  let [done, heavy] = [0, false];
  const next = (): Recipe | undefined => {
    const at = recipes.findIndex((recipe) => !(recipe.heavy && heavy));
    return at < 0 ? recipes.shift() : recipes.splice(at, 1)[0];
  };
  const tries = new Map<Recipe, number>();
  const recorded = async (seat: Seat, recipe: Recipe) => {
    if (recipe.label === 'none_observed' && !(await isQuiet())) {
      const seen = tries.get(recipe) ?? 0;
      tries.set(recipe, seen + 1);
      // Other runs first; at the end it is left for a quieter hour.
      if (seen + 1 < TRIES) recipes.push(recipe);
      else console.log(`${recipe.family}/${recipe.severity}/${recipe.content}: left out, the machine is busy`);
      return;
    }
    try {
      // A crowd takes all seats; such runs are asked for by themselves.
      const companions = recipe.crowd ? rig.seats.filter((other) => other !== seat) : [];
      const { run, trace } = await seat.record(recipe, companions);
      await manifest.add(run, trace);
      done += 1;
      tell(run, all - done, ((Date.now() - beganMs) / 1_000 / done) * (all - done));
    } catch (error) {
      const tried = (tries.get(recipe) ?? 0) + 1;
      tries.set(recipe, tried);
      console.log(`${recipe.family}/${recipe.severity}/${recipe.content}: ${error}`);
      // At the end of the line: the machine may be quieter then.
      if (tried < TRIES) recipes.push(recipe);
      else failures.push(recipe.family);
    }
  };
  let [running, alone] = [0, false];
  const nap = () => new Promise((done) => setTimeout(done, 200));
  const work = async (seat: Seat) => {
    for (let recipe = next(); recipe; recipe = next()) {
      if (recipe.heavy) heavy = true;
      // A call with a busy core beside it needs the machine for itself: else both runs have the neighbour's fault, too.
      const needsAll = recipe.heavy && recipe.call;
      while (alone) await nap();
      alone = needsAll;
      while (needsAll && running > 0) await nap();
      running += 1;
      await recorded(seat, recipe);
      running -= 1;
      if (needsAll) alone = false;
      if (recipe.heavy) heavy = false;
    }
  };
  try {
    await Promise.all((crowds ? rig.seats.slice(0, 1) : rig.seats).map(work));
  } finally {
    await rig.dispose();
  }
  if (failures.length > 0) throw new Error(`not recorded: ${failures.join(', ')}`);
});
