// Tests of the question which calls are this page's.

import { expect, it } from 'vitest';
import type { CallState } from '../../protocol/generated.ts';
import { invitationsOpen, runningElsewhere, runningHere, waitingHere } from './own-calls.ts';

const side = { sources: { audio: 'off', screen: 'off', camera: 'off', page_hidden: false } } as const;

function call(id: string, stage: CallState['stage'], part: Partial<CallState> = {}): CallState {
  return {
    id,
    conversation: `c_${id}`,
    stage,
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

function state(calls: CallState[], here: string[]) {
  return { user: 'u_me', here: new Set(here), calls: new Map(calls.map((one) => [one.conversation, one])) };
}

it('tells two open invitations from the call that runs', () => {
  const known = state(
    [
      call('second', 'invited', { expires_at_ms: 9 }),
      call('first', 'invited', { expires_at_ms: 5 }),
      call('runs', 'live', { accepted_at_ms: 3 }),
      call('over', 'ended'),
      call('colleague', 'live', { agent: 'u_other' }),
    ],
    ['second', 'first', 'runs', 'over'],
  );
  expect(runningHere(known)?.id).toBe('runs');
  expect(waitingHere(known).map((one) => one.id)).toEqual(['first', 'second']);
  expect(invitationsOpen(known)).toBe(2);
  expect(runningElsewhere(known)).toBeNull();
});

it('leaves the call of another window there', () => {
  const known = state([call('there', 'live', { accepted_at_ms: 1 }), call('asked', 'invited')], []);
  expect(runningHere(known)).toBeNull();
  expect(runningElsewhere(known)?.id).toBe('there');
  expect(waitingHere(known)).toEqual([]);
  expect(invitationsOpen(known)).toBe(1);
});

it('knows no call before it knows who is here', () => {
  const known = { ...state([call('x', 'live', { agent: '' })], ['x']), user: '' };
  expect(runningHere(known)).toBeNull();
});
