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

/** A request that takes so long keeps the player waiting soon, ms: longer than most segments last. */
const PENDING_MS = 2_500;
/** Signs after so many seconds without any are the beginning of another trouble. */
const QUIET_S = 5;

/** Share of a second's pictures that is black, or damaged. */
const PICTURE_BAD = 0.5;
/** Of so many seconds of a picture most must have moved before its standing still is a sign; slides never get there. */
const MOVED_OF = 8;
const MOVED_MIN = 5;
/** It stands still for so many seconds, each to this share. */
const STANDS_S = 2;
const STANDS = 0.9;

/** Remembers the second before, and how the picture moved. */
export class TroubleSense {
  #before: Sample | null = null;
  #left = 0;
  #quiet = QUIET_S;
  #began = false;
  readonly #frozen: number[] = [];
  #pictureSigns = false;

  /** Takes a second of the picture. */
  picture(sample: Sample): void {
    const shares = [sample.black, sample.corrupt, sample.striped, sample.torn, sample.blocky];
    if (typeof sample.frozen === 'number') this.#frozen.push(sample.frozen);
    if (this.#frozen.length > MOVED_OF + STANDS_S) this.#frozen.shift();
    const moved = this.#frozen.slice(0, -STANDS_S).filter((share) => share < STANDS).length;
    const stands = this.#frozen.length > STANDS_S && this.#frozen.slice(-STANDS_S).every((share) => share >= STANDS);
    this.#pictureSigns = shares.some((share) => Number(share ?? 0) >= PICTURE_BAD) || (stands && moved >= MOVED_MIN);
  }

  /** The last second was the first of a trouble. */
  get began(): boolean {
    return this.#began;
  }

  /** Takes a second; whether there are signs of trouble, in it or in the minute before. */
  second(player: Sample | null, segments: readonly Sample[], device: Sample): boolean {
    const signs =
      this.#pictureSigns ||
      segments.some(
        ({ error, durationMs, mediaS }) => error !== undefined || Number(durationMs) > Number(mediaS) * 1_000,
      ) ||
      Number(device.blockedMs ?? 0) >= BLOCKED_MS ||
      (player !== null && isTroubled(player, this.#before));
    this.#before = player;
    this.#pictureSigns = false;
    this.#left = signs ? LASTS_S : Math.max(0, this.#left - 1);
    this.#began = signs && this.#quiet >= QUIET_S;
    this.#quiet = signs ? 0 : this.#quiet + 1;
    return this.#left > 0;
  }
}

function isTroubled(now: Sample, before: Sample | null): boolean {
  if (now.paused === true || now.ended === true || now.seeking === true || now.hidden === true) return false;
  const grown = (member: string) => Number(now[member] ?? 0) - Number(before?.[member] ?? now[member] ?? 0);
  if (Number(now.pendingMs ?? 0) >= PENDING_MS) return true;
  if (now.waiting === true || grown('stalledMs') > 0 || grown('mediaErrors') > 0) return true;
  // The first second of a player that fills its buffer is no trouble.
  if (before !== null && Number(now.bufferedAheadS) < BUFFER_LOW_S && Number(before.bufferedAheadS) < BUFFER_LOW_S) {
    return Number(now.currentTime) > 1;
  }
  const frames = grown('totalVideoFrames');
  return frames >= FRAMES_MIN && grown('droppedVideoFrames') / frames >= DROPPED;
}
