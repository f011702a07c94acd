// Whether something is wrong with the player right now, by simple signs: decides how often the page tells, never what is
// blamed. Pure.

import type { Sample } from '../lanes.ts';

/** Signs make the page tell more for so long, s. */
const LASTS_S = 60;
/** A player that should play and has less than this is about to wait, s. */
const BUFFER_LOW_S = 1;
/** Share of the frames of a second that were dropped. */
const DROPPED = 0.1;
/** Fewer frames make no share. */
const FRAMES_MIN = 5;
/** Of a second in which the main thread was blocked, ms. */
const BLOCKED_MS = 300;

/** Remembers the second before. */
export class TroubleSense {
  #before: Sample | null = null;
  #left = 0;

  /** Takes a second; whether there are signs of trouble, in it or in the minute before. */
  second(player: Sample | null, segments: readonly Sample[], device: Sample): boolean {
    const signs =
      segments.some(({ error }) => error !== undefined) ||
      Number(device.blockedMs ?? 0) >= BLOCKED_MS ||
      (player !== null && isTroubled(player, this.#before));
    this.#before = player;
    this.#left = signs ? LASTS_S : Math.max(0, this.#left - 1);
    return this.#left > 0;
  }
}

function isTroubled(now: Sample, before: Sample | null): boolean {
  if (now.paused === true || now.ended === true || now.seeking === true || now.hidden === true) return false;
  const grown = (member: string) => Number(now[member] ?? 0) - Number(before?.[member] ?? now[member] ?? 0);
  if (now.waiting === true || grown('stalledMs') > 0 || grown('mediaErrors') > 0) return true;
  // The first second of a player that fills its buffer is no trouble.
  if (before !== null && Number(now.bufferedAheadS) < BUFFER_LOW_S && Number(before.bufferedAheadS) < BUFFER_LOW_S) {
    return Number(now.currentTime) > 1;
  }
  const frames = grown('totalVideoFrames');
  return frames >= FRAMES_MIN && grown('droppedVideoFrames') / frames >= DROPPED;
}
