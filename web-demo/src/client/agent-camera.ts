// The agent's camera, which a viewer sees in a call: off at first, turned on by a click, its loss noticed. The track goes to
// whoever holds the sender.

import { DeviceError, type DeviceProblem, openDevice } from './devices.ts';
import { Store } from './emitter.ts';

/** A face beside a chat: small, so that the viewer's line is left to the picture that is looked at. */
const FACE: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 360 },
  frameRate: { ideal: 24, max: 30 },
};

/** How the camera stands. */
export interface CameraState {
  readonly kind: 'off' | 'starting' | 'on';
  /** Why the last attempt gave no picture, or what happened to the device in use; null when all is well. */
  readonly problem: DeviceProblem | null;
  /** The system keeps it dark. */
  readonly muted: boolean;
  /** For the agent's own look at it; null while off. The same object as long as the track is. */
  readonly preview: MediaStream | null;
}

/** A camera that can be turned on and off. */
export class AgentCamera {
  /** How it stands. */
  readonly state = new Store<CameraState>({ kind: 'off', problem: null, muted: false, preview: null });
  readonly #onTrack: (track: MediaStreamTrack | null) => void;
  #track: MediaStreamTrack | null = null;
  /** Counts attempts, so that the answer to an old one is dropped. */
  #attempt = 0;

  /** `onTrack` gets each track to send, and null when there is nothing to send any more. */
  constructor(onTrack: (track: MediaStreamTrack | null) => void) {
    this.#onTrack = onTrack;
  }

  /** What is sent now. */
  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Turns it on. Call it in the click's own task. What goes wrong is told by the state. */
  async turnOn(): Promise<void> {
    if (this.state.get().kind !== 'off') return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#set({ kind: 'starting', problem: null });
    let track: MediaStreamTrack;
    try {
      track = await openDevice({ video: FACE });
    } catch (error) {
      if (attempt === this.#attempt) this.#end(error instanceof DeviceError ? error.problem : 'failed');
      return;
    }
    if (attempt !== this.#attempt) {
      track.stop();
      return;
    }
    this.#track = track;
    track.onended = () => this.#end('unplugged');
    track.onmute = () => this.#set({ muted: true });
    track.onunmute = () => this.#set({ muted: false });
    this.#set({ kind: 'on', muted: track.muted, preview: new MediaStream([track]) });
    this.#onTrack(track);
  }

  /** Turns it off; the device is let go. */
  turnOff(): void {
    if (this.state.get().kind !== 'off') this.#end(null);
  }

  #end(problem: DeviceProblem | null): void {
    this.#attempt += 1;
    const track = this.#track;
    this.#track = null;
    if (track !== null) {
      track.onended = null;
      track.onmute = null;
      track.onunmute = null;
      track.stop();
    }
    this.#set({ kind: 'off', problem, muted: false, preview: null });
    this.#onTrack(null);
  }

  #set(change: Partial<CameraState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
