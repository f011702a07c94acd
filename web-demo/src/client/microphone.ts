// The microphone of one end of a call: off at first, turned on by a click, its device chosen, its loss noticed. The track
// goes to whoever holds the sender.

import { type Device, DeviceError, type DeviceProblem, listDevices, openDevice, watchDevices } from './devices.ts';
import { Store } from './emitter.ts';
import { LevelMeter } from './level.ts';

/** How the microphone stands. */
export interface MicrophoneState {
  readonly kind: 'off' | 'starting' | 'on';
  /** Id of the device in use; empty while there is none. */
  readonly deviceId: string;
  /** Why the last attempt gave no sound, or what happened to the device in use; null when all is well. */
  readonly problem: DeviceProblem | null;
  /** After a device was lost: the one that was taken in its place; null otherwise. */
  readonly replacedBy: string | null;
  /** The system or a switch on the device keeps it silent. */
  readonly muted: boolean;
  /** What can be chosen; empty until the first permission. */
  readonly devices: readonly Device[];
}

const OFF: MicrophoneState = {
  kind: 'off',
  deviceId: '',
  problem: null,
  replacedBy: null,
  muted: false,
  devices: [],
};

/** A microphone that can be turned on and off. */
export class Microphone {
  /** How it stands. */
  readonly state = new Store<MicrophoneState>(OFF);
  readonly #onTrack: (track: MediaStreamTrack | null) => void;
  readonly #unwatch: () => void;
  #track: MediaStreamTrack | null = null;
  #meter: LevelMeter | null = null;
  #wanted = '';
  /** Counts attempts, so that the answer to an old one is dropped. */
  #attempt = 0;

  /** `onTrack` gets each track to send, and null when there is nothing to send any more. */
  constructor(onTrack: (track: MediaStreamTrack | null) => void) {
    this.#onTrack = onTrack;
    this.#unwatch = watchDevices(() => void this.#listAgain());
  }

  /** What is sent now. */
  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Loudness now, 0 to 1; 0 while off. */
  level(): number {
    return this.#meter?.level() ?? 0;
  }

  /** Turns it on. Call it in the click's own task. What goes wrong is told by the state. */
  turnOn(): Promise<void> {
    if (this.state.get().kind !== 'off') return Promise.resolve();
    return this.#open(this.#wanted);
  }

  /** Turns it off; the device is let go. */
  turnOff(): void {
    this.#attempt += 1;
    this.#release();
    this.#set({ kind: 'off', deviceId: '', problem: null, replacedBy: null, muted: false });
    this.#onTrack(null);
  }

  /** Takes another device, now or at the next time it is turned on. */
  choose(deviceId: string): Promise<void> {
    this.#wanted = deviceId;
    if (this.state.get().kind === 'off') return Promise.resolve();
    return this.#open(deviceId);
  }

  /** Ends it for good. */
  close(): void {
    this.#attempt += 1;
    this.#unwatch();
    this.#release();
    this.#set({ kind: 'off', deviceId: '', muted: false });
  }

  async #open(deviceId: string): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#set({ kind: 'starting', problem: null, replacedBy: null });
    let track: MediaStreamTrack;
    try {
      track = await openDevice({ audio: constraints(deviceId) });
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(error instanceof DeviceError ? error.problem : 'failed');
      return;
    }
    if (attempt !== this.#attempt) {
      track.stop();
      return;
    }
    this.#take(track, null);
    await this.#listAgain();
  }

  #take(track: MediaStreamTrack, replacedBy: string | null): void {
    this.#release();
    this.#track = track;
    track.onended = () => void this.#lost();
    track.onmute = () => this.#set({ muted: true });
    track.onunmute = () => this.#set({ muted: false });
    this.#meter = meterOf(track);
    const deviceId = track.getSettings().deviceId ?? '';
    this.#set({ kind: 'on', deviceId, problem: null, replacedBy, muted: track.muted });
    this.#onTrack(track);
  }

  /** The device went away: another one if there is any, else off, with the reason. */
  async #lost(): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#release();
    this.#set({ kind: 'starting', deviceId: '', problem: 'unplugged', muted: true });
    let track: MediaStreamTrack;
    try {
      track = await openDevice({ audio: constraints('') });
    } catch {
      if (attempt === this.#attempt) this.#fail('unplugged');
      return;
    }
    if (attempt !== this.#attempt) {
      track.stop();
      return;
    }
    this.#wanted = '';
    this.#take(track, track.label);
    await this.#listAgain();
  }

  #fail(problem: DeviceProblem): void {
    this.#release();
    this.#set({ kind: 'off', deviceId: '', problem, replacedBy: null, muted: false });
    this.#onTrack(null);
    // The list may be what is wrong: a device that is not there any more.
    void this.#listAgain();
  }

  async #listAgain(): Promise<void> {
    const devices = await listDevices('audioinput');
    const { deviceId } = this.state.get();
    // Some browsers tell of no device by name without a lasting permission: the one in use is known anyway.
    const known = this.#track === null || devices.some((one) => one.id === deviceId);
    this.#set({ devices: known ? devices : [{ id: deviceId, label: this.#track?.label ?? '' }, ...devices] });
  }

  #release(): void {
    this.#meter?.close();
    this.#meter = null;
    const track = this.#track;
    this.#track = null;
    if (!track) return;
    track.onended = null;
    track.onmute = null;
    track.onunmute = null;
    track.stop();
  }

  #set(change: Partial<MicrophoneState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}

/** Speech: no echo of the other side, no hum, no shouting. */
function constraints(deviceId: string): MediaTrackConstraints {
  const speech = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return deviceId ? { ...speech, deviceId: { exact: deviceId } } : speech;
}

function meterOf(track: MediaStreamTrack): LevelMeter | null {
  try {
    return new LevelMeter(track);
  } catch {
    // A browser out of audio contexts: the sound goes on without a meter.
    return null;
  }
}
