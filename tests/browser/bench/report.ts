// Figures of a run as a table of docs/connect-time.md, and as JSON beside it.

import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { REPOSITORY } from '../support/server.ts';
import type { Scenario } from './scenarios.ts';

/** One connect. */
export interface Measured {
  /** Consent to first decoded frame, ms, by the clock of the machine. */
  totalMs: number;
  /** Its width, pixels. */
  width: number;
  /** Capture to first packet at the server, ms: frame wait, encoder, and the way there. */
  upMs: number | null;
  /** Within the server, ms. */
  serverMs: number | null;
  /** Server to decoded frame, ms: the way, the jitter buffer, the decoder. */
  downMs: number | null;
  /** Click to capture, ms. */
  captureMs: number | null;
  /** Consent to full size and low QP, ms; null when it was not reached while the call ran. */
  legibleMs: number | null;
  /** `warm` or `cold`, by the ticket. */
  mode: string;
  codec: string | null;
}

/** What one scenario gave. */
export interface Row {
  scenario: Scenario;
  measured: Measured[];
  failed: number;
}

/** What joining a colleague's call took. */
export interface JoinRow {
  /** For `ONLY=` and the report. */
  name: string;
  network: string;
  /** Promised 95th percentile, ms. */
  markMs: number;
  /** Join click to first decoded frame, ms. */
  totalMs: number[];
  /** Its width, pixels. */
  width: number;
  failed: number;
}

/** What the player did over a time. */
interface PlayerCourse {
  seconds: number;
  stalledMs: number;
  levelDrops: number;
}

/** A thin line: the call's beginning on it, and the player without and with calls. */
export interface ThinRow {
  /** For `ONLY=` and the report. */
  name: string;
  text: string;
  /** Promised 95th percentile of the first frame, ms; null where no call is accepted. */
  markMs: number | null;
  n: number;
  failed: number;
  /** Consent to first decoded frame, ms. */
  firstMs: number[];
  /** Lengths of the uplink's queue in time, from 3 s after the first frame on, ms. */
  queuedMs: number[];
  alone: PlayerCourse;
  withCalls: PlayerCourse;
}

const MEASURED = [`Measured on ${cpus().length} cores; the figures of a row are of one run.`, ''];
const DOC = resolve(REPOSITORY, 'docs/connect-time.md');
const JSON_FILE = resolve(REPOSITORY, 'docs/connect-time.json');
const THIN_FILE = resolve(REPOSITORY, 'docs/thin-line.json');
const JOIN_FILE = resolve(REPOSITORY, 'docs/join-time.json');

/** The value below which the share `p` of the values lies; the nearest rank. */
export function percentile(values: readonly number[], p: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? null;
}

/** Median and 95th percentile in words, ms. */
export function both(values: readonly number[]): string {
  return values.length === 0 ? '–' : `${percentile(values, 0.5)?.toFixed(0)} / ${percentile(values, 0.95)?.toFixed(0)}`;
}

/** Adds a row to what earlier runs found, and writes both files. */
export async function record(row: Row): Promise<void> {
  await publish('table', table(await keep(JSON_FILE, row, ({ scenario }) => scenario.name)));
}

/** The same of joining. */
export async function recordJoin(row: JoinRow): Promise<void> {
  await publish('joins', joinTable(await keep(JOIN_FILE, row, ({ name }) => name)));
}

/** The same of thin lines. */
export async function recordThin(row: ThinRow): Promise<void> {
  await publish('thin', thinTable(await keep(THIN_FILE, row, ({ name }) => name)));
}

/** Puts a row in the place of an earlier one of its name. */
async function keep<T>(file: string, row: T, name: (row: T) => string): Promise<T[]> {
  const kept = JSON.parse(await readFile(file, 'utf8').catch(() => '[]')) as T[];
  const rows = [...kept.filter((one) => name(one) !== name(row)), row];
  await writeFile(file, `${JSON.stringify(rows, null, 1)}\n`);
  return rows;
}

/** Puts a table between its marks in the document. */
async function publish(mark: string, table: string): Promise<void> {
  const text = await readFile(DOC, 'utf8');
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const before = text.slice(0, text.indexOf(begin) + begin.length);
  const after = text.slice(text.indexOf(end));
  await writeFile(DOC, `${before}\n${table}\n${after}`);
}

function joinTable(rows: readonly JoinRow[]): string {
  const head = [...MEASURED, '| network | n | first frame p50 / p95, ms | mark | width |', '|---|---|---|---|---|'];
  const line = ({ network, markMs, totalMs, width, failed }: JoinRow) =>
    `| ${network} | ${totalMs.length}${failed > 0 ? ` (${failed} failed)` : ''} | **${both(totalMs)}** | ${markMs} | ${width} |`;
  return [...head, ...rows.map(line)].join('\n');
}

function thinTable(rows: readonly ThinRow[]): string {
  const head = [
    ...MEASURED,
    '| line | n | first frame p50 / p95, ms | mark | uplink queue p50 / p95, ms | player alone | with calls |',
    '|---|---|---|---|---|---|---|',
  ];
  const course = ({ seconds, stalledMs, levelDrops }: PlayerCourse) =>
    `${stalledMs} ms still, ${levelDrops} smaller pictures in ${seconds} s`;
  const line = ({ text, markMs, n, failed, firstMs, queuedMs, alone, withCalls }: ThinRow) =>
    `| ${text} | ${n}${failed > 0 ? ` (${failed} failed)` : ''} | **${both(firstMs)}** | ${markMs ?? '–'} | ${both(queuedMs)} | ${course(alone)} | ${course(withCalls)} |`;
  return [...head, ...rows.map(line)].join('\n');
}

function table(rows: readonly Row[]): string {
  const head = [
    ...MEASURED,
    '| | network | n | first frame p50 / p95, ms | mark | capture→server | in server | server→decoded | legible p50 / p95, ms | mark | width | codec |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  return [...head, ...rows.map(line)].join('\n');
}

function line({ scenario, measured, failed }: Row): string {
  const of = (pick: (one: Measured) => number | null) =>
    measured.map(pick).filter((value): value is number => value !== null);
  const middle = (pick: (one: Measured) => number | null) => percentile(of(pick), 0.5)?.toFixed(0) ?? '–';
  const legible = of(({ legibleMs }) => legibleMs);
  const n = `${measured.length}${failed > 0 ? ` (${failed} failed)` : ''}`;
  const legibleText = scenario.legibleMs || legible.length > 0 ? `${both(legible)} (${legible.length})` : '–';
  return `| ${scenario.warm ? 'warm' : 'cold'}, ${scenario.content} | ${scenario.network} | ${n} | **${both(of(({ totalMs }) => totalMs))}** | ${scenario.firstFrameMs} | ${middle(({ upMs }) => upMs)} | ${middle(({ serverMs }) => serverMs)} | ${middle(({ downMs }) => downMs)} | ${legibleText} | ${scenario.legibleMs ?? '–'} | ${middle(({ width }) => width)} | ${measured[0]?.codec ?? '–'} |`;
}
