// The platform's page: plays the stream with hls.js and loads the widget as any host does. `window.corpus` tells
// the recorder what really happened to the picture, by means of its own.

const settings = JSON.parse(document.getElementById('settings').textContent);
const video = document.getElementById('player');

const hls = new window.Hls({
  liveSyncDurationCount: settings.behindSegments,
  liveMaxLatencyDurationCount: settings.behindSegments + 6,
  capLevelToPlayerSize: false,
  maxLiveSyncPlaybackRate: 1,
});
hls.loadSource(settings.stream);
hls.attachMedia(video);
hls.on(window.Hls.Events.ERROR, (_, { fatal, type }) => {
  if (!fatal) return;
  // As most players do: try again, for ever.
  if (type === window.Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
  else setTimeout(() => hls.loadSource(settings.stream), 1_500);
});
video.play().catch(() => undefined);
// Half of all hosts hand their player over; of the others the widget sees the element and the requests alone.
if (settings.handOver) window.sightlinePlayer = hls;

addEventListener('load', () => {
  const script = document.createElement('script');
  script.src = `${settings.support}/widget.js`;
  document.head.append(script);
});

/** What the picture did, sampled ten times a second: seconds in which it stood still though it should move. */
let stoodStillMs = 0;
let last = { at: performance.now(), position: 0, frames: 0 };
let shown = 0;
video.requestVideoFrameCallback(function count() {
  shown += 1;
  video.requestVideoFrameCallback(count);
});
setInterval(() => {
  const now = performance.now();
  if (!video.paused && shown > 0 && video.currentTime === last.position) stoodStillMs += now - last.at;
  last = { at: now, position: video.currentTime };
}, 100);

window.corpus = {
  seen() {
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality();
    return {
      stoodStillMs: Math.round(stoodStillMs),
      shown,
      droppedVideoFrames,
      totalVideoFrames,
      height: video.videoHeight,
    };
  },
};
