// `npm run artifacts`: makes the clips, has the detectors judge them in Chromium, and prints precision and recall by class and
// what a frame costs. `--half tune|check|report` (report), `--match WORD` for some clips, `--played` to let Chromium decode and play
// those it can, through the watch of the pages, `--node` to judge in Node.js, `--json FILE` for everything,
// `--prepare` makes the clips and ends.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { browser } from './browser.mjs';
import { clip, clips, labelHolds } from './clips.mjs';
import { node } from './node.mjs';
import { CLASSES, raised, secondsOf } from './rules.mjs';
import { mediaDigest, SOURCES } from './sources.mjs';

const { values } = parseArgs({
  options: {
    half: { type: 'string', default: 'report' },
    match: { type: 'string', default: '' },
    prepare: { type: 'boolean', default: false },
    played: { type: 'boolean', default: false },
    node: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

/** Names that Chromium plays. */
const PLAYABLE = /\.(mp4|webm)$/;
const chosen = clips(values.half).filter(({ id }) => id.includes(values.match) && (!values.played || PLAYABLE.test(id)));
/** Of played clips, one of each recipe: they take their time. */
const list = values.played ? [...new Map(chosen.map((one) => [one.recipe, one])).values()] : chosen;
const files = new Map();
let left = 0;
for (const one of list) {
  if (await labelHolds(one)) files.set(one.id, await clip(one));
  else left++;
}

if (values.prepare) process.exit(0);
const mediaDigestText = await mediaDigest();
const host = await (values.node ? node : browser)(async (id) => files.get(id));
const results = [];
try {
  for (const one of list) {
    if (!files.has(one.id)) continue;
    results.push({ ...one, ...(await judged(one.id)) });
  }
} finally {
  await host.close();
}
report(results);
if (values.json) writeFileSync(values.json, JSON.stringify(results));

async function judged(id) {
  if (values.played) {
    const { seconds, cost, error } = await host.play(id);
    return { seconds, raised: raised(seconds), cost, error };
  }
  const { frames } = await host.judge(id);
  const seconds = secondsOf(frames);
  return { seconds, raised: raised(seconds), costs: frames.map(({ cost_ms }) => cost_ms) };
}

function report(all) {
  const clean = all.filter(({ label }) => label === null);
  console.log(`${all.length} clips of the part "${values.half}", ${clean.length} of them clean; ${left} left out, since nothing is seen in them`);
  console.log(`${host.name}, ${cpus().length} cores; sources ${mediaDigestText}`);
  console.log('| class | clips with it | found | precision | recall | false in |');
  console.log('|---|---|---|---|---|---|');
  for (const name of CLASSES) console.log(line(all, name));
  costs(all);
}

function line(all, name) {
  const has = all.filter(({ label }) => label === name);
  const found = has.filter((one) => one.raised.includes(name));
  const wrong = all.filter((one) => one.label !== name && !one.ignore.includes(name) && one.raised.includes(name));
  const missed = has.filter((one) => !one.raised.includes(name));
  const share = (part, whole) => (whole === 0 ? '–' : (part / whole).toFixed(3));
  if (missed.length > 0) console.error(`${name} missed: ${missed.map(({ id }) => id).join(' ')}`);
  const precision = share(found.length, found.length + wrong.length);
  return `| ${name} | ${has.length} | ${found.length} | ${precision} | ${share(found.length, has.length)} | ${wrong.map(({ id }) => id).join(', ') || '–'} |`;
}

function costs(all) {
  if (values.played) {
    const sum = (key) => all.reduce((total, { cost }) => total + cost[key], 0);
    const frames = Math.max(1, sum('frames'));
    console.log(`per inspected frame: ${(sum('workerMs') / frames).toFixed(2)} ms in the worker, ${(sum('pageMs') / frames).toFixed(2)} ms on the page's thread; ${frames} frames`);
    for (const { id, error } of all) if (error) console.error(`${id}: ${error}`);
    return;
  }
  const large = ({ source }) => SOURCES[source].size !== undefined;
  for (const [what, some] of [['640×360', all.filter((one) => !large(one))], ['1280×720', all.filter(large)]]) {
    const sorted = some.flatMap(({ costs }) => costs).sort((a, b) => a - b);
    if (sorted.length === 0) continue;
    const at = (share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(2);
    console.log(`per inspected frame of ${what}: median ${at(0.5)} ms, p95 ${at(0.95)} ms (${values.node ? 'processor time' : 'clock time in the worker'}); ${sorted.length} frames`);
  }
}
