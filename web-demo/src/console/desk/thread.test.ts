// Tests of one conversation's lines.

import { expect, it } from 'vitest';
import type { AuthorKind, Entry } from '../../protocol/generated.ts';
import { EMPTY_THREAD, GROUP_GAP_MS, lastViewerSeq, logRows, withEntries } from './thread.ts';

function message(seq: number, kind: AuthorKind, at_ms = seq * 1000, client_id?: string): Entry {
  const entry: Entry = { seq, at_ms, author: { kind, name: kind }, body: { kind: 'message', text: `text ${seq}` } };
  return client_id === undefined ? entry : { ...entry, client_id };
}

it('drops lines it holds and takes own ones off the pending', () => {
  let thread = { ...EMPTY_THREAD, pending: [{ client_id: 'a', text: 'text 3', at_ms: 0 }] };
  thread = { ...withEntries(thread, [message(1, 'viewer'), message(2, 'viewer')]), pending: [...thread.pending] };
  const after = withEntries(thread, [message(2, 'viewer'), message(3, 'agent', 3000, 'a')]);
  expect(after.entries.map((entry) => entry.seq)).toEqual([1, 2, 3]);
  expect(after.pending).toEqual([]);
  expect(after.loaded).toBe(true);
  expect(lastViewerSeq(after)).toBe(2);
});

it('ends the typing mark with the message', () => {
  const typing = { ...EMPTY_THREAD, typing_until_ms: 9_000 };
  expect(withEntries(typing, [message(1, 'agent')]).typing_until_ms).toBe(9_000);
  expect(withEntries(typing, [message(1, 'viewer')]).typing_until_ms).toBe(0);
});

it('groups by side and pause, and sets events and days apart', () => {
  const event: Entry = {
    seq: 4,
    at_ms: 4000,
    author: { kind: 'system', name: 'Sightline' },
    body: { kind: 'resolved' },
  };
  const rows = logRows(
    [
      message(1, 'viewer'),
      message(2, 'viewer'),
      message(3, 'agent'),
      event,
      message(5, 'agent'),
      message(6, 'agent', 5000 + GROUP_GAP_MS + 1),
    ],
    (ms) => (ms > GROUP_GAP_MS ? 'tuesday' : 'monday'),
  );
  expect(rows.map((row) => (row.kind === 'group' ? `${row.author} ${row.messages.length}` : row.kind))).toEqual([
    'day',
    'viewer 2',
    'agent 1',
    'event',
    'agent 1',
    'day',
    'agent 1',
  ]);
});
