// Where things are, and running a command.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The repository. */
export const REPOSITORY = resolve(import.meta.dirname, '../..');
/** Clips and what they are made of: some gigabytes, made again when they are gone. */
export const CACHE = resolve(process.env.ARTIFACTS_CACHE ?? join(homedir(), '.cache/sightline-artifacts'));

/** A folder in the cache, made. */
export function cached(...parts) {
  const folder = join(CACHE, ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Runs a command to its end; rejects with its last words when it fails. `feed(stdin)` may write to it. */
export function run(command, args, { cwd, feed } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd, stdio: [feed ? 'pipe' : 'ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.on('data', (data) => {
      words = (words + data).slice(-2000);
    });
    child.on('error', failed);
    child.on('close', (code) => (code === 0 ? done() : failed(new Error(`${command} ${args.join(' ')}: ${words}`))));
    if (feed) {
      child.stdin.on('error', () => {});
      Promise.resolve(feed(child.stdin)).then(() => child.stdin.end(), failed);
    }
  });
}

/** ffmpeg, quiet, over the file that is there. */
export const ffmpeg = (args, options) => run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], options);
export const ffmpegFed = (args, feed) => run('ffmpeg', ['-v', 'error', '-y', ...args], { feed });
