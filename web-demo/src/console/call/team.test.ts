// Who of the team is in a call.

import { expect, test } from 'vitest';
import type { CallStage, ConversationSummary } from '../../protocol/generated.ts';
import { teamCall, teamCalls } from './team.ts';

function row(ticket: number, agent: string, stage: CallStage | null, acceptedMs = ticket): ConversationSummary {
  const call = stage && { id: `k${ticket}`, stage, agent, agent_name: agent, accepted_at_ms: acceptedMs };
  return { id: `c${ticket}`, ticket, opened_at_ms: 0, ...(call && { call }) } as ConversationSummary;
}

function state(...rows: ConversationSummary[]) {
  return { user: 'me', conversations: new Map(rows.map((one) => [one.id, one])) };
}

test('colleagues’ accepted calls are listed, the longest first', () => {
  const known = state(row(1, 'kim', 'live', 50), row(2, 'ali', 'connecting', 20), row(3, 'eva', 'live', 20));
  expect(teamCalls(known).map((one) => one.row.ticket)).toEqual([2, 3, 1]);
  expect(teamCall(known, 'k1')?.call.agent_name).toBe('kim');
  expect(teamCall(known, 'k9')).toBeUndefined();
});

test('own calls, invitations and calls that ended are no calls of the team', () => {
  const known = state(row(1, 'me', 'live'), row(2, 'kim', 'invited'), row(3, 'kim', 'ended'), row(4, 'kim', null));
  expect(teamCalls(known)).toEqual([]);
});
