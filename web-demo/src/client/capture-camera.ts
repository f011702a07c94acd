// Showing something by camera: the one that looks away from the person where there are two, another one by a button.

import { type Capture, CaptureError } from './capture.ts';
import { DeviceError, listDevices, openDevice } from './devices.ts';

/** Large enough to read a television's message, small enough for a phone's uplink. */
const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 } };

/** A camera's picture. */
export interface CameraCapture extends Capture {
  /** Goes on with the next camera. @throws CaptureError; the old camera goes on then, where the system allows it */
  flip(): Promise<void>;
  /** How many cameras there are. */
  count(): Promise<number>;
}

/** Asks for a camera. Best called in the click's own task. @throws CaptureError */
export async function captureCamera(): Promise<CameraCapture> {
  return new Camera(await open({ ...SIZE, facingMode: { ideal: 'environment' } }));
}

async function open(video: MediaTrackConstraints): Promise<MediaStreamTrack> {
  try {
    return await openDevice({ video });
  } catch (cause) {
    throw new CaptureError(cause instanceof DeviceError ? cause.problem : 'failed', { cause });
  }
}

class Camera implements CameraCapture {
  readonly surface = 'camera';
  readonly slot = 'camera';
  track: MediaStreamTrack;
  onTrack: ((track: MediaStreamTrack) => void) | null = null;
  onEnded: (() => void) | null = null;
  onMuted: ((muted: boolean) => void) | null = null;
  #stopped = false;

  constructor(track: MediaStreamTrack) {
    this.track = track;
    this.#listen();
  }

  async count(): Promise<number> {
    return (await listDevices('videoinput')).length;
  }

  async flip(): Promise<void> {
    const before = this.track;
    const { deviceId, facingMode } = before.getSettings();
    const cameras = await listDevices('videoinput');
    const next = cameras[(cameras.findIndex((one) => one.id === deviceId) + 1) % Math.max(1, cameras.length)];
    // Phones name which way a camera looks; elsewhere the next device is the other one.
    const other: MediaTrackConstraints = facingMode
      ? { ...SIZE, facingMode: { exact: facingMode === 'user' ? 'environment' : 'user' } }
      : { ...SIZE, deviceId: { exact: next?.id ?? '' } };
    // Most phones run one camera at a time: the first is let go before the second is asked for.
    this.#mute(before);
    before.stop();
    try {
      this.#take(await open(other));
    } catch (error) {
      this.#take(await open({ ...SIZE, ...(deviceId ? { deviceId } : {}) }).catch(() => this.#gone()));
      throw error;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#mute(this.track);
    this.track.stop();
  }

  /** Neither camera comes back: the picture is over. */
  #gone(): MediaStreamTrack {
    this.onEnded?.();
    return this.track;
  }

  #take(track: MediaStreamTrack): void {
    if (track === this.track) return;
    if (this.#stopped) {
      track.stop();
      return;
    }
    this.track = track;
    this.#listen();
    this.onTrack?.(track);
  }

  #listen(): void {
    this.track.onended = () => this.onEnded?.();
    this.track.onmute = () => this.onMuted?.(true);
    this.track.onunmute = () => this.onMuted?.(false);
  }

  #mute(track: MediaStreamTrack): void {
    track.onended = null;
    track.onmute = null;
    track.onunmute = null;
  }
}
