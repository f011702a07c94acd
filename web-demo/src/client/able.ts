// What this browser has at all. Where it has the means, only trying tells.

/** Whether it can hold a call. Some have no WebRTC, or it is switched off. */
export function canCall(): boolean {
  return typeof RTCPeerConnection === 'function';
}

/**
 * Whether its picker can be asked for one tab. Where it cannot, the question for a tab would open a choice of windows and
 * screens: more than the button said. Told by which options the browser reads; the last one it would read ends the
 * call before anything is asked of a person.
 */
export function canShareTab(): boolean {
  let knowsTabs = false;
  const options = {
    get preferCurrentTab(): boolean {
      knowsTabs = true;
      return true;
    },
    get video(): boolean {
      throw new Error('asked for nothing');
    },
  };
  try {
    navigator.mediaDevices?.getDisplayMedia?.(options)?.catch(() => {});
  } catch {
    // Browsers differ in how they say it.
  }
  return knowsTabs;
}

/** Whether this is Chromium or one of its kin, headless ones included. */
export function isChromium(userAgent: string = navigator.userAgent): boolean {
  return /Chrom(e|ium)\//.test(userAgent);
}
