// Sharing this tab, a window or a screen: the browser's own picker, asked for the kind that the person chose. Sound is never
// asked for: what helps is seen, and what is said goes over the microphone.

import type { Surface } from '../protocol/generated.ts';
import { isChromium } from './able.ts';
import { type Capture, CaptureError, type CaptureProblem } from './capture.ts';

/** A kind of surface that the picker is asked for. */
export type DisplayWay = 'tab' | 'window' | 'screen';

/** Options of the Screen Capture specification that the DOM's types do not have. */
interface PickerOptions extends DisplayMediaStreamOptions {
  preferCurrentTab?: boolean;
  selfBrowserSurface?: 'include' | 'exclude';
  surfaceSwitching?: 'include' | 'exclude';
}

/** Asked for by name, or Chromium captures tabs in three quarters of their size whenever the machine is busy. */
const SIZE = { width: { ideal: 3840 }, height: { ideal: 2160 } };

const OPTIONS: Record<DisplayWay, PickerOptions> = {
  // One question with a yes and a no instead of a picker. It stays this tab: the button said so.
  tab: {
    video: { displaySurface: 'browser', ...SIZE },
    audio: false,
    preferCurrentTab: true,
    selfBrowserSurface: 'include',
    surfaceSwitching: 'exclude',
  },
  window: { video: { displaySurface: 'window', ...SIZE }, audio: false, selfBrowserSurface: 'exclude' },
  screen: { video: { displaySurface: 'monitor', ...SIZE }, audio: false },
};

/**
 * Chromium repeats a page that stands still until it is sharp; one on which a clock or a cursor ticks it encodes at the ticks alone,
 * five times a second, say. Told that no frame at all is fine, it repeats such a page between the ticks, too: sharp 1.4 s after its
 * first frame instead of 2. The capture begins anew by that, which the first picture must not wait for.
 */
const REPEATED = { ...SIZE, frameRate: { min: 0, max: 30 } };
/** Time after the capture by which the first picture is on its way, ms. */
const REPEATED_AFTER_MS = 500;

function repeat(track: MediaStreamTrack): void {
  // Refused, the track stays as it was.
  if (track.readyState === 'live') track.applyConstraints(REPEATED).catch(() => {});
}

/** A refusal this soon after the call had no picker before it, ms: nobody reads and answers one faster. */
const NO_PICKER_MS = 150;

/** Whether this browser has the means at all; phones mostly do not. Where it has them, only trying tells. */
export function hasDisplayCapture(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/**
 * Asks for a tab, window or screen. Must be called in the click's own task: browsers want a person's gesture.
 * @throws CaptureError
 */
export function captureDisplay(way: DisplayWay): Promise<Capture> {
  if (!hasDisplayCapture()) return Promise.reject(new CaptureError('unsupported'));
  const askedMs = performance.now();
  let asked: Promise<MediaStream>;
  try {
    asked = navigator.mediaDevices.getDisplayMedia(OPTIONS[way]);
  } catch (cause) {
    return Promise.reject(new CaptureError('failed', { cause }));
  }
  return asked.then(displayCapture, (cause: unknown) => {
    throw new CaptureError(displayProblem(cause, performance.now() - askedMs), { cause });
  });
}

/** What a refusal of `getDisplayMedia` means that came after `afterMs`. */
export function displayProblem(cause: unknown, afterMs: number): CaptureProblem {
  const name = cause instanceof DOMException ? cause.name : '';
  if (name === 'NotAllowedError') {
    // One error for a closed picker, a frame without `allow="display-capture"`, and the system's no.
    if (/system/i.test(String(cause))) return 'system';
    if (!frameMayCapture()) return 'forbidden';
    // Some phones have the method and refuse every call of it.
    return afterMs < NO_PICKER_MS && isPhone() ? 'unsupported' : 'cancelled';
  }
  if (name === 'AbortError') return 'cancelled';
  if (name === 'NotFoundError') return 'empty';
  if (name === 'NotSupportedError') return 'unsupported';
  // The system has the surface but does not let the browser read it.
  return name === 'NotReadableError' ? 'system' : 'failed';
}

/** False where the page around our frame is known to keep it from capturing; browsers that do not tell count as willing. */
function frameMayCapture(): boolean {
  const { featurePolicy } = document as { featurePolicy?: { allowsFeature(name: string): boolean } };
  return featurePolicy?.allowsFeature('display-capture') ?? true;
}

/** A small screen under a finger. */
export function isPhone(): boolean {
  return matchMedia('(pointer: coarse) and ((max-width: 600px) or (max-height: 480px))').matches;
}

const SURFACES: Record<string, Surface> = { browser: 'tab', window: 'window', monitor: 'screen' };

/** The surface by the track's own word: people may choose another kind in the picker than the button named. */
export function surfaceOf(settings: { displaySurface?: string }): Surface {
  return SURFACES[settings.displaySurface ?? ''] ?? 'screen';
}

function displayCapture(stream: MediaStream): Capture {
  const track = stream.getVideoTracks()[0];
  if (!track) throw new CaptureError('empty');
  const capture: Capture = {
    surface: surfaceOf(track.getSettings()),
    slot: 'screen',
    track,
    onTrack: null,
    onEnded: null,
    onMuted: null,
    stop: () => {
      for (const one of stream.getTracks()) one.stop();
    },
  };
  track.onended = () => capture.onEnded?.();
  if (isChromium()) setTimeout(() => repeat(track), REPEATED_AFTER_MS);
  track.onmute = () => capture.onMuted?.(true);
  track.onunmute = () => capture.onMuted?.(false);
  return capture;
}
