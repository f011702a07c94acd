import { expect, it } from 'vitest';
import { sourcesOf } from './viewer-sources.ts';

const off = { kind: 'off', muted: false, problem: null } as const;

it('says what is sent, by the sender it is on', () => {
  expect(sourcesOf({ microphone: off, picture: 'on', slot: 'screen' }, false)).toEqual({
    audio: 'off',
    screen: 'on',
    camera: 'off',
    page_hidden: false,
  });
  const talking = { kind: 'on', muted: false, problem: null } as const;
  expect(sourcesOf({ microphone: talking, picture: 'none', slot: null }, true)).toEqual({
    audio: 'on',
    screen: 'off',
    camera: 'off',
    page_hidden: true,
  });
});

it('says interrupted for what is meant to be sent and is not', () => {
  for (const picture of ['muted', 'lost'] as const) {
    expect(sourcesOf({ microphone: off, picture, slot: 'camera' }, false).camera).toBe('interrupted');
  }
  const silent = { kind: 'on', muted: true, problem: null } as const;
  expect(sourcesOf({ microphone: silent, picture: 'on', slot: 'screen' }, false).audio).toBe('interrupted');
  const lost = { kind: 'starting', muted: true, problem: 'unplugged' } as const;
  expect(sourcesOf({ microphone: lost, picture: 'on', slot: 'screen' }, false).audio).toBe('interrupted');
  const starting = { kind: 'starting', muted: false, problem: null } as const;
  expect(sourcesOf({ microphone: starting, picture: 'on', slot: 'screen' }, false).audio).toBe('off');
});
