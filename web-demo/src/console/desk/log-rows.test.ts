// Tests of how a conversation's lines are grouped.

import { expect, it } from 'vitest';
import type { AuthorKind, Entry } from '../../protocol/generated.ts';
import { GROUP_GAP_MS, logRows, viewerMessagesAfter } from './log-rows.ts';

function message(seq: number, kind: AuthorKind, at_ms = seq * 1000): Entry {
  return { seq, at_ms, author: { kind, name: kind }, body: { kind: 'message', text: `text ${seq}` } };
}

const resolved: Entry = {
  seq: 4,
  at_ms: 4000,
  author: { kind: 'system', name: 'Sightline' },
  body: { kind: 'resolved' },
};

it('groups by side and pause, and sets events and days apart', () => {
  const late = message(6, 'agent', 5000 + GROUP_GAP_MS + 1);
  const lines = [message(1, 'viewer'), message(2, 'viewer'), message(3, 'agent'), resolved, message(5, 'agent'), late];
  const dayOf = (ms: number) => (ms > GROUP_GAP_MS ? 'tuesday' : 'monday');
  const rows = logRows(lines, (a, b) => dayOf(a) === dayOf(b));
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

it('starts a new group after a pause', () => {
  const rows = logRows([message(1, 'viewer', 0), message(2, 'viewer', GROUP_GAP_MS + 1)], () => true);
  expect(rows.filter((row) => row.kind === 'group')).toHaveLength(2);
});

it('counts what the viewer wrote after a line', () => {
  const lines = [message(1, 'viewer'), message(2, 'agent'), message(3, 'viewer'), resolved, message(5, 'viewer')];
  expect(viewerMessagesAfter(lines, 2)).toBe(2);
  expect(viewerMessagesAfter(lines, 5)).toBe(0);
});

it('keeps notes out of groups, and pictures in them', () => {
  const author = { kind: 'agent', name: 'agent' } as const;
  const note: Entry = { seq: 2, at_ms: 2000, author, body: { kind: 'note', text: 'calls every week' } };
  const picture: Entry = {
    seq: 4,
    at_ms: 4000,
    author,
    body: { kind: 'picture', picture: 'p_1', media_type: 'image/png', width: 4, height: 3, bytes: 9 },
  };
  const rows = logRows([message(1, 'agent'), note, message(3, 'agent'), picture], () => true);
  expect(rows.map((row) => row.kind)).toEqual(['day', 'group', 'note', 'group']);
  expect(rows[3]).toMatchObject({
    messages: [{ content: { kind: 'text' } }, { content: { kind: 'picture', picture: 'p_1' } }],
  });
});
