// Listening at one end of a call: what its connections decoded, by the browser's own statistics.

import { expect, type Page } from '@playwright/test';

/** Energy of all the sound that a page has received so far (W3C `totalAudioEnergy`). */
async function energy(page: Page): Promise<number> {
  return page.evaluate(async () => {
    let sum = 0;
    for (const { pc } of window.recordedPeers ?? []) {
      if (pc.connectionState === 'closed') continue;
      for (const row of (await pc.getStats()).values()) {
        if (row.type === 'inbound-rtp' && row.kind === 'audio') sum += row.totalAudioEnergy ?? 0;
      }
    }
    return sum;
  });
}

/** Waits until a page receives sound that can be heard: the microphone's beeps bring 0.05 a second, silence nothing. */
export async function expectSound(page: Page): Promise<void> {
  const before = await energy(page);
  await expect.poll(() => energy(page), { message: 'energy of the received sound' }).toBeGreaterThan(before + 0.02);
}

/** Waits until a page plays so many received voices: elements that run, with a track on which something arrives. */
export async function expectVoicesPlayed(page: Page, count: number): Promise<void> {
  const playing = () =>
    page.evaluate(
      () =>
        (window.recordedSounds ?? []).filter(
          ({ paused, muted, volume, srcObject }) =>
            !paused && !muted && volume > 0 && srcObject instanceof MediaStream && srcObject.getAudioTracks().some((track) => !track.muted),
        ).length,
    );
  await expect.poll(playing, { message: 'voices that the page plays' }).toBe(count);
}

/** Nothing can be heard for two seconds, from now on or soon: what is on its way still sounds. */
export async function expectSilence(page: Page): Promise<void> {
  await expect
    .poll(
      async () => {
        const before = await energy(page);
        await page.waitForTimeout(2_000);
        return (await energy(page)) - before;
      },
      { message: 'energy of the received sound in two seconds' },
    )
    .toBeLessThan(0.0001);
}

/** The frequency that is loudest in what a page receives, Hz; 0 for silence. */
export async function loudestHz(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const tracks = (window.recordedPeers ?? [])
      .filter(({ pc }) => pc.connectionState === 'connected')
      .flatMap(({ pc }) => pc.getReceivers())
      .map(({ track }) => track)
      .filter(({ kind, muted }) => kind === 'audio' && !muted);
    const context = new AudioContext();
    await context.resume();
    const analyser = context.createAnalyser();
    analyser.fftSize = 4_096;
    for (const track of tracks) context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    let [loudest, at] = [-70, 0];
    const until = performance.now() + 1_500;
    while (performance.now() < until) {
      await new Promise((done) => setTimeout(done, 50));
      analyser.getFloatFrequencyData(bins);
      bins.forEach((db, bin) => {
        if (db > loudest) [loudest, at] = [db, bin];
      });
    }
    const hz = (at * context.sampleRate) / analyser.fftSize;
    await context.close();
    return hz;
  });
}
