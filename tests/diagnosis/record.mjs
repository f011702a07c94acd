// npm run dumps
// npm run desk -- [--rounds 8] [--seed 1]
// npm run record -- [--n 24] [--seed 1] [--families a,b] [--half reported] [--seats 3] [--most 12] [--out traces] [--cache DIR]
//
// `record` records runs of the plan that `out` does not hold yet, until it holds the plan's first `n`. tests/browser lends its
// Playwright and its support files; docs/diagnosis.md says what is recorded. `desk` lets five viewers complain at once and watches
// the agent's queue; it keeps nothing. `dumps` records files of
// other tools for diagnosis/tests/recorded.rs.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const HERE = import.meta.dirname;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    n: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    families: { type: 'string', default: '' },
    half: { type: 'string', default: '' },
    seats: { type: 'string', default: '3' },
    most: { type: 'string', default: '' },
    // Any word: controls are kept also where the machine was busy; the replay leaves them out.
    busy: { type: 'string', default: '' },
    out: { type: 'string', default: resolve(HERE, 'traces') },
    cache: { type: 'string', default: resolve(HERE, '../../target/corpus-contents') },
  },
});
const env = { ...process.env };
for (const [name, value] of Object.entries(values)) env[`CORPUS_${name.toUpperCase()}`] = value;
const args = [
  'playwright',
  'test',
  '-c',
  resolve(HERE, 'playwright.config.ts'),
  `${positionals[0] ?? 'record'}.run.ts`,
];
const child = spawn('npx', args, { cwd: resolve(HERE, '../browser'), env, stdio: 'inherit' });
child.on('exit', (code) => process.exit(code ?? 1));
