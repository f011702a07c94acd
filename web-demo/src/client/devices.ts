// Microphones and cameras of this machine: what there are, and why one could not be had.

/** Why a device gives nothing. */
export type DeviceProblem =
  /** The person, or an earlier choice of theirs, said no. */
  | 'denied'
  /** The operating system does not let the browser use it. */
  | 'system'
  /** There is none. */
  | 'missing'
  /** Another program has it. */
  | 'busy'
  /** It was unplugged or switched off while in use. */
  | 'unplugged'
  /** The page or the browser cannot use devices at all. */
  | 'unsupported'
  /** Anything else. */
  | 'failed';

/** A device could not be had. */
export class DeviceError extends Error {
  readonly problem: DeviceProblem;

  constructor(problem: DeviceProblem, options?: ErrorOptions) {
    super(`device: ${problem}`, options);
    this.name = 'DeviceError';
    this.problem = problem;
  }
}

/** A device that can be chosen. */
export interface Device {
  /** The browser's id of it, the same as long as the site may use it. */
  readonly id: string;
  /** The system's name of it; empty where the browser does not tell. */
  readonly label: string;
}

/** What a refusal of `getUserMedia` means. */
export function deviceProblem(cause: unknown): DeviceProblem {
  const name = cause instanceof DOMException ? cause.name : '';
  switch (name) {
    case 'NotAllowedError':
      // One error for the person's no and the system's; the message alone tells them apart.
      return /system/i.test(String(cause)) ? 'system' : 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'SecurityError':
    case 'NotSupportedError':
      return 'unsupported';
    default:
      return 'failed';
  }
}

/** Asks for a microphone or camera. Call it in the click's own task where there is one. @throws DeviceError */
export async function openDevice(constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  // Absent on pages without https.
  if (typeof navigator.mediaDevices?.getUserMedia !== 'function') throw new DeviceError('unsupported');
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(constraints);
  } catch (cause) {
    throw new DeviceError(deviceProblem(cause), { cause });
  }
  const track = stream.getTracks()[0];
  if (!track) throw new DeviceError('missing');
  return track;
}

/** The devices of a kind that have an id; before the first permission browsers hide them, and the list is empty. */
export async function listDevices(kind: MediaDeviceKind): Promise<Device[]> {
  if (typeof navigator.mediaDevices?.enumerateDevices !== 'function') return [];
  try {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.flatMap((one) => (one.kind === kind && one.deviceId ? [{ id: one.deviceId, label: one.label }] : []));
  } catch {
    return [];
  }
}

/** Calls `changed` when devices come or go; returns what ends it. */
export function watchDevices(changed: () => void): () => void {
  const devices = navigator.mediaDevices;
  devices?.addEventListener?.('devicechange', changed);
  return () => devices?.removeEventListener?.('devicechange', changed);
}
