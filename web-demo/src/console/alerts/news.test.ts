// Tests of the judgement what is worth an alert.

import { expect, it } from 'vitest';
import type { CallState, ConversationSummary } from '../../protocol/generated.ts';
import { type Known, newsBetween } from './news.ts';

function row(part: Partial<ConversationSummary>): ConversationSummary {
  return {
    id: 'c_1',
    ticket: 1001,
    status: 'waiting',
    viewer_name: 'Elena',
    lang: 'en',
    viewer_online: true,
    opened_at_ms: 0,
    last_seq: 1,
    last_text: 'It stutters',
    agent_read_seq: 0,
    viewer_read_seq: 0,
    unread: 0,
    sample: false,
    ...part,
  };
}

const MINE = { status: 'taken', agent: 'u_me' } as const;

function desk(rows: ConversationSummary[], calls: CallState[] = []): Known {
  return {
    welcomed: true,
    user: 'u_me',
    conversations: new Map(rows.map((one) => [one.id, one])),
    calls: new Map(calls.map((one) => [one.conversation, one])),
  };
}

const side = { sources: { audio: 'off', screen: 'off', camera: 'off', page_hidden: false } } as const;

function call(part: Partial<CallState>): CallState {
  return {
    id: 'k_1',
    conversation: 'c_1',
    stage: 'live',
    agent: 'u_me',
    agent_name: 'Robin',
    expires_at_ms: 0,
    viewer: side,
    agent_side: side,
    content: 'auto',
    guests: [],
    ...part,
  };
}

const kinds = (before: Known, after: Known, inView: string | null = null) =>
  newsBetween(before, after, inView).map((one) => one.kind);

it('says nothing of what is there at the start', () => {
  expect(kinds({ ...desk([]), welcomed: false }, desk([row({})]))).toEqual([]);
});

it('tells of a viewer who begins to wait, and not of one whom the agent put back', () => {
  expect(newsBetween(desk([]), desk([row({})]), null)).toEqual([
    { kind: 'waiting', conversation: 'c_1', ticket: 1001, viewer: 'Elena', text: 'It stutters' },
  ]);
  expect(kinds(desk([row({})]), desk([row({ last_seq: 2, unread: 1 })]))).toEqual([]);
  expect(kinds(desk([row(MINE)]), desk([row({})]))).toEqual([]);
  expect(kinds(desk([row({ status: 'taken', agent: 'u_else' })]), desk([row({})]))).toEqual(['waiting']);
});

it('tells of a message in an own chat that is not in view', () => {
  const after = desk([row({ ...MINE, unread: 1 })]);
  expect(kinds(desk([row(MINE)]), after)).toEqual(['message']);
  expect(kinds(desk([row(MINE)]), after, 'c_1')).toEqual([]);
  expect(kinds(after, desk([row({ ...MINE, unread: 0 })]))).toEqual([]);
  // Taking a conversation brings its unread messages along.
  expect(kinds(desk([row({ unread: 2 })]), desk([row({ ...MINE, unread: 2 })]))).toEqual([]);
  expect(
    kinds(
      desk([row({ status: 'taken', agent: 'u_else' })]),
      desk([row({ status: 'taken', agent: 'u_else', unread: 3 })]),
    ),
  ).toEqual([]);
});

it('tells of a request for a call once, also in view', () => {
  const asks = desk([row({ ...MINE, call_requested_at_ms: 7 })]);
  expect(kinds(desk([row(MINE)]), asks, 'c_1')).toEqual(['request']);
  expect(kinds(asks, desk([row({ ...MINE, call_requested_at_ms: 7, last_seq: 3 })]))).toEqual([]);
});

it('tells of an end that the agent did not bring about', () => {
  const before = desk([row(MINE)], [call({})]);
  const over = (reason: CallState['reason']) => kinds(before, desk([row(MINE)], [call({ stage: 'ended', reason })]));
  expect(over('viewer_stopped')).toEqual(['ended']);
  expect(over('unanswered')).toEqual(['ended']);
  expect(over('agent_ended')).toEqual([]);
  expect(over('cancelled')).toEqual([]);
  expect(
    kinds(
      desk([row(MINE)], [call({ agent: 'u_else' })]),
      desk([row(MINE)], [call({ agent: 'u_else', stage: 'ended' })]),
    ),
  ).toEqual([]);
});
