// Makes a sender's encoder before there is a picture: a drawn frame is put on it while it sends nothing. Chromium makes an
// encoder at a sender's first frame, and passes by the frames that come meanwhile: 20 ms on an idle machine, 60 on a busy one.

/** Size of most pictures that are shared; an encoder for another one is made anew, and nothing is lost. */
const WIDTH = 1280;
const HEIGHT = 720;
/** Until the encoder is there, ms. */
const PATIENCE_MS = 250;

/** Whether this browser gains by it, and draws for it. */
function canPrime(): boolean {
  return /\bChrom(e|ium)\//.test(navigator.userAgent) && 'CanvasCaptureMediaStreamTrack' in globalThis;
}

/**
 * Primes a sender that has no track and sends nothing yet: `encodings[].active` is false from then on, so that not one
 * packet leaves; `tuneSender` sets it to true again. A track that is put on the sender meanwhile stays there.
 */
export async function primeSender(sender: RTCRtpSender): Promise<void> {
  if (!canPrime() || sender.track) return;
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.active = false;
  await sender.setParameters(parameters);
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const [drawn] = canvas.captureStream(0).getVideoTracks() as CanvasCaptureMediaStreamTrack[];
  // A canvas gives frames only once it has been drawn on.
  canvas.getContext('2d', { alpha: false })?.fillRect(0, 0, WIDTH, HEIGHT);
  if (!drawn || sender.track) return;
  try {
    await sender.replaceTrack(drawn);
    drawn.requestFrame();
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    if (sender.track === drawn) await sender.replaceTrack(null);
  } finally {
    drawn.stop();
  }
}
