// Tests of the keyboard shortcuts.

import { expect, it, vi } from 'vitest';
import type { ConversationSummary } from '../protocol/generated.ts';
import { type Keys, meaning } from './keys.ts';

const press = { key: '', code: '', altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, writing: false };
const mine = [{ id: 'c_1' }, { id: 'c_2' }] as ConversationSummary[];
const keys = (): Keys => ({ mine, selected: 'c_2', open: vi.fn(), help: vi.fn() });

it('switches by number and to the neighbour', () => {
  const on = keys();
  meaning({ ...press, altKey: true, code: 'Digit1', key: '1', writing: true }, on)?.();
  expect(on.open).toHaveBeenLastCalledWith('c_1');
  meaning({ ...press, altKey: true, code: 'ArrowUp' }, on)?.();
  expect(on.open).toHaveBeenLastCalledWith('c_1');
  expect(meaning({ ...press, altKey: true, code: 'Digit9' }, on)).toBeNull();
});

it('leaves text, and the browser’s own keys, alone', () => {
  const on = keys();
  expect(meaning({ ...press, key: '?', shiftKey: true, writing: true }, on)).toBeNull();
  expect(meaning({ ...press, key: '1', code: 'Digit1' }, on)).toBeNull();
  expect(meaning({ ...press, altKey: true, ctrlKey: true, code: 'Digit1' }, on)).toBeNull();
  meaning({ ...press, key: '?', shiftKey: true }, on)?.();
  expect(on.help).toHaveBeenCalledOnce();
});
