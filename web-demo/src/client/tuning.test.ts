import { expect, it } from 'vitest';
import type { ContentHint, Surface } from '../protocol/generated.ts';
import { startKbps, tuneSender, tuningOf } from './tuning.ts';

it('tunes by what is shared until the agent says otherwise', () => {
  expect((['player', 'camera', 'tab', 'window', 'screen'] as const).map((one) => tuningOf(one, 'auto'))).toEqual([
    'motion',
    'motion',
    'detail',
    'detail',
    'detail',
  ]);
  expect(tuningOf('player', 'detail')).toBe('detail');
  expect(tuningOf('screen', 'motion')).toBe('motion');
});

/** What a sender with one encoding is told. */
async function told(surface: Surface, wanted: ContentHint, starting: boolean, limitKbps: number | null, idle = false) {
  const parameters = { encodings: [{}] } as RTCRtpSendParameters & { degradationPreference?: string };
  const sender = { getParameters: () => parameters, setParameters: () => Promise.resolve() };
  await tuneSender(sender as unknown as RTCRtpSender, surface, wanted, starting, idle, limitKbps);
  const [encoding] = parameters.encodings;
  return [parameters.degradationPreference, encoding?.maxBitrate, encoding?.active];
}

it('begins at full size, and lets both give way later unless something else was asked for', async () => {
  expect(await told('camera', 'auto', true, null)).toEqual(['maintain-resolution', 6_000_000, true]);
  expect(await told('camera', 'auto', false, null)).toEqual(['balanced', 6_000_000, true]);
  expect(await told('screen', 'auto', false, null)).toEqual(['maintain-resolution', 12_000_000, true]);
  expect(await told('screen', 'motion', true, null)).toEqual(['maintain-framerate', 6_000_000, true]);
});

it('takes no more than the player leaves', async () => {
  expect((await told('screen', 'auto', false, 800))[1]).toBe(800_000);
});

it('takes nothing of the rate for a slot without the picture', async () => {
  expect((await told('camera', 'auto', true, null, true))[2]).toBe(false);
});

it('starts with a part of what was measured, and never with more than helps', () => {
  expect(startKbps({ kbps: 1_000, atLeast: false, loss: 0 }, 'detail')).toBe(750);
  expect(startKbps({ kbps: 900_000, atLeast: true, loss: 0 }, 'detail')).toBe(15_000);
  expect(startKbps({ kbps: 900_000, atLeast: true, loss: 0 }, 'motion')).toBe(2_000);
});
