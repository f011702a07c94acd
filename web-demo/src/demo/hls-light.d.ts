// hls.js ships its small build (no subtitles, no DRM, no alternate sound) without types of its own; they are the same.

declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
