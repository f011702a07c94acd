// The viewer's line checks of one chat: a light one by itself when the chat opens, a long one when the viewer or an agent asks.
// One at a time; what they find goes to the server with the page's report.

import { Store } from './emitter.ts';
import type { PageReport } from './page-report.ts';
import { runPreflight } from './preflight.ts';
import type { PreflightKind, PreflightResult } from './preflight-result.ts';
import type { ViewerSession } from './viewer.ts';
import type { PageWatch } from './watch/page-watch.ts';

/** Light ones are at least so far apart, ms: from the end of one there is time for the player. */
const LIGHT_APART_MS = 12_000;
/** Light ones of one chat in all: a line that is bad for hours is known by then, and who asks still gets one. */
const LIGHTS_MAX = 12;
/** From the first sign of trouble to the light one that looks at the line again, ms. */
const TROUBLE_WAIT_MS = 500;

/** Where a check stands. `result` null: nothing could be measured. */
export type LineCheckState =
  | { kind: 'idle' }
  | { kind: 'running'; which: PreflightKind }
  | { kind: 'done'; which: PreflightKind; result: PreflightResult | null };

/** Runs the checks. */
export class LineCheck {
  /** Where the last one stands. */
  readonly state = new Store<LineCheckState>({ kind: 'idle' });
  readonly #session: ViewerSession;
  readonly #watch: PageWatch;
  readonly #report: PageReport;
  readonly #server: string;
  readonly #end: () => void;
  #opened = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #lightMs = Number.NEGATIVE_INFINITY;
  #lights = 0;
  #wantsLong = false;

  constructor(session: ViewerSession, watch: PageWatch, report: PageReport, server: string) {
    this.#session = session;
    this.#watch = watch;
    this.#report = report;
    this.#server = server;
    const asked = session.connection.on('message', (message) => {
      if (message.t === 'preflight') this.check();
    });
    report.onTrouble = () => this.#soon();
    this.#end = () => {
      asked();
      report.onTrouble = null;
      clearTimeout(this.#again);
    };
  }

  /** The chat is open and the server is there: the light one, once. */
  chatOpened(): void {
    if (this.#opened) return;
    this.#opened = true;
    // A hidden page's timers are too slow to measure with.
    if (document.visibilityState === 'visible') void this.#run('light');
  }

  /** Trouble began with the chat open: how the line was before says nothing about it now. */
  #soon(): void {
    if (!this.#opened || this.#lights >= LIGHTS_MAX) return;
    clearTimeout(this.#again);
    const tooSoonMs = this.#lightMs + LIGHT_APART_MS - performance.now();
    this.#again = setTimeout(
      () => {
        const visible = document.visibilityState === 'visible';
        if (visible && this.state.get().kind !== 'running') void this.#run('light');
      },
      Math.max(TROUBLE_WAIT_MS, tooSoonMs),
    );
  }

  /** The long one. While the light one runs it comes after it. */
  check(): void {
    const now = this.state.get();
    if (now.kind !== 'running') void this.#run('long');
    else if (now.which !== 'long') this.#wantsLong = true;
  }

  /** Ends them. */
  close(): void {
    this.#end();
    this.#wantsLong = false;
  }

  async #run(which: PreflightKind): Promise<void> {
    const { call } = this.#session.state.get();
    // A call measures its line by itself, and needs it.
    if (call !== null && call.stage !== 'ended' && call.stage !== 'invited') return;
    if (which === 'light') {
      this.#lightMs = performance.now();
      this.#lights += 1;
    }
    this.state.set({ kind: 'running', which });
    const { saveData } = (navigator as { connection?: { saveData?: boolean } }).connection ?? {};
    const result = await runPreflight({
      kind: which,
      connection: this.#session.connection,
      server: this.#server,
      media: () => this.#watch.newestPiece(),
      fetching: (url) => this.#watch.ownFetch(url),
      bufferedAheadS: () => this.#bufferedAheadS(),
      needsKbps: this.#watch.needsKbps(),
      saveData: saveData === true,
    });
    if (result) {
      this.#watch.note('preflights', { t: Math.round(this.#watch.nowMs()), ...result });
      this.#report.flush();
    }
    this.state.set({ kind: 'done', which, result });
    if (this.#wantsLong) {
      this.#wantsLong = false;
      await this.#run('long');
    } else if (which !== 'patient' && result?.up === undefined && result?.udpReachable !== false) {
      // A handshake on a line that loses packets takes its time: that is when the echoes matter most.
      await this.#run('patient');
    }
  }

  #bufferedAheadS(): number | null {
    const now = this.#watch.now();
    return now?.playing ? now.bufferedAheadS : null;
  }
}
