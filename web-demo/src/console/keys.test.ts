// Tests of the keyboard shortcuts.

import { expect, it, vi } from 'vitest';
import type { ConversationSummary } from '../protocol/generated.ts';
import { type KeyPress, type Keys, meaning } from './keys.ts';

const press: KeyPress = {
  key: '',
  code: '',
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  writing: false,
  busy: false,
};
const mine = [
  { id: 'c_1', unread: 0 },
  { id: 'c_2', unread: 0 },
  { id: 'c_3', unread: 2 },
] as ConversationSummary[];
const keys = (single = true): Keys => ({ mine, selected: 'c_2', open: vi.fn(), act: vi.fn(), single });

it('switches by number and to the neighbour, also while writing', () => {
  const on = keys();
  meaning({ ...press, altKey: true, code: 'Digit1', key: '1', writing: true }, on)?.();
  expect(on.open).toHaveBeenLastCalledWith('c_1');
  meaning({ ...press, altKey: true, code: 'ArrowUp' }, on)?.();
  expect(on.open).toHaveBeenLastCalledWith('c_1');
  expect(meaning({ ...press, altKey: true, code: 'Digit9' }, on)).toBeNull();
});

it('has a single key for everything', () => {
  const on = keys();
  meaning({ ...press, key: 'j' }, on)?.();
  meaning({ ...press, key: 'u' }, on)?.();
  expect(vi.mocked(on.open).mock.calls).toEqual([['c_3'], ['c_3']]);
  const shifted = (key: string) => ({ ...press, key, shiftKey: true });
  const pressed = ['t', 'r', '/', 'n', 'p', 'i', 'm', 'd'].map((key) => ({ ...press, key }));
  for (const one of [...pressed, shifted('E'), shifted('R'), shifted('?')]) meaning(one, on)?.();
  expect(vi.mocked(on.act).mock.calls.flat()).toEqual([
    'take',
    'reply',
    'canned',
    'note',
    'picture',
    'invite',
    'mic',
    'theme',
    'endCall',
    'resolve',
    'help',
  ]);
});

it('leaves text, dialogs and the browser’s own keys alone', () => {
  const on = keys();
  for (const key of ['j', 't', 'i', '/', '?', 'm']) expect(meaning({ ...press, key, writing: true }, on)).toBeNull();
  expect(meaning({ ...press, key: 'j', busy: true }, on)).toBeNull();
  expect(meaning({ ...press, key: '1', code: 'Digit1' }, on)).toBeNull();
  expect(meaning({ ...press, key: 'e' }, on)).toBeNull();
  expect(meaning({ ...press, altKey: true, ctrlKey: true, code: 'Digit1' }, on)).toBeNull();
  expect(meaning({ ...press, key: 'r', metaKey: true }, on)).toBeNull();
});

it('can be without single keys, but for the sheet that tells of them', () => {
  const on = keys(false);
  expect(meaning({ ...press, key: 'j' }, on)).toBeNull();
  meaning({ ...press, key: '?', shiftKey: true }, on)?.();
  expect(on.act).toHaveBeenCalledWith('help');
});
