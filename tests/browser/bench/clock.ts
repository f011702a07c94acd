// The two ends of the measured time, taken in the pages themselves and not by the product: when the capture resolved at the
// viewer, when a frame was decoded at the agent. Both browsers run on this machine, so both read one clock.

import type { Page } from '@playwright/test';

interface ViewerHook {
  connectTimeCaptured: number | null;
}
interface AgentHook {
  connectTimeArmed: number;
  connectTimeFirst: { at: number; width: number; height: number } | null;
}

/** Notes when a capture with a picture resolves. */
export async function hookViewer(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const hook = window as unknown as ViewerHook;
    hook.connectTimeCaptured = null;
    const now = () => performance.timeOrigin + performance.now();
    const devices = navigator.mediaDevices;
    for (const name of ['getUserMedia', 'getDisplayMedia'] as const) {
      const original = devices[name].bind(devices) as (wanted?: MediaStreamConstraints) => Promise<MediaStream>;
      devices[name] = async (wanted?: MediaStreamConstraints) => {
        const stream = await original(wanted);
        if (stream.getVideoTracks().length > 0) hook.connectTimeCaptured = now();
        return stream;
      };
    }
  });
}

/** Notes when the first frame after `arm` is decoded in the picture of the call, on whichever element it comes. */
export async function hookAgent(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const hook = window as unknown as AgentHook;
    hook.connectTimeArmed = Number.POSITIVE_INFINITY;
    hook.connectTimeFirst = null;
    const seen = new WeakSet<HTMLVideoElement>();
    const watch = (video: HTMLVideoElement) => {
      const frame: VideoFrameRequestCallback = (now, { presentationTime, receiveTime, width, height }) => {
        const at = performance.timeOrigin + Math.min(now, presentationTime);
        // Only what came over the network.
        if (receiveTime !== undefined && !hook.connectTimeFirst && at > hook.connectTimeArmed)
          hook.connectTimeFirst = { at, width, height };
        video.requestVideoFrameCallback(frame);
      };
      video.requestVideoFrameCallback(frame);
    };
    new MutationObserver(() => {
      for (const video of document.querySelectorAll<HTMLVideoElement>('video')) {
        if (seen.has(video)) continue;
        seen.add(video);
        watch(video);
      }
    }).observe(document, { childList: true, subtree: true });
  });
}

/** From the next click on a button of this name on, a frame counts: the clock of joining begins at the click itself. */
export async function armAtClick(agent: Page, button: string): Promise<void> {
  await agent.evaluate((name) => {
    const hook = window as unknown as AgentHook;
    hook.connectTimeArmed = Number.POSITIVE_INFINITY;
    hook.connectTimeFirst = null;
    const clicked = (event: MouseEvent) => {
      const target = event.target instanceof Element ? event.target.closest('button') : null;
      if (target?.textContent?.trim() !== name) return;
      removeEventListener('click', clicked, true);
      hook.connectTimeArmed = performance.timeOrigin + event.timeStamp;
    };
    addEventListener('click', clicked, true);
  }, button);
}

/** What was noted since the click: ms to the first frame, and its width. Waits for the frame. */
export async function frameAfterClick(agent: Page): Promise<{ ms: number; width: number }> {
  const handle = await agent.waitForFunction(
    () => {
      const { connectTimeArmed: armed, connectTimeFirst: first } = window as unknown as AgentHook;
      return first && { ms: first.at - armed, width: first.width };
    },
    undefined,
    { polling: 50, timeout: 15_000 },
  );
  const seen = await handle.jsonValue();
  if (seen === null) throw new Error('no frame');
  return seen;
}

/** From now on a frame counts. */
export async function arm(viewer: Page, agent: Page): Promise<void> {
  await viewer.evaluate(() => {
    (window as unknown as ViewerHook).connectTimeCaptured = null;
  });
  await agent.evaluate(() => {
    const hook = window as unknown as AgentHook;
    hook.connectTimeFirst = null;
    hook.connectTimeArmed = performance.timeOrigin + performance.now();
  });
}

/** What was noted: consent to first frame, ms, and the size of that frame. Waits for the frame. */
export async function firstFrame(viewer: Page, agent: Page): Promise<{ ms: number; width: number; height: number }> {
  const handle = await agent.waitForFunction(() => (window as unknown as AgentHook).connectTimeFirst, undefined, {
    polling: 50,
    timeout: 15_000,
  });
  const first = await handle.jsonValue();
  const captured = await viewer.evaluate(() => (window as unknown as ViewerHook).connectTimeCaptured);
  if (first === null || captured === null) throw new Error('a frame without a capture');
  return { ms: first.at - captured, width: first.width, height: first.height };
}
