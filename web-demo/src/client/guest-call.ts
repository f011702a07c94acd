// A colleague's call at the console: the connection is made while its chat is looked at, and the picture comes at the click.

import type { CallId, SlotAssignment } from '../protocol/generated.ts';
import type { AgentSession, Watched } from './agent.ts';
import { Store } from './emitter.ts';
import { MediaPeer } from './media.ts';

/** Where it stands. */
export interface GuestState {
  /** `watching`: nothing is received yet. `over`: the call, or the connection to it, has ended. */
  readonly kind: 'watching' | 'joining' | 'joined' | 'over';
  /** What is shared; null before it is there. */
  readonly picture: MediaStreamTrack | null;
  /** The viewer's voice; null while there is none. */
  readonly voice: MediaStreamTrack | null;
}

const NOTHING = { picture: null, voice: null };

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

  /** Leaves, or stops to be ready for it. */
  leave(): void {
    if (this.state.get().kind === 'over') return;
    this.#session.leaveCall(this.id);
    this.#over();
  }

  #heard(news: Watched): void {
    if (news.call !== this.id) return;
    if (news.kind === 'slots') this.#slots(news.slots);
    if (news.kind === 'restart') void this.#peer.restartIce();
    if (news.kind === 'closed') this.#over();
  }

  /** The viewer's sources come before the colleague's camera, in the order of joining: the first of each kind is meant. */
  #slots(slots: readonly SlotAssignment[]): void {
    const track = (source: SlotAssignment['source']) => {
      const slot = slots.find((one) => one.source === source);
      return slot ? this.#peer.received(slot.mid) : null;
    };
    this.state.update((state) => ({ ...state, picture: track('screen') ?? track('camera'), voice: track('audio') }));
  }

  #over(): void {
    if (this.state.get().kind === 'over') return;
    this.#end();
    this.#peer.close();
    this.state.set({ kind: 'over', ...NOTHING });
  }
}
