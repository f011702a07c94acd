// Plays the live stream into a `<video>`: hls.js where there is Media Source, the browser's own HLS elsewhere. Keeps
// trying after interruptions and says plainly how it stands.

import Hls, { type ErrorData } from 'hls.js/light';

/** Where the stream is. */
const STREAM = '/live/demo/index.m3u8';
/** The first pause before trying again after the network failed; doubles up to `RETRY_MS_MAX`. */
const RETRY_MS_MIN = 1_000;
/** The longest pause: a viewer looks again after about that long. */
const RETRY_MS_MAX = 8_000;
/** Repairs of the decoder's state before giving up; a second failure right after a repair is rarely healed by a third. */
const REPAIRS_MAX = 3;

/** The support widget looks here for the player in use, so that it can tell why a picture stutters. */
function handOver(player: Hls | null): void {
  (window as { sightlinePlayer?: Hls | null }).sightlinePlayer = player;
}

/** How playing goes. */
export type PlayerState = 'starting' | 'playing' | 'reconnecting' | 'failed' | 'unsupported';

/** A player of the stream. */
export interface Player {
  /** Ends it and lets the element go. */
  close(): void;
  /** Starts over after `failed`. */
  restart(): void;
  /** Stops loading for so long, as if the network were gone. The browser's own HLS cannot be cut: false. */
  cut(ms: number): boolean;
  /** Seconds behind the live edge; null when unknown. */
  latencyS(): number | null;
}

/** Starts playing into `video`; `onState` is told each change. */
export function openPlayer(video: HTMLVideoElement, onState: (state: PlayerState) => void): Player {
  const playing = () => onState('playing');
  video.addEventListener('playing', playing);
  const inner = Hls.isSupported() ? openHls(video, onState) : openNative(video, onState);
  return {
    ...inner,
    close() {
      video.removeEventListener('playing', playing);
      inner.close();
    },
  };
}

function play(video: HTMLVideoElement): void {
  // Refused where autoplay is off: the controls are there, and a click on them is all it takes.
  video.play().catch(() => undefined);
}

function openHls(video: HTMLVideoElement, onState: (state: PlayerState) => void): Player {
  let hls: Hls | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = RETRY_MS_MIN;
  let repairs = 0;

  const onError = (_: unknown, data: ErrorData) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && repairs < REPAIRS_MAX) {
      repairs += 1;
      hls?.recoverMediaError();
    } else if (data.type === Hls.ErrorTypes.NETWORK_ERROR) {
      onState('reconnecting');
      timer = setTimeout(start, pauseMs);
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX);
    } else {
      onState('failed');
    }
  };

  function start(): void {
    stop();
    // Two segments behind the newest: what the switches break in the stream is soon seen.
    hls = new Hls({ enableWorker: false, liveSyncDurationCount: 2 });
    hls.on(Hls.Events.ERROR, onError);
    hls.on(Hls.Events.MANIFEST_PARSED, () => play(video));
    hls.on(Hls.Events.FRAG_BUFFERED, () => {
      pauseMs = RETRY_MS_MIN;
    });
    handOver(hls);
    hls.loadSource(STREAM);
    hls.attachMedia(video);
  }

  function stop(): void {
    clearTimeout(timer);
    hls?.destroy();
    hls = null;
    handOver(null);
  }

  onState('starting');
  start();
  return {
    close: stop,
    restart() {
      repairs = 0;
      onState('starting');
      start();
    },
    cut(ms) {
      hls?.stopLoad();
      clearTimeout(timer);
      timer = setTimeout(() => hls?.startLoad(), ms);
      return true;
    },
    latencyS: () => hls?.latency || null,
  };
}

function openNative(video: HTMLVideoElement, onState: (state: PlayerState) => void): Player {
  if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
    onState('unsupported');
  } else {
    onState('starting');
  }
  const failed = () => onState('failed');
  const start = () => {
    video.src = STREAM;
    play(video);
  };
  video.addEventListener('error', failed);
  start();
  return {
    close() {
      video.removeEventListener('error', failed);
      video.removeAttribute('src');
      video.load();
    },
    restart() {
      onState('starting');
      start();
    },
    cut: () => false,
    latencyS: () => null,
  };
}
