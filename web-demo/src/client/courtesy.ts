// The share yields to the player: when the page's player suffers while something is shared, the share takes less, and takes
// more again only slowly. It is the viewer's line that is under suspicion; our own traffic must not be its fault.

/** What a second of the player showed. */
export interface PlayerSecond {
  /** Stalls since the page was opened. */
  stalls: number;
  /** It waits for data now. */
  waiting: boolean;
  /** Seconds of stream ahead of the picture. */
  bufferedAheadS: number;
  /** It ought to play. */
  playing: boolean;
}

/** Share of the present rate that is kept at a sign of trouble. */
const KEEP = 0.6;
/** Without trouble for this long the share takes more again, s. */
const CALM_S = 8;
/** By this much. */
const RAISE = 1.25;
/** The least that a picture is worth sending with, kbit/s. */
const MIN_KBPS = 150;
/** From here on no limit is needed, kbit/s. */
const FREE_KBPS = 4_000;
/** A buffer below this share of what it was before the share is a sign of trouble. */
const BUFFER_SHARE = 0.4;
/** Unless this much is there, s. */
const BUFFER_ENOUGH_S = 4;

/** Decides the most that the share may take. */
export class Courtesy {
  #limitKbps: number | null = null;
  #stalls: number | null = null;
  #usualBufferS: number | null = null;
  #calmS = 0;

  /** The limit now, kbit/s; null: none. */
  get limitKbps(): number | null {
    return this.#limitKbps;
  }

  /** Takes a second: how the player is (null: there is none) and what the share takes, kbit/s. True when the limit changed. */
  second(player: PlayerSecond | null, sendsKbps: number | null): boolean {
    if (!player?.playing) return this.#calm();
    const stalled = this.#stalls !== null && player.stalls > this.#stalls;
    this.#stalls = player.stalls;
    this.#usualBufferS ??= player.bufferedAheadS;
    const low = player.bufferedAheadS < Math.min(BUFFER_ENOUGH_S, this.#usualBufferS * BUFFER_SHARE);
    // A stall that goes on is told once: what was taken away needs time to help.
    if (!stalled && !(low && this.#calmS >= 2)) return this.#calm();
    this.#calmS = 0;
    const before = this.#limitKbps;
    const now = Math.min(before ?? Number.POSITIVE_INFINITY, sendsKbps ?? before ?? FREE_KBPS);
    this.#limitKbps = Math.max(MIN_KBPS, Math.round(now * KEEP));
    return this.#limitKbps !== before;
  }

  #calm(): boolean {
    this.#calmS += 1;
    if (this.#limitKbps === null || this.#calmS < CALM_S) return false;
    this.#calmS = 0;
    const more = Math.round(this.#limitKbps * RAISE);
    this.#limitKbps = more >= FREE_KBPS ? null : more;
    return true;
  }
}
