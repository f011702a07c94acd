// Owns the sounds of alerts: two or three soft tones each, made by the browser, so that no file has to be loaded.

import type { NewsKind } from './news.ts';

/** Notes of each sound: start after so many seconds, at so many hertz. What is urgent rises, what is over falls. */
const TUNES: Readonly<Record<NewsKind, readonly (readonly [atS: number, hz: number])[]>> = {
  waiting: [
    [0, 587],
    [0.13, 784],
  ],
  message: [[0, 880]],
  request: [
    [0, 659],
    [0.12, 784],
    [0.24, 988],
  ],
  ended: [
    [0, 587],
    [0.14, 440],
  ],
};

/** Length of a note, seconds. */
const NOTE_S = 0.32;
/** Loudest amplitude; the agent's volume is a share of it. */
const PEAK = 0.25;

/** Plays alerts. Made before the first click it stays silent until one: browsers want it so. */
export class AlertSound {
  #context: AudioContext | null = null;
  readonly #onGesture = () => void this.#wake();

  constructor() {
    addEventListener('pointerdown', this.#onGesture, { passive: true });
    addEventListener('keydown', this.#onGesture, { passive: true });
  }

  /** Plays the sound of a kind at a volume of 0 to 1. */
  async play(kind: NewsKind, volume: number): Promise<void> {
    const context = await this.#wake();
    if (context === null || volume <= 0) return;
    const start = context.currentTime + 0.02;
    for (const [atS, hz] of TUNES[kind]) note(context, start + atS, hz, volume * PEAK);
  }

  /** Ends it. */
  close(): void {
    removeEventListener('pointerdown', this.#onGesture);
    removeEventListener('keydown', this.#onGesture);
    void this.#context?.close().catch(() => {
      // Closed already.
    });
    this.#context = null;
  }

  /** The running context; `null` while the browser keeps it silent. */
  async #wake(): Promise<AudioContext | null> {
    try {
      this.#context ??= new AudioContext();
      const context = this.#context;
      if (context.state === 'running') return context;
      // Before a gesture the promise may stay open: what was to sound then is not worth sounding later.
      await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 100))]);
      return (context.state as string) === 'running' ? context : null;
    } catch {
      return null;
    }
  }
}

/** A struck bell's shape: there at once, gone softly. */
function note(context: AudioContext, at: number, hz: number, peak: number): void {
  const tone = context.createOscillator();
  const gain = context.createGain();
  tone.type = 'sine';
  tone.frequency.value = hz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(peak, at + 0.012);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + NOTE_S);
  tone.connect(gain).connect(context.destination);
  tone.start(at);
  tone.stop(at + NOTE_S);
}
