// A conversation's entries at a client: merged by sequence number, without doubles, without holes.

import type { Entry } from '../protocol/generated.ts';

/** Result of merging. `hole` means that something between is missing and must be asked for again. */
export interface Merged {
  entries: readonly Entry[];
  hole: boolean;
}

/** The highest sequence number held; 0 for none. */
export function lastSeq(entries: readonly Entry[]): number {
  return entries.at(-1)?.seq ?? 0;
}

/**
 * Appends `incoming` (ascending) to `held` (ascending). Entries already held are dropped. What comes after a hole is not
 * taken: the server sends it again after the resume.
 */
export function mergeEntries(held: readonly Entry[], incoming: readonly Entry[]): Merged {
  let last = lastSeq(held);
  const added: Entry[] = [];
  for (const entry of incoming) {
    if (entry.seq <= last) continue;
    if (entry.seq !== last + 1) return { entries: added.length ? [...held, ...added] : held, hole: true };
    added.push(entry);
    last = entry.seq;
  }
  return { entries: added.length ? [...held, ...added] : held, hole: false };
}
