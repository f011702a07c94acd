// A tick for every whole second of the server's clock, just after it began. In a tab in the background, where the page's
// timers are held back, a worker keeps the time.

/** Aim this much behind the second, so that a timer that fires early is not in the one before, ms. */
const BEHIND_MS = 20;

/** A worker's timer: answers each number of ms with a message after that time. Few lines, so that it fits in a blob. */
const WORKER_SOURCE = 'onmessage=(e)=>setTimeout(()=>postMessage(0),e.data)';

/** Where the time between two ticks passes. */
interface Wait {
  start(ms: number, done: () => void): void;
  stop(): void;
}

function pageWait(): Wait {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    start: (ms, done) => {
      timer = setTimeout(done, ms);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Throws where workers or `blob:` addresses are not allowed; calls `failed` where that is known only later. */
function workerWait(failed: () => void): Wait {
  const address = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }));
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  worker.onerror = (event) => {
    event.preventDefault();
    failed();
  };
  return {
    start: (ms, done) => {
      worker.onmessage = done;
      worker.postMessage(ms);
    },
    stop: () => worker.terminate(),
  };
}

/** What a ticker needs; `nowMs` is the server's clock. */
export interface TickerOptions {
  nowMs: () => number;
  /** Called with the whole second, ms since the Unix epoch; never twice with the same, never with an earlier one. */
  onSecond: (secondMs: number) => void;
  /** Keep the time with a worker while the page is hidden. Off where a missing second does not matter. */
  whileHidden?: boolean;
}

/** Ticks until stopped. */
export class SecondTicker {
  readonly #options: TickerOptions;
  #wait: Wait = pageWait();
  #lastMs = 0;
  #running = false;
  #worker = false;
  readonly #onVisibility = () => {
    if (document.visibilityState === 'hidden') this.#useWorker();
  };

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  /** Starts; the first tick is at the next whole second. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#lastMs = floorSecond(this.#options.nowMs());
    if (this.#options.whileHidden && typeof document !== 'undefined') {
      document.addEventListener('visibilitychange', this.#onVisibility);
      this.#onVisibility();
    }
    this.#schedule();
  }

  /** Stops. */
  stop(): void {
    this.#running = false;
    this.#wait.stop();
    if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', this.#onVisibility);
  }

  #schedule(): void {
    if (!this.#running) return;
    const now = this.#options.nowMs();
    // Aims at the first second that has not ticked, also when the clock was set back.
    const next = Math.max(floorSecond(now) + 1000, this.#lastMs + 1000);
    this.#wait.start(Math.min(Math.max(next + BEHIND_MS - now, 1), 2000), () => this.#tick());
  }

  #tick(): void {
    if (!this.#running) return;
    const now = this.#options.nowMs();
    const second = floorSecond(now);
    const due = this.#lastMs + 1000;
    // A page that was busy for a moment still gives the second it missed; after longer there is a hole, which is honest.
    const seconds = second === due + 1000 ? [due, second] : second >= due ? [second] : [];
    for (const one of seconds) {
      this.#lastMs = one;
      this.#options.onSecond(one);
    }
    this.#schedule();
  }

  /**
   * Not before the page is hidden: a host page's policy may forbid `blob:` workers, and asking for one would be reported
   * in its console. Where it is forbidden the page's timer goes on, as often as the browser lets it.
   */
  #useWorker(): void {
    if (this.#worker || typeof Worker === 'undefined') return;
    this.#worker = true;
    const back = () => {
      this.#wait = pageWait();
      this.#schedule();
    };
    try {
      const wait = workerWait(back);
      this.#wait.stop();
      this.#wait = wait;
      this.#schedule();
    } catch {
      // The page's timer is still running.
    }
  }
}

/** The whole second a moment is in, ms. */
export function floorSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
