// Owns the agent's place in colleagues' calls: which one is looked at and made ready, which one was joined, its picture and
// voices, and the own microphone in it. One at a time, and none beside an own call.

import type { AgentSession } from '../../client/agent.ts';
import { backoffMs } from '../../client/backoff.ts';
import { RequestError } from '../../client/connection.ts';
import { Store } from '../../client/emitter.ts';
import { GuestCall } from '../../client/guest-call.ts';
import type { MediaState } from '../../client/media.ts';
import { Microphone } from '../../client/microphone.ts';
import type { CallId } from '../../protocol/generated.ts';
import { Hearing } from './hearing.ts';
import { runningHere } from './own-calls.ts';
import { type TeamCall, teamCall, teamCalls } from './team.ts';

/** A connection that nobody looks at any more is kept so long, ms: for the way from the row to the button, and a second thought. */
const KEEP_MS = 10_000;
/** A call whose connection was lost is joined again so often at most, before the agent is told. */
const REJOINS_MAX = 3;

/** What the console shows of a joined call. */
export interface GuestView {
  /** The call that is being joined or was; null: none. */
  readonly call: CallId | null;
  /** Whether its picture was seen here. */
  readonly shown: boolean;
  /** Where the media connection stands. */
  readonly media: MediaState;
}

const NONE: GuestView = { call: null, shown: false, media: 'new' };

/** The agent's place in colleagues' calls. */
export class GuestDesk {
  /** What is shown. */
  readonly view = new Store<GuestView>(NONE);
  /** The voices in the call. */
  readonly hearing = new Hearing();
  /** The own voice. */
  readonly microphone: Microphone;
  readonly #session: AgentSession;
  readonly #lost: () => void;
  readonly #ends: (() => void)[];
  #guest: GuestCall | null = null;
  #video: HTMLVideoElement | null = null;
  #keep: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #rejoins = 0;
  /** The call that was made ready unasked. */
  #ready: CallId | null = null;

  /** `lost` is told when a joined call cannot be held. */
  constructor(session: AgentSession, lost: () => void) {
    this.#session = session;
    this.#lost = lost;
    this.microphone = new Microphone((track) => this.#guest?.speak(track));
    this.#ends = [
      session.state.subscribe(() => this.#follow()),
      // With the socket the server has let go of the connection.
      session.connection.on('welcome', () => {
        this.#ready = null;
        if (this.#guest === null) return;
        const joined = this.view.get().call;
        this.#disconnect(false);
        if (joined !== null) this.#rejoin(joined, 0);
      }),
    ];
  }

  /** A call is looked at: makes the connection, so that joining is one message. */
  watch(call: CallId): void {
    clearTimeout(this.#keep);
    if (this.#guest?.id === call || this.view.get().call !== null) return;
    const state = this.#session.state.get();
    if (this.#session.connection.state.get().kind !== 'open') return;
    if (teamCall(state, call) === undefined || runningHere(state) !== null) return;
    this.#connect(call);
  }

  /** It is looked at no longer. */
  unwatch(call: CallId): void {
    if (this.#guest?.id !== call || this.#ready === call || this.view.get().call !== null) return;
    clearTimeout(this.#keep);
    this.#keep = setTimeout(() => this.view.get().call === null && this.#disconnect(true), KEEP_MS);
  }

  /** Joins a call; another one is left. @throws RequestError */
  async join(call: CallId): Promise<void> {
    if (this.view.get().call === call || runningHere(this.#session.state.get()) !== null) return;
    if (this.view.get().call !== null) this.leave();
    this.#rejoins = 0;
    await this.#join(call);
  }

  /** Leaves the joined call. */
  leave(): void {
    if (this.view.get().call === null) return;
    // Who was there comes back sooner than others.
    this.#ready = null;
    this.#over(true);
  }

  /** Takes the video element, when it appears, and lets it go with `null`. */
  attach(video: HTMLVideoElement | null): void {
    this.#video = video;
    this.#show();
  }

  /** Ends everything. */
  close(): void {
    for (const end of this.#ends) end();
    this.#over(true);
    this.microphone.close();
  }

  async #join(call: CallId): Promise<void> {
    clearTimeout(this.#keep);
    const guest = this.#guest?.id === call ? this.#guest : this.#connect(call);
    this.#set({ call, media: guest.media.get() });
    try {
      await guest.join();
    } catch (error) {
      if (this.#guest === guest || this.#guest === null) this.#over(true);
      throw error;
    }
  }

  #connect(call: CallId): GuestCall {
    this.#disconnect(true);
    const guest = new GuestCall(this.#session, call);
    this.#guest = guest;
    guest.media.subscribe(() => this.#guest === guest && this.#set({ media: guest.media.get() }));
    guest.state.subscribe(() => this.#changed(guest));
    return guest;
  }

  #changed(guest: GuestCall): void {
    if (this.#guest !== guest) return;
    const { kind, voice, others } = guest.state.get();
    if (kind === 'over') {
      this.#guest = null;
      const { call } = this.view.get();
      if (call !== null) this.#rejoin(call, backoffMs(this.#rejoins + 1));
      return;
    }
    if (kind !== 'joined' && kind !== 'joining') return;
    this.hearing.play(voice, others);
    this.#show();
  }

  /** The connection to the joined call was lost: once more, as long as the call runs. */
  #rejoin(call: CallId, afterMs: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (this.view.get().call !== call || this.#guest !== null) return;
      // Without a connection the next welcome does it.
      if (this.#session.connection.state.get().kind !== 'open') return;
      if (teamCall(this.#session.state.get(), call) === undefined) return this.#over(false);
      this.#rejoins += 1;
      if (this.#rejoins > REJOINS_MAX) {
        this.#over(false);
        this.#lost();
        return;
      }
      this.#set({ shown: false });
      this.#join(call).then(
        () => this.#guest?.speak(this.microphone.track),
        (error) => error instanceof RequestError && error.code !== 'disconnected' && this.#lost(),
      );
    }, afterMs);
  }

  /** The state of the desk changed: has the call ended, does an own one run? */
  #follow(): void {
    const state = this.#session.state.get();
    const open = this.#session.connection.state.get().kind === 'open';
    const id = this.view.get().call ?? this.#guest?.id;
    if (id !== undefined) {
      if (open && teamCall(state, id) === undefined) this.#over(false);
      else if (runningHere(state) !== null) this.#over(true);
    }
    if (open && !document.hidden) this.#makeReady(teamCalls(state));
  }

  /**
   * With one call in the team there is no doubt which one would be joined: its connection is made before anybody looks. Once
   * for each call, so that consoles whose places are taken do not take them from each other in turn.
   */
  #makeReady(calls: readonly TeamCall[]): void {
    const only = calls.length === 1 ? calls[0]?.call.id : undefined;
    if (only === undefined || only === this.#ready) return;
    this.#ready = only;
    this.watch(only);
  }

  #over(tell: boolean): void {
    clearTimeout(this.#again);
    clearTimeout(this.#keep);
    this.microphone.turnOff();
    this.#disconnect(tell);
    this.view.set(NONE);
  }

  /** Lets go of the connection; `tell` the server, which otherwise has done so already. */
  #disconnect(tell: boolean): void {
    const guest = this.#guest;
    this.#guest = null;
    if (tell) guest?.leave();
    else guest?.drop();
    this.hearing.play(null);
    if (this.#video !== null) this.#video.srcObject = null;
  }

  /** Puts the picture on the video element, once. */
  #show(): void {
    const video = this.#video;
    const track = this.#guest?.state.get().picture ?? null;
    if (video === null || track === null || this.view.get().call === null) return;
    const shown = video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks()[0] : null;
    if (shown !== track) video.srcObject = new MediaStream([track]);
    // Refused only where a page may not play at all; the element's own autoplay then tries again.
    if (video.paused) void video.play().catch(() => {});
    if (this.view.get().shown || !('requestVideoFrameCallback' in video)) return;
    video.requestVideoFrameCallback(() => {
      if (this.#video === video && this.view.get().call !== null) this.#set({ shown: true });
    });
  }

  #set(change: Partial<GuestView>): void {
    this.view.update((view) => ({ ...view, ...change }));
  }
}
