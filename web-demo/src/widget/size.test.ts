// Budgets of the widget, gzipped, measured on a build made here.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** What every page of a host carries, bytes. */
const LOADER_MAX = 12 * 1024;
/** What watching the page adds when the page is idle, bytes. */
const WATCH_MAX = 14 * 1024;
/** What opening the chat adds, bytes. */
const CHAT_MAX = 60 * 1024;
/** What the first invitation adds, bytes. */
const CALL_MAX = 20 * 1024;

/** What looking at the player's pictures adds, bytes: the watch with its worker, and the worker's stand-in for other origins. */
const PICTURES_MAX = 15 * 1024;

const root = join(import.meta.dirname, '../..');
let out = '';
let files: Record<'loader' | 'watch' | 'chat' | 'call' | 'pictures', string[]>;

beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'sightline-widget-'));
  execFileSync(process.execPath, ['scripts/build.mjs', '--widget', '--out', out], { cwd: root, stdio: 'pipe' });
  files = JSON.parse(readFileSync(join(out, 'widget-files.json'), 'utf8')) as typeof files;
}, 60_000);

afterAll(() => rmSync(out, { recursive: true, force: true }));

function gzipped(part: keyof typeof files): number {
  return files[part].reduce((sum, file) => sum + gzipSync(readFileSync(join(out, file))).length, 0);
}

it('the loader stays small', () => {
  expect(gzipped('loader')).toBeLessThanOrEqual(LOADER_MAX);
});

it('the watch stays small', () => {
  expect(gzipped('watch')).toBeLessThanOrEqual(WATCH_MAX);
});

it('the chat stays small', () => {
  expect(gzipped('chat')).toBeLessThanOrEqual(CHAT_MAX);
});

it('the call stays small', () => {
  expect(gzipped('call')).toBeLessThanOrEqual(CALL_MAX);
});

it('the loader is a classic script that leaves no name behind', () => {
  const text = readFileSync(join(out, 'widget.js'), 'utf8');
  expect(text).toMatch(/^\(function\(\)\{|^\(\(\)=>\{/);
  expect(/^[\0-\x7f]*$/.test(text)).toBe(true);
  expect(text).not.toMatch(/\bimport\.meta\b|\beval\(|new Function/);
});

it('the detectors of damaged pictures stay small', () => {
  expect(gzipped('pictures')).toBeGreaterThan(0);
  expect(gzipped('pictures')).toBeLessThanOrEqual(PICTURES_MAX);
});
