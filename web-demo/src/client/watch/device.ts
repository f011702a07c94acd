// The device and its page once a second: cores, pressure, long frames, battery, network, and whether the player's stream is
// decoded by hardware. Everything by the browser's own word; what it does not tell is absent.

import type { Sample } from '../lanes.ts';
import { deviceFacts } from './facts.ts';

/** A task or frame of the main thread that takes longer than this is a long one, ms (W3C Long Tasks). */
const LONG_MS = 50;
/** Configurations that Media Capabilities was asked about; more is a page that goes through them without end. */
const ASKED_MAX = 20;

/** What is played, as far as known. */
export interface Playing {
  /** MIME type with codecs. */
  contentType: string | null;
  width: number;
  height: number;
  /** bit/s. */
  bitrate: number;
  /** frames/s. */
  framerate: number;
}

interface LongFrame extends PerformanceEntry {
  blockingDuration?: number;
}
interface Battery {
  level: number;
  charging: boolean;
}
interface NetworkInformation {
  downlink?: number;
  effectiveType?: string;
  type?: string;
}
interface Pressures {
  observe(source: 'cpu', options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}
type PressureObserverClass = new (listener: (records: { state: string }[]) => void) => Pressures;

/** Samples the device. */
export class DeviceSampler {
  #blockedMs = 0;
  #longestMs = 0;
  #seesLong = false;
  #pressure: string | undefined;
  #battery: Battery | null = null;
  #powerEfficient: boolean | undefined;
  #asked = new Set<string>();
  #running: string | null = null;
  #ends: (() => void)[] = [];
  readonly #facts = deviceFacts();

  /** Starts listening. */
  start(): void {
    this.#seesLong = this.#observeLong();
    this.#observePressure();
    const { getBattery } = navigator as { getBattery?: () => Promise<Battery> };
    getBattery?.call(navigator).then(
      (battery) => {
        this.#battery = battery;
      },
      () => {
        // The page's policy says no.
      },
    );
  }

  /** Stops listening. */
  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** The sample of a second. `pingMs`: round trip of the page's socket, when one came back in this second. */
  sample(second: number, playing: Playing | null, pingMs: number | null): Sample {
    this.#askDecoder(playing);
    const { deviceMemory, connection } = navigator as { deviceMemory?: number; connection?: NetworkInformation };
    const { blockedMs, longestMs } = this.#takeLong();
    return {
      t: second,
      ...this.#facts,
      hardwareConcurrency: navigator.hardwareConcurrency,
      deviceMemory,
      powerEfficient: playing ? this.#powerEfficient : undefined,
      pressure: this.#pressure,
      blockedMs,
      longestMs,
      hidden: document.visibilityState === 'hidden',
      battery: this.#battery?.level,
      discharging: this.#battery ? !this.#battery.charging : undefined,
      pingMs: pingMs === null ? undefined : Math.round(pingMs * 10) / 10,
      downlink: connection?.downlink,
      effectiveType: connection?.effectiveType,
      networkType: connection?.type,
    };
  }

  /** What came in since the last second. A frame of several seconds is told when it is over, as a whole second. */
  #takeLong(): { blockedMs?: number; longestMs?: number } {
    if (!this.#seesLong) return {};
    const taken = { blockedMs: Math.round(Math.min(1000, this.#blockedMs)), longestMs: Math.round(this.#longestMs) };
    this.#blockedMs = 0;
    this.#longestMs = 0;
    return taken;
  }

  /**
   * Long animation frames tell what of a frame was blocked; a frame that only waited for its turn on the screen is none. Where
   * there are none, long tasks.
   */
  #observeLong(): boolean {
    const types = typeof PerformanceObserver === 'undefined' ? [] : (PerformanceObserver.supportedEntryTypes ?? []);
    const type = ['long-animation-frame', 'longtask'].find((one) => types.includes(one));
    if (!type) return false;
    const observer = new PerformanceObserver((list) => {
      for (const { duration, blockingDuration } of list.getEntries() as LongFrame[]) {
        if (blockingDuration === 0) continue;
        const blocked = blockingDuration === undefined ? duration : Math.min(duration, blockingDuration + LONG_MS);
        this.#blockedMs += blocked;
        this.#longestMs = Math.max(this.#longestMs, blocked);
      }
    });
    observer.observe({ type });
    this.#ends.push(() => observer.disconnect());
    return true;
  }

  #observePressure(): void {
    const { PressureObserver } = globalThis as { PressureObserver?: PressureObserverClass };
    if (!PressureObserver) return;
    try {
      const observer = new PressureObserver((records) => {
        this.#pressure = records.at(-1)?.state;
      });
      observer.observe('cpu', { sampleInterval: 1000 }).catch(() => {
        // The page's policy says no, or the system does not tell.
      });
      this.#ends.push(() => observer.disconnect());
    } catch {
      // An older form of the interface.
    }
  }

  /** Asks once for each configuration. */
  #askDecoder(playing: Playing | null): void {
    if (!playing?.contentType || playing.width === 0 || !('mediaCapabilities' in navigator)) return;
    const key = `${playing.contentType} ${playing.width} ${playing.height}`;
    if (key === this.#running || this.#asked.size >= ASKED_MAX) return;
    this.#running = key;
    this.#asked.add(key);
    this.#powerEfficient = undefined;
    navigator.mediaCapabilities
      .decodingInfo({ type: 'media-source', video: { ...playing, contentType: playing.contentType } })
      .then(
        ({ powerEfficient }) => {
          if (this.#running === key) this.#powerEfficient = powerEfficient;
        },
        () => {
          // A type that the browser does not know by this name.
        },
      );
  }
}
