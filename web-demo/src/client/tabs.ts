// Tabs of one viewer on one site know of each other: which of them has the call, and how another one gets it. The call belongs
// to a session; the tab that has it gives the session away, and the one that asked goes on with it.

/** A tab that has the call answers within this, ms: same machine, but a tab in the background is slow. */
const ANSWER_MS = 1_500;
/** A tab that gave its session away waits this long to hear that it was taken before it takes it back, ms. */
const TAKEN_MS = 8_000;

/** What tabs say to each other. */
type Word =
  | { t: 'who' }
  | { t: 'here' }
  | { t: 'give'; to: string }
  | { t: 'given'; to: string; session: string }
  | { t: 'taken'; session: string };

/** What the tab with the call does when another one asks for it. */
export interface Holder {
  /** Lets go of the call and of the session; returns the session's name, null when there is none. */
  give(): string | null;
  /** Another tab has it now: this one may connect for itself. */
  given(): void;
  /** Nobody took it: go on. */
  back(session: string): void;
}

/** This tab's line to the others. */
export class CallTabs {
  readonly #channel: BroadcastChannel | null;
  readonly #name = String(Math.random());
  readonly #takenMs: number;
  #holder: Holder | null = null;
  #listeners = new Set<(word: Word) => void>();

  /** `name` is the same in all tabs of the conversation, and no secret. `takenMs`: for tests. */
  constructor(name: string, takenMs = TAKEN_MS) {
    this.#takenMs = takenMs;
    this.#channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name);
    if (!this.#channel) return;
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => {
      this.#answer(data);
      for (const listener of [...this.#listeners]) listener(data);
    };
  }

  /** This tab has the call; null: not any more. */
  hold(holder: Holder | null): void {
    this.#holder = holder;
  }

  /** Whether a tab here has the call and answers. */
  async someoneHolds(): Promise<boolean> {
    return (await this.#ask({ t: 'who' }, (word) => (word.t === 'here' ? true : null))) ?? false;
  }

  /** Asks the tab that has the call for it. Returns the session's name; null when no tab gives it. */
  async take(): Promise<string | null> {
    return this.#ask({ t: 'give', to: this.#name }, (word) =>
      word.t === 'given' && word.to === this.#name ? word.session : null,
    );
  }

  /** The session taken is ours now. */
  tookIt(session: string): void {
    this.#channel?.postMessage({ t: 'taken', session } satisfies Word);
  }

  /** Ends it. */
  close(): void {
    this.#holder = null;
    this.#channel?.close();
  }

  #answer(word: Word): void {
    const holder = this.#holder;
    if (!holder) return;
    if (word.t === 'who') this.#channel?.postMessage({ t: 'here' } satisfies Word);
    if (word.t !== 'give') return;
    const session = holder.give();
    if (session === null) return;
    this.#holder = null;
    this.#channel?.postMessage({ t: 'given', to: word.to, session } satisfies Word);
    void this.#heard((said) => (said.t === 'taken' && said.session === session ? true : null), this.#takenMs).then(
      (taken) => (taken ? holder.given() : holder.back(session)),
    );
  }

  #ask<T>(word: Word, accept: (word: Word) => T | null): Promise<T | null> {
    const answer = this.#heard(accept, ANSWER_MS);
    this.#channel?.postMessage(word);
    return answer;
  }

  /** The first word that `accept` makes something of; null when none came in time. */
  #heard<T>(accept: (word: Word) => T | null, withinMs: number): Promise<T | null> {
    if (!this.#channel) return Promise.resolve(null);
    return new Promise((resolve) => {
      const finish = (value: T | null) => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve(value);
      };
      const listener = (word: Word) => {
        const value = accept(word);
        if (value !== null) finish(value);
      };
      const timer = setTimeout(() => finish(null), withinMs);
      this.#listeners.add(listener);
    });
  }
}
