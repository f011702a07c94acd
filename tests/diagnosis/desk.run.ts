// Five viewers with five causes complain at once; an agent's queue is watched. Tells which verdict stands in each row, and how soon
// after the row came: npm run desk [-- --rounds 8].

import { Agent } from '../browser/support/agent.ts';
import { test } from '../browser/support/fixtures.ts';
import { Server } from '../browser/support/server.ts';
import { type Heard, watchQueue } from './run/queue.ts';
import { type Cause, CONTENTS, plan, type Recipe } from './run/recipes.ts';
import { Rig } from './run/rig.ts';
import { type Complaint, serverConfig } from './run/seat.ts';

const ROUNDS = Number(process.env.CORPUS_ROUNDS ?? 8);
const SEED = Number(process.env.CORPUS_SEED ?? 1);
const CACHE = process.env.CORPUS_CACHE ?? '';
/** Viewers have had it for so long when they complain, s. */
const HAD_IT_S = 12;
/** Rows are watched for so long after the last one came, ms. */
const WATCH_MS = 12_000;
/** When a row is looked at, ms after it came (issue 5: 2 s, 5 s with the line's check). */
const LOOKS_MS = [2_000, 5_000, 10_000];

/** Families by cause; a round takes the next of each. */
const FAMILIES: [Cause, string[]][] = [
  ['viewer_network', ['rate_limit', 'loss_random', 'loss_bursty', 'bufferbloat']],
  ['viewer_device', ['cpu_quota', 'busy_main']],
  ['platform_delivery', ['slow_first_byte', 'missing_segments', 'edge_stall', 'throttled_edge', 'broken_segments']],
  ['platform_source', ['source_black', 'source_damaged', 'source_frozen', 'source_stopped']],
  ['none_observed', ['clean', 'clean_far', 'clean_slow', 'clean_mobile']],
];

/** A family's recipe for a round: one whose viewer suffers before complaining. */
function recipeFor(families: string[], round: number): Recipe {
  const family = families[round % families.length] as string;
  let left = Math.floor(round / families.length);
  for (const recipe of plan(SEED + 100, [family])) {
    if (recipe.faultAfterS === 0 || recipe.chatAfterS < HAD_IT_S) continue;
    if (left === 0) return recipe;
    left -= 1;
  }
  throw new Error(`no recipe of ${family}`);
}

interface Row extends Heard {
  recipe: Recipe;
}

/** A round: a server, five viewers, an agent who looks on. */
async function played(rig: Rig, round: number): Promise<Row[]> {
  const recipes = FAMILIES.map(([, families]) => recipeFor(families, round));
  const streams = await Promise.all(
    recipes.map(({ content, levels, begin }) => rig.cdn.open({ content, levels, begin })),
  );
  const server = await Server.start({
    demo: false,
    place: rig.lab.place,
    config: serverConfig(rig.cdn.origin, streams),
  });
  const complaints: Complaint[] = [];
  try {
    const account = { login: 'desk', password: 'correct horse battery', name: 'Robin Vale' };
    await server.addAgent(account);
    const context = await (await rig.agentBrowser()).newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' });
    const agent = new Agent(await context.newPage());
    await agent.signIn(server.url, account);
    const heard = await watchQueue(agent);
    const complaining = recipes.map(async (recipe, place) => {
      const [seat, stream] = [rig.seats[place], streams[place]];
      if (!seat || !stream) throw new Error('a seat for each cause');
      const complaint = await seat.complain(recipe, stream, server);
      complaints.push(complaint);
      return complaint.ticket;
    });
    const tickets = await Promise.all(complaining);
    await new Promise((done) => setTimeout(done, WATCH_MS));
    const rows = await heard();
    await context.close();
    return recipes.map((recipe, place) => {
      const row = rows.find(({ ticket }) => ticket === tickets[place]);
      if (!row) throw new Error(`no row of ticket ${tickets[place]}`);
      return { recipe, ...row };
    });
  } finally {
    for (const { end } of complaints) await end();
    await server.dispose();
    for (const { stream } of streams) await rig.cdn.close(stream);
  }
}

/** What stood in a row so long after it came. */
function at({ came, said }: Heard, afterMs: number): string {
  return said.filter((one) => one.at <= came + afterMs).at(-1)?.cause ?? 'nothing';
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

test('five causes at once', async () => {
  const rig = await Rig.start({ seats: FAMILIES.length, seed: SEED, cache: CACHE, contents: [...CONTENTS] });
  const rows: Row[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const played_ = await played(rig, round).catch((error: unknown) => {
        console.log(`round ${round}: ${error}`);
        return [];
      });
      rows.push(...played_);
      for (const row of played_) {
        const looks = LOOKS_MS.map((ms) => `${ms / 1_000} s ${at(row, ms)}`).join(', ');
        console.log(`${row.recipe.family}/${row.recipe.severity}/${row.recipe.content}: ${row.recipe.label}: ${looks}`);
      }
    }
  } finally {
    await rig.dispose();
  }
  for (const ms of LOOKS_MS) {
    const right = rows.filter((row) => at(row, ms) === row.recipe.label).length;
    console.log(`right ${ms / 1_000} s after the row came: ${right} of ${rows.length}`);
  }
  const first = rows.map(({ came, said }) => (said[0]?.at ?? Number.POSITIVE_INFINITY) - came);
  const right = rows.map(
    (row) => row.said.filter(({ cause }) => cause === row.recipe.label)[0]?.at ?? Number.POSITIVE_INFINITY,
  );
  const rightAfter = rows.map((row, n) => Math.max(0, (right[n] ?? Number.POSITIVE_INFINITY) - row.came));
  const told = (values: number[]) =>
    `p50 ${Math.round(percentile(values, 0.5))}, p95 ${Math.round(percentile(values, 0.95))} ms`;
  console.log(`first verdict in the row after ${told(first)}; first right one after ${told(rightAfter)}`);
});
