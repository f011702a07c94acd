// Tests of the unsent replies.

import { expect, it } from 'vitest';
import { type DraftStorage, Drafts } from './drafts.ts';

function storage(): DraftStorage & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

it('keeps a draft per conversation and over a reload', () => {
  const behind = storage();
  const before = new Drafts(behind);
  before.set('c_1', 'half a sen');
  before.set('c_2', '  ');
  const after = new Drafts(behind);
  expect(after.get('c_1')).toBe('half a sen');
  expect(after.has('c_1')).toBe(true);
  expect(after.has('c_2')).toBe(false);
  expect(after.get('c_3')).toBe('');
});

it('forgets a draft that was sent', () => {
  const behind = storage();
  const drafts = new Drafts(behind);
  drafts.set('c_1', 'text');
  drafts.set('c_1', '');
  expect(drafts.has('c_1')).toBe(false);
  expect(behind.kept.size).toBe(0);
});

it('works when the storage refuses', () => {
  const refuse = (): never => {
    throw new Error('QuotaExceededError');
  };
  const drafts = new Drafts({ getItem: refuse, setItem: refuse, removeItem: refuse });
  drafts.set('c_1', 'text');
  expect(drafts.get('c_1')).toBe('text');
});

it('never gives a note out as a reply', () => {
  const behind = storage();
  new Drafts(behind, 'note').set('c_1', 'for colleagues');
  expect(new Drafts(behind).get('c_1')).toBe('');
  expect(new Drafts(behind, 'note').get('c_1')).toBe('for colleagues');
});
