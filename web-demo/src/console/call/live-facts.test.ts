// Tests of the figures under the running picture.

import { expect, it } from 'vitest';
import type { Sample } from '../telemetry/rates.ts';
import { codecName, LIVE_SAMPLES_MAX, liveFacts, withSample } from './live-facts.ts';

const sample = (second: number, bytesReceived: number, framesDecoded: number): Sample => ({
  t: second * 1000,
  pair: { currentRoundTripTime: 0.042 },
  video: {
    mimeType: 'video/VP8',
    frameWidth: 1280,
    frameHeight: 720,
    bytesReceived,
    framesDecoded,
    packetsReceived: second * 100,
    packetsLost: 0,
  },
});

it('reads the newest second, and leaves rates open on the first', () => {
  expect(liveFacts([])).toBeNull();
  expect(liveFacts([sample(1, 0, 0)])).toMatchObject({ width: 1280, codec: 'VP8', kbps: null, fps: null, rtt_ms: 42 });
  expect(liveFacts([sample(1, 0, 0), sample(2, 250_000, 25)])).toMatchObject({ kbps: 2000, fps: 25, loss_percent: 0 });
});

it('keeps a minute', () => {
  let samples: readonly Sample[] = [];
  for (let n = 0; n < LIVE_SAMPLES_MAX + 9; n += 1) samples = withSample(samples, sample(n, n, n));
  expect(samples).toHaveLength(LIVE_SAMPLES_MAX);
  expect(codecName('video/H264')).toBe('H264');
});
