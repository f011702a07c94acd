// How loud a track is now, for a meter. Costs nothing while nobody asks.

/** Samples looked at each time: 43 ms at 48 kHz, the length of a syllable's attack. */
const WINDOW = 2_048;
/** What counts as silence, dB below full scale: the noise of a quiet room. */
const QUIET_DB = -60;
/** What fills the meter, dB below full scale: loud speech into a microphone with automatic gain. */
const LOUD_DB = -12;

/** Loudness from 0 (silence) to 1 (loud speech) of samples between -1 and 1: even steps in decibels, as one hears. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  if (rms === 0) return 0;
  const db = 20 * Math.log10(rms);
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}

/** Listens to one track without playing it. */
export class LevelMeter {
  readonly #context: AudioContext;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples = new Float32Array(WINDOW);

  /** Best made in the task of a click: browsers keep an audio context silent before the first one. */
  constructor(track: MediaStreamTrack) {
    this.#context = new AudioContext();
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = WINDOW;
    this.#source.connect(this.#analyser);
    void this.#context.resume().catch(() => {
      // The meter stays at nothing; the sound is not touched.
    });
  }

  /** Loudness now, 0 to 1. */
  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return loudness(this.#samples);
  }

  /** Ends it. The track is not stopped. */
  close(): void {
    this.#source.disconnect();
    void this.#context.close().catch(() => {
      // Closed already.
    });
  }
}
