// What this browser has at all. Where it has the means, only trying tells.

/** Whether it can hold a call. Some have no WebRTC, or it is switched off. */
export function canCall(): boolean {
  return typeof RTCPeerConnection === 'function';
}
