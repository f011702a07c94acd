// Owns how the viewer's voice is heard: one audio element for all calls, its loudness, its meter; and the voices of
// colleagues in the call, as loud. Kept per browser.

import { Store } from '../../client/emitter.ts';
import { LevelMeter } from '../../client/level.ts';

const STORED = 'sightline.voice-volume';

/** What is set and what came of it. */
export interface HearingState {
  /** 0 to 1. */
  readonly volume: number;
  readonly muted: boolean;
  /** The browser wants a click on this page before it plays sound. */
  readonly blocked: boolean;
}

/** Plays the viewer's voice, and those of colleagues. */
export class Hearing {
  /** What is set. */
  readonly state: Store<HearingState>;
  readonly #element = new Audio();
  /** An element for each colleague's voice: not every browser mixes the tracks of one. */
  readonly #others = new Map<MediaStreamTrack, HTMLAudioElement>();
  #track: MediaStreamTrack | null = null;
  #meter: LevelMeter | null = null;

  constructor() {
    this.state = new Store<HearingState>({ volume: keptVolume(), muted: false, blocked: false });
    this.#element.autoplay = true;
    this.#apply();
  }

  /** Plays the viewer's voice, or nothing, and those of colleagues. The same tracks again change nothing. */
  play(track: MediaStreamTrack | null, others: readonly MediaStreamTrack[] = []): void {
    this.#playOthers(others);
    if (track === this.#track) return;
    this.#track = track;
    this.#meter?.close();
    this.#meter = null;
    this.#element.srcObject = track === null ? null : new MediaStream([track]);
    this.#set({ muted: false, blocked: false });
    if (track === null) return;
    this.#meter = meterOf(track);
    void this.unblock();
  }

  /** Tries to play; call it in a click's task after the browser refused. */
  async unblock(): Promise<void> {
    const elements = [...(this.#track === null ? [] : [this.#element]), ...this.#others.values()];
    try {
      await Promise.all(elements.map((element) => element.play()));
      this.#set({ blocked: false });
    } catch (error) {
      // A track that was taken away while it began to play is no refusal.
      this.#set({ blocked: error instanceof DOMException && error.name === 'NotAllowedError' });
    }
  }

  /** Loudness of the voice now, 0 to 1, whatever the volume here. */
  level(): number {
    return this.#meter?.level() ?? 0;
  }

  /** Sets the volume, 0 to 1. */
  setVolume(volume: number): void {
    this.#set({ volume: Math.min(1, Math.max(0, volume)), muted: false });
    try {
      localStorage.setItem(STORED, String(this.state.get().volume));
    } catch {
      // Forgotten with the page.
    }
  }

  /** Mutes the voice here; the viewer is not told. */
  setMuted(muted: boolean): void {
    this.#set({ muted });
  }

  #playOthers(tracks: readonly MediaStreamTrack[]): void {
    for (const [track, element] of this.#others) {
      if (tracks.includes(track)) continue;
      element.srcObject = null;
      this.#others.delete(track);
    }
    const added = tracks.filter((track) => !this.#others.has(track));
    for (const track of added) {
      const element = new Audio();
      element.autoplay = true;
      element.srcObject = new MediaStream([track]);
      this.#others.set(track, element);
    }
    if (added.length === 0) return;
    this.#apply();
    void this.unblock();
  }

  #apply(): void {
    const { volume, muted } = this.state.get();
    for (const element of [this.#element, ...this.#others.values()]) {
      element.volume = volume;
      element.muted = muted;
    }
  }

  #set(change: Partial<HearingState>): void {
    this.state.update((state) => ({ ...state, ...change }));
    this.#apply();
  }
}

function keptVolume(): number {
  try {
    const kept = Number.parseFloat(localStorage.getItem(STORED) ?? '1');
    return kept >= 0 && kept <= 1 ? kept : 1;
  } catch {
    return 1;
  }
}

function meterOf(track: MediaStreamTrack): LevelMeter | null {
  try {
    return new LevelMeter(track);
  } catch {
    // A browser out of audio contexts: the voice goes on without a meter.
    return null;
  }
}
