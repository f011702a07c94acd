// "Is typing", in both directions: told at most every few seconds, and over after six without news.

/** A peer's typing lasts this long unless repeated, ms (docs/protocol.md). */
const LASTS_MS = 6_000;
/** Ours is repeated this often while it goes on, ms. */
const REPEAT_MS = 3_000;

/** The other side's typing: on for six seconds after each news. */
export class PeerTyping {
  readonly #changed: (on: boolean) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: (on: boolean) => void) {
    this.#changed = changed;
  }

  /** News from the other side. */
  heard(on: boolean): void {
    clearTimeout(this.#timer);
    if (on) this.#timer = setTimeout(() => this.#changed(false), LASTS_MS);
    this.#changed(on);
  }
}

/** Our own typing, as told to the server. */
export class OwnTyping {
  readonly #tell: (on: boolean) => void;
  #toldMs = Number.NEGATIVE_INFINITY;
  #on = false;

  constructor(tell: (on: boolean) => void) {
    this.#tell = tell;
  }

  /** Call at each keystroke with whether there is text; `nowMs` of any steady clock. */
  typed(on: boolean, nowMs: number): void {
    if (on === this.#on && (!on || nowMs - this.#toldMs < REPEAT_MS)) return;
    this.#on = on;
    this.#toldMs = nowMs;
    this.#tell(on);
  }

  /** The text was sent or thrown away; the message itself says so to the other side. */
  reset(): void {
    this.#on = false;
    this.#toldMs = Number.NEGATIVE_INFINITY;
  }
}
