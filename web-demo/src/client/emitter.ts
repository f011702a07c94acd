// A typed emitter and an observable value: the two ways in which the SDK tells what happens.

/** Listeners by event name; `Events` maps each name to what its listeners get. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Calls `listener` at each `event`; returns what ends it. */
  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    set.add(listener as (value: never) => void);
    return () => set.delete(listener as (value: never) => void);
  }

  /** Tells all listeners of `event`. One that throws does not keep it from the others. */
  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) guarded(() => listener(value as never));
  }
}

/** A value that changes. Every change is a new value, so that it can be compared by identity. */
export class Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  /** The value now. */
  get(): T {
    return this.#value;
  }

  /** Puts a value in; listeners are told unless it is the one already there. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) guarded(listener);
  }

  /** Puts in what `change` makes of the value. */
  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** Calls `listener` after each change; returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Keeps one listener's mistake from the others; it still reaches the page's error reporting, in a task of its own. */
function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}
