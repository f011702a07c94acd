// Tests of what an agent reads of the viewer's end.

import { expect, it } from 'vitest';
import type { CallState, Sources, Surface } from '../../protocol/generated.ts';
import { texts } from '../texts.ts';
import { signals } from './signals.ts';

const all: Sources = { audio: 'interrupted', screen: 'interrupted', camera: 'on', page_hidden: true };

function keys(surface: Surface, sources: Sources, away?: number): string[] {
  const side = { sources: { audio: 'off', screen: 'off', camera: 'off', page_hidden: false } } as const;
  const call: CallState = {
    id: 'k_1',
    conversation: 'c_1',
    stage: 'live',
    agent: 'u_me',
    agent_name: 'Robin',
    expires_at_ms: 0,
    surface,
    viewer: { sources, ...(away === undefined ? {} : { away_since_ms: away }) },
    agent_side: side,
    content: 'auto',
    guests: [],
  };
  return signals(call, texts('en').call).map((one) => one.key);
}

it('says what does not come, and that the tab is out of sight where that matters', () => {
  expect(keys('player', all)).toEqual(['screen', 'audio', 'page_hidden']);
  expect(keys('screen', all)).toEqual(['screen', 'audio']);
  expect(keys('camera', { audio: 'on', screen: 'off', camera: 'interrupted', page_hidden: false })).toEqual(['camera']);
  expect(keys('player', { audio: 'off', screen: 'on', camera: 'off', page_hidden: false })).toEqual([]);
});

it('says nothing else while the connection itself is away', () => {
  expect(keys('player', all, 5)).toEqual([]);
});
