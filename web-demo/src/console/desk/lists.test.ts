// Tests of the navigation lists.

import { expect, it } from 'vitest';
import type { ConversationSummary } from '../../protocol/generated.ts';
import { deskLists, neighbour, unreadTotal, urgency } from './lists.ts';

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
