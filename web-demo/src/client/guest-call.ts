// A colleague's call at the console: the connection is made while its chat is looked at, and the picture comes at the click.

import type { CallId, SlotAssignment, SlotSide, SlotSource } from '../protocol/generated.ts';
import type { AgentSession, Watched } from './agent.ts';
import { Store } from './emitter.ts';
import { MediaPeer, type MediaState } from './media.ts';

/** Where it stands. */
export interface GuestState {
  /** `watching`: nothing is received yet. `over`: the call, or the connection to it, has ended. */
  readonly kind: 'watching' | 'joining' | 'joined' | 'over';
  /** What is shared; null before it is there. */
  readonly picture: MediaStreamTrack | null;
  /** The viewer's voice; null while there is none. */
  readonly voice: MediaStreamTrack | null;
  /** The voices of the agent and of other colleagues. The same list as long as nothing of it changes. */
  readonly others: readonly MediaStreamTrack[];
}

const NOTHING = { picture: null, voice: null, others: [] };

/** A call of a colleague that this page may join. */
export class GuestCall {
  /** Where it stands. */
  readonly state = new Store<GuestState>({ kind: 'watching', ...NOTHING });
  /** The call. */
  readonly id: CallId;
  readonly #session: AgentSession;
  readonly #peer: MediaPeer;
  readonly #connecting: Promise<void>;
  readonly #end: () => void;

  /** Connects; nothing is received before `join`. */
  constructor(session: AgentSession, call: CallId) {
    this.id = call;
    this.#session = session;
    this.#end = session.on('watched', (news) => this.#heard(news));
    const { videoCodecs } = session.state.get();
    this.#peer = new MediaPeer({ offer: session.watchOffers(call), videoCodecs });
    this.#connecting = this.#peer.connect();
    this.#connecting.catch(() => this.#over());
    this.#peer.state.subscribe(() => {
      if (this.#peer.state.get() === 'failed') this.#over();
    });
  }

  /** Where the connection stands. */
  get media(): Store<MediaState> {
    return this.#peer.state;
  }

  /** Joins; the viewer and the colleague are told. @throws RequestError */
  async join(): Promise<void> {
    if (this.state.get().kind !== 'watching') return;
    this.state.update((state) => ({ ...state, kind: 'joining' }));
    try {
      await this.#connecting;
      await this.#session.joinCall(this.id);
      this.state.update((state) => (state.kind === 'joining' ? { ...state, kind: 'joined' } : state));
    } catch (error) {
      this.state.update((state) => (state.kind === 'joining' ? { ...state, kind: 'watching' } : state));
      throw error;
    }
  }

  /** Sends a voice into the call, or nothing any more, and tells the others so. */
  speak(track: MediaStreamTrack | null): void {
    const audio = track ? 'on' : 'off';
    this.#session.sending(this.id, { audio, screen: 'off', camera: 'off', page_hidden: document.hidden });
    this.#peer.replaceTrack('microphone', track).catch(() => {
      // A connection that is being closed sends nothing anyway.
    });
  }

  /** Leaves, or stops to be ready for it. */
  leave(): void {
    if (this.state.get().kind === 'over') return;
    this.#session.leaveCall(this.id);
    this.#over();
  }

  /** The server has let go of it, as after a break of the WebSocket: ends it here. */
  drop(): void {
    this.#over();
  }

  #heard(news: Watched): void {
    if (news.call !== this.id) return;
    if (news.kind === 'slots') this.#slots(news.slots);
    if (news.kind === 'restart') void this.#peer.restartIce();
    if (news.kind === 'closed') this.#over();
  }

  #slots(slots: readonly SlotAssignment[]): void {
    const tracks = (source: SlotSource, is: (side: SlotSide) => boolean) =>
      slots
        .filter((slot) => slot.source === source && is(slot.side))
        .map((slot) => this.#peer.received(slot.mid))
        .filter((track) => track !== null);
    const ofViewer = (source: SlotSource) => tracks(source, (side) => side === 'viewer')[0] ?? null;
    const others = tracks('audio', (side) => side !== 'viewer');
    this.state.update((state) => ({
      ...state,
      picture: ofViewer(this.#sharesCamera() ? 'camera' : 'screen'),
      voice: ofViewer('audio'),
      others: same(others, state.others) ? state.others : others,
    }));
  }

  #sharesCamera(): boolean {
    const rows = this.#session.state.get().conversations.values();
    return [...rows].some(({ call }) => call?.id === this.id && call.surface === 'camera');
  }

  #over(): void {
    if (this.state.get().kind === 'over') return;
    this.#end();
    this.#peer.close();
    this.state.set({ kind: 'over', ...NOTHING });
  }
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at]);
}
