// Tells the server what the page's watch sees, from the moment the chat is open: the minute before at once, then every
// second, put away more or less often. Held until there is a conversation to put it with.

import { BlockSender, SECONDS_PER_BLOCK } from './blocks.ts';
import { complains } from './complaint.ts';
import type { ViewerSession } from './viewer.ts';
import type { PageWatch } from './watch/page-watch.ts';

/** Seconds in a block while nothing is wrong and nobody complains. */
const CALM_SECONDS = 10;
/** Seconds in a block while trouble is new: that is when somebody waits for the verdict. */
const FRESH_SECONDS = 2;
/** Trouble is new for so long, ms. */
const FRESH_MS = 20_000;
/** After a complaint everything is told often for so long, ms. */
const COMPLAINT_MS = 60_000;
/** Signs of trouble send what is there at once, but not more often than this, ms: the server takes two blocks a second. */
const AT_ONCE_APART_MS = 2_000;

/** Reports a page over a viewer's session until closed. */
export class PageReport {
  readonly #session: ViewerSession;
  readonly #blocks: BlockSender;
  readonly #ends: (() => void)[] = [];
  #unfollow: () => void = () => {};
  #complainedMs = Number.NEGATIVE_INFINITY;
  #atOnceMs = Number.NEGATIVE_INFINITY;
  /** Trouble began, after a while without. */
  onTrouble: (() => void) | null = null;
  #troubled = false;
  #troubledSinceMs = Number.NEGATIVE_INFINITY;
  #inCall = false;
  #seen = 0;

  constructor(session: ViewerSession, watch: PageWatch) {
    this.#session = session;
    const { connection, state } = session;
    const exists = () => state.get().conversation !== null;
    this.#blocks = new BlockSender(connection, { leg: 'player' }, exists);
    // The history needs the server's clock: it waits for the first answer.
    const started = connection.on('welcome', () => {
      started();
      this.#follow(watch);
    });
    const leaving = () => this.#blocks.flushNow();
    addEventListener('pagehide', leaving);
    this.#ends.push(
      started,
      state.subscribe(() => {
        this.#followCall();
        this.#listen();
        if (exists()) this.#blocks.pump();
      }),
      () => removeEventListener('pagehide', leaving),
    );
  }

  /** Sends what is there now: something that decides was just measured. */
  flush(): void {
    void this.#blocks.flush();
  }

  /** Ends it. */
  close(): void {
    for (const end of this.#ends) end();
    this.#unfollow();
    this.#session.connection.pingOften(false);
  }

  #follow(watch: PageWatch): void {
    const { clock } = this.#session.connection;
    const { history, end } = watch.follow({
      offsetMs: () => clock.offsetMs(),
      pingMs: () => clock.takeNewestRtt(),
      sample: (lane, sample) => this.#blocks.push(lane, sample),
      endSecond: (troubled, began) => this.#endSecond(troubled, began),
    });
    this.#unfollow = end;
    this.#blocks.pushAll(history);
  }

  #endSecond(troubled: boolean, began: boolean): void {
    if (troubled && !this.#troubled) this.#troubledSinceMs = performance.now();
    this.#troubled = troubled;
    this.#pace();
    if (began) {
      this.#atOnce();
      this.onTrouble?.();
    }
    this.#blocks.endSecond();
  }

  /** How often blocks go, and how often the line is asked for its round trip. */
  #pace(): void {
    const complained = performance.now() - this.#complainedMs < COMPLAINT_MS;
    const alert = this.#troubled || complained;
    const fresh = this.#troubled && performance.now() - this.#troubledSinceMs < FRESH_MS;
    const often = fresh ? FRESH_SECONDS : SECONDS_PER_BLOCK;
    this.#blocks.seconds = alert || this.#inCall ? often : CALM_SECONDS;
    this.#session.connection.pingOften(alert);
  }

  #atOnce(): void {
    const now = performance.now();
    if (now - this.#atOnceMs < AT_ONCE_APART_MS) return;
    this.#atOnceMs = now;
    void this.#blocks.flush();
  }

  /** The ticket of a call that ended is read now. */
  #followCall(): void {
    const { call } = this.#session.state.get();
    const calling = call !== null && call.stage !== 'ended';
    if (this.#inCall && !calling) void this.#blocks.flush();
    this.#inCall = calling;
  }

  /** The viewer's own words, on their way or delivered. */
  #listen(): void {
    const { entries, pending } = this.#session.state.get();
    const own = entries.filter(({ seq, author }) => seq > this.#seen && author.kind === 'viewer');
    const said = own.flatMap(({ body }) => (body.kind === 'message' ? [body.text] : []));
    this.#seen = entries.at(-1)?.seq ?? this.#seen;
    if (![...said, ...pending.map(({ text }) => text)].some(complains)) return;
    const first = performance.now() - this.#complainedMs >= COMPLAINT_MS;
    this.#complainedMs = performance.now();
    this.#pace();
    if (first) this.#atOnce();
  }
}
