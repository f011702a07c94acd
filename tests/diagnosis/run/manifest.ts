// The list of what is recorded: a line of JSON for each trace, in the order of their recording.

import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Idle } from './machine.ts';
import type { Recipe } from './recipes.ts';

/** A run's line. Times are seconds from the trace's first. */
export interface Run extends Omit<Recipe, 'heavy' | 'demo' | 'crowd'> {
  /** Name of the trace's file. */
  id: string;
  /** Which half it is in: thresholds are tuned on the one, figures are told of the other. */
  split: 'tuning' | 'reported';
  /** When the fault began; absent without one. */
  faultS?: number;
  /** When the chat was opened. */
  chatS: number;
  /** When the recording ended. */
  endS: number;
  /** Of the processors while it was recorded. */
  machine: Idle;
  /** What really happened, by other means than the product's. */
  effect: Record<string, number>;
  /** What it was recorded with. */
  versions: Record<string, string>;
}

/** The name that a recipe's trace has. */
export function idOf({ family, severity, content, seed, call }: Recipe): string {
  return createHash('sha256')
    .update(JSON.stringify([family, severity, content, seed, call]))
    .digest('hex')
    .slice(0, 12);
}

/**
 * The half that a recipe is in, by family, severity and content alone: no combination of the three is in both. Frozen: the Rust
 * side (diagnosis/tests/corpus.rs) has the same rule and fails when a line disagrees.
 */
export function splitOf({
  family,
  severity,
  content,
}: Pick<Recipe, 'family' | 'severity' | 'content'>): 'tuning' | 'reported' {
  const sum = [...family, ...content].reduce<number>((total, letter) => total + letter.charCodeAt(0), severity);
  return sum % 2 === 0 ? 'tuning' : 'reported';
}

/** The recorded runs of a folder. */
export class Manifest {
  readonly folder: string;
  readonly runs: Run[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Reads what is there. */
  static async open(folder: string): Promise<Manifest> {
    await mkdir(folder, { recursive: true });
    const manifest = new Manifest(folder);
    const text = await readFile(join(folder, 'manifest.jsonl'), 'utf8').catch(() => '');
    for (const line of text.split('\n')) if (line) manifest.runs.push(JSON.parse(line) as Run);
    return manifest;
  }

  /** Whether a recipe is recorded. */
  has(recipe: Recipe): boolean {
    const id = idOf(recipe);
    return this.runs.some((run) => run.id === id);
  }

  /** Keeps a trace and its line. */
  async add(run: Run, trace: Buffer): Promise<void> {
    await writeFile(join(this.folder, `${run.id}.json.gz`), trace);
    await appendFile(join(this.folder, 'manifest.jsonl'), `${JSON.stringify(run)}\n`);
    this.runs.push(run);
  }
}
