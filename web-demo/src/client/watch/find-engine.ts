// Finds the object of the player library behind a <video>, without help of the host's page: among the properties of the
// element and among the page's globals. Only plain properties are looked at, so that no getter of the page runs.

import type { Loose } from './engine.ts';
import { videoOf } from './engines.ts';

/** Globals that are looked at; pages of large frameworks have some hundred. */
const GLOBALS_MAX = 1_500;

/** Objects that play into `video`, by their own word. */
export function candidatesFor(video: HTMLVideoElement): unknown[] {
  const found: unknown[] = [];
  for (const place of [video, globalThis]) {
    const names = Object.keys(place).slice(-GLOBALS_MAX);
    for (const name of names) {
      const candidate = plainProperty(place, name);
      if (candidate !== null && videoOf(candidate) === video) found.push(candidate);
    }
  }
  return found;
}

function plainProperty(place: object, name: string): Loose | null {
  const value: unknown = Object.getOwnPropertyDescriptor(place, name)?.value;
  return typeof value === 'object' && value !== null && !isOfThePage(value) ? value : null;
}

/** Elements and windows are no players, and asking a window of another origin for anything would be an error. */
function isOfThePage(value: object): boolean {
  try {
    return value instanceof Node || (value as Window).window === value;
  } catch {
    return true;
  }
}
