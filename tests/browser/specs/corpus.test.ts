// Runs of the corpus recorded anew, end to end: real Chromium over the laboratory, a fault that is really there, the ticket's
// telemetry, and the verdict that the command line gives on it.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Recipe, recipeOf } from '../../diagnosis/run/recipes.ts';
import { Rig } from '../../diagnosis/run/rig.ts';
import { expect, test } from '../support/fixtures.ts';
import { needNetlab } from '../support/netlab.ts';
import { REPOSITORY, serverBinary } from '../support/server.ts';

/** Where contents are kept between runs of the tests. */
const CACHE = process.env.CORPUS_CACHE ?? resolve(REPOSITORY, 'target/corpus-contents');
/** A run takes a minute; the content is made once, which takes another. */
const TIMEOUT_MS = 300_000;

const run = promisify(execFile);

test.beforeEach(needNetlab);

/** What `sightline diagnose` says of a trace. */
async function verdict(trace: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-corpus-'));
  try {
    const file = join(folder, 'trace.json');
    await writeFile(file, gunzipSync(trace));
    const { stdout } = await run(serverBinary(), ['diagnose', file, '--json']);
    return JSON.parse(stdout).verdict.cause;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const RECIPES: Recipe[] = [
  recipeOf('slow_first_byte', { severity: 3, content: 'sports', seed: 11 }),
  recipeOf('cpu_quota', { severity: 3, content: 'sports', seed: 12 }),
];

test('recorded anew, a slow edge and a slow device are told apart by their traces', async ({ stage }) => {
  test.setTimeout(TIMEOUT_MS);
  const rig = await Rig.start({ seats: RECIPES.length, seed: 7, cache: CACHE, contents: ['sports'] });
  stage.onEnd(() => rig.dispose());
  const said = await Promise.all(
    rig.seats.map(async (seat, n) => verdict((await seat.record(RECIPES[n] as Recipe)).trace)),
  );
  expect(said).toEqual(RECIPES.map(({ label }) => label));
});
