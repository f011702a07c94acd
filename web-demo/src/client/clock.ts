// The server's clock as this client sees it, from the round trips of `ping` and `pong`.

/** Exchanges that are kept: five minutes of pings at their quickest, short enough for a clock that drifts. */
const EXCHANGES_KEPT = 300;

interface Exchange {
  rttMs: number;
  offsetMs: number;
}

/** This page's own clock, ms since the Unix epoch; never jumps when the system's time is set. */
export function localNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Offset to the server's clock: that of the exchange with the smallest round trip. */
export class ServerClock {
  #exchanges: Exchange[] = [];
  #fallbackMs = 0;
  #newestRttMs: number | null = null;
  readonly #now: () => number;

  constructor(now: () => number = localNowMs) {
    this.#now = now;
  }

  /** This page's time, ms. */
  localMs(): number {
    return this.#now();
  }

  /** Server time now, ms since the Unix epoch. Before the first exchange it is our own. */
  nowMs(): number {
    return this.#now() + this.offsetMs();
  }

  /** What to add to our time. */
  offsetMs(): number {
    return this.#best()?.offsetMs ?? this.#fallbackMs;
  }

  /** Smallest round trip among the exchanges kept, ms; null before the first. */
  rttMs(): number | null {
    return this.#best()?.rttMs ?? null;
  }

  /** Round trip of the newest exchange, ms; null when it was taken already or there was none. */
  takeNewestRtt(): number | null {
    const newest = this.#newestRttMs;
    this.#newestRttMs = null;
    return newest;
  }

  /** A `pong` arrived now: `sentMs` in our time, `serverMs` in the server's. */
  exchange(sentMs: number, serverMs: number): void {
    const received = this.#now();
    const rttMs = received - sentMs;
    if (!(rttMs >= 0) || !Number.isFinite(serverMs)) return;
    this.#newestRttMs = rttMs;
    this.#exchanges.push({ rttMs, offsetMs: serverMs - (sentMs + received) / 2 });
    if (this.#exchanges.length > EXCHANGES_KEPT) this.#exchanges.shift();
  }

  /** A connection begins: forget what the last one measured, and take this time until the first `pong`. */
  restart(serverMs: number): void {
    const best = this.#best();
    this.#fallbackMs = best ? best.offsetMs : serverMs - this.#now();
    this.#exchanges = [];
  }

  #best(): Exchange | undefined {
    return this.#exchanges.reduce<Exchange | undefined>(
      (best, one) => (best && best.rttMs <= one.rttMs ? best : one),
      undefined,
    );
  }
}
