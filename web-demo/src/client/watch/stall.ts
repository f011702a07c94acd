// How often and for how long a player's picture waited for data: from its events, and from the lack of progress where
// there is no event. Pure; times are given, ms of a steady clock.

/** Without progress for this long a playing picture counts as stalled even if no event said so, ms. */
const NO_PROGRESS_MS = 750;

/** Counts stalls. Start-up, pauses and seeking are none. */
export class StallMeter {
  #count = 0;
  #endedMs = 0;
  #sinceMs: number | null = null;
  #started = false;
  #position = -1;
  #progressMs = 0;

  /** Times the picture waited for data, one still going on included. */
  get count(): number {
    return this.#count;
  }

  /** True while it waits. */
  get waiting(): boolean {
    return this.#sinceMs !== null;
  }

  /** Summed length, ms, of a stall still going on too. */
  totalMs(nowMs: number): number {
    return this.#endedMs + (this.#sinceMs === null ? 0 : Math.max(0, nowMs - this.#sinceMs));
  }

  /** The player says that it waits. `expected`: it is neither paused nor seeking. */
  waited(expected: boolean, nowMs: number): void {
    if (expected && this.#started) this.#begin(nowMs);
  }

  /** Its media was taken away at that time while it played. */
  taken(sinceMs: number): void {
    this.#begin(sinceMs);
  }

  /** The player says that it plays. */
  played(nowMs: number): void {
    this.#started = true;
    this.#progressMs = nowMs;
    this.#end(nowMs);
  }

  /** The player was seen at `position`. Call often; without events this alone finds a stall. */
  progressed(position: number, expected: boolean, nowMs: number): void {
    if (position !== this.#position || !expected) {
      // A video that plays when first seen has started before us.
      if (expected && this.#position >= 0 && position > this.#position) this.#started = true;
      this.#position = position;
      this.#progressMs = nowMs;
      this.#end(nowMs);
      return;
    }
    if (this.#started && nowMs - this.#progressMs >= NO_PROGRESS_MS) this.#begin(this.#progressMs);
  }

  /** Paused, sought, ended or given another source: what follows is no stall until it plays again. */
  interrupted(nowMs: number): void {
    this.#end(nowMs);
    this.#started = false;
  }

  /** Another player is watched: the counts go on, its start does not count. */
  startOver(): void {
    this.#sinceMs = null;
    this.#started = false;
    this.#position = -1;
  }

  #begin(sinceMs: number): void {
    if (this.#sinceMs !== null) return;
    this.#sinceMs = sinceMs;
    this.#count += 1;
  }

  #end(nowMs: number): void {
    if (this.#sinceMs === null) return;
    this.#endedMs += Math.max(0, nowMs - this.#sinceMs);
    this.#sinceMs = null;
  }
}
