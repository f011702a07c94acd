// Owns the agent's warm media connection: made at sign-in, kept for all calls, made again whenever it is lost.

import type { AgentSession } from '../../client/agent.ts';
import { backoffMs } from '../../client/backoff.ts';
import { Store } from '../../client/emitter.ts';
import { MediaPeer, type MediaState } from '../../client/media.ts';

/** The connection, whichever it is now. */
export class AgentPeer {
  /** Where it stands. */
  readonly state = new Store<MediaState>('new');
  /** The connection; another one after each loss, `null` before the first. */
  readonly peer = new Store<MediaPeer | null>(null);
  readonly #session: AgentSession;
  /** Whether a call runs over it, which a break of the WebSocket must not cost its media. */
  readonly #inUse: () => boolean;
  readonly #ends: (() => void)[];
  #boot = '';
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: AgentSession, inUse: () => boolean) {
    this.#session = session;
    this.#inUse = inUse;
    this.#ends = [
      session.connection.on('welcome', ({ boot }) => this.#welcomed(boot)),
      session.on('mediaRestart', () => void this.peer.get()?.restartIce()),
      session.on('mediaClosed', () => this.#remakeSoon()),
    ];
  }

  /** Ends everything. */
  close(): void {
    for (const end of this.#ends) end();
    clearTimeout(this.#retryTimer);
    this.peer.get()?.close();
    this.peer.set(null);
  }

  #welcomed(boot: string): void {
    const kept = this.#inUse() && this.state.get() === 'connected' && boot === this.#boot;
    this.#boot = boot;
    if (!kept) this.#make();
  }

  #make(): void {
    clearTimeout(this.#retryTimer);
    this.peer.get()?.close();
    const { videoCodecs } = this.#session.state.get();
    const peer = new MediaPeer({ offer: this.#session.mediaOffers(), videoCodecs });
    peer.state.subscribe(() => {
      if (this.peer.get() !== peer) return;
      const state = peer.state.get();
      this.state.set(state);
      if (state === 'connected') this.#failures = 0;
      if (state === 'failed') this.#remakeSoon();
    });
    this.state.set(peer.state.get());
    this.peer.set(peer);
    // A refusal ends in `failed`, which is answered above.
    peer.connect().catch(() => {});
  }

  /** Tries again by and by; without a connection the next welcome does it. */
  #remakeSoon(): void {
    clearTimeout(this.#retryTimer);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => {
      if (this.#session.connection.state.get().kind === 'open') this.#make();
    }, backoffMs(this.#failures));
  }
}
