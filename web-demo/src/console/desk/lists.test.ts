// Tests of the navigation lists.

import { expect, it } from 'vitest';
import type { ConversationSummary } from '../../protocol/generated.ts';
import { deskLists, neighbour, nextUnread, unreadTotal, urgency } from './lists.ts';

function row(ticket: number, part: Partial<ConversationSummary>): ConversationSummary {
  return {
    id: `c_${ticket}`,
    ticket,
    status: 'waiting',
    viewer_name: 'Guest',
    lang: 'en',
    viewer_online: true,
    opened_at_ms: ticket * 1000,
    last_seq: 1,
    last_text: '',
    agent_read_seq: 0,
    viewer_read_seq: 0,
    unread: 0,
    sample: false,
    ...part,
  };
}

it('sorts the queue by wait, own ones by number, and leaves resolved ones out', () => {
  const lists = deskLists(
    [
      row(4, { waiting_since_ms: 9_000 }),
      row(5, { waiting_since_ms: 2_000 }),
      row(9, { status: 'taken', agent: 'u_me' }),
      row(7, { status: 'taken', agent: 'u_me', waiting_since_ms: 1 }),
      row(8, { status: 'taken', agent: 'u_other' }),
      row(1, { status: 'resolved', agent: 'u_me' }),
    ],
    'u_me',
  );
  expect(lists.queue.map((one) => one.ticket)).toEqual([5, 4]);
  expect(lists.mine.map((one) => one.ticket)).toEqual([7, 9]);
  expect(lists.others.map((one) => one.ticket)).toEqual([8]);
});

it('counts what is unread elsewhere', () => {
  const mine = [row(1, { unread: 2 }), row(2, { unread: 3 })];
  expect(unreadTotal(mine, 'c_2')).toBe(2);
  expect(unreadTotal(mine, undefined)).toBe(5);
});

it('walks around the ends', () => {
  const mine = [row(1, {}), row(2, {}), row(3, {})];
  expect(neighbour(mine, 'c_3', 1)).toBe('c_1');
  expect(neighbour(mine, 'c_1', -1)).toBe('c_3');
  expect(neighbour(mine, undefined, 1)).toBe('c_1');
  expect(neighbour(mine, undefined, -1)).toBe('c_3');
  expect(neighbour([], 'c_1', 1)).toBeUndefined();
});

it('says when a wait becomes long', () => {
  expect([0, 59_999, 60_000, 180_000].map(urgency)).toEqual(['calm', 'calm', 'warn', 'late']);
});

it('puts who waits longest first where that is wanted', () => {
  const own = { status: 'taken', agent: 'u_me' } as const;
  const rows = [row(1, own), row(2, { ...own, waiting_since_ms: 900 }), row(3, { ...own, waiting_since_ms: 100 })];
  expect(deskLists(rows, 'u_me', 'waiting').mine.map((one) => one.ticket)).toEqual([3, 2, 1]);
  expect(deskLists(rows, 'u_me', 'number').mine.map((one) => one.ticket)).toEqual([1, 2, 3]);
});

it('finds the next one with unread messages, around the end', () => {
  const mine = [row(1, { unread: 1 }), row(2, {}), row(3, { unread: 4 })];
  expect(nextUnread(mine, 'c_1')).toBe('c_3');
  expect(nextUnread(mine, 'c_3')).toBe('c_1');
  expect(nextUnread(mine, undefined)).toBe('c_1');
  expect(nextUnread([row(1, { unread: 1 })], 'c_1')).toBeUndefined();
  expect(nextUnread([], undefined)).toBeUndefined();
});
