// Owns the question who of the team is in a call. Pure.

import type { AgentState } from '../../client/agent.ts';
import type { CallId, CallState, ConversationSummary } from '../../protocol/generated.ts';

type Known = Pick<AgentState, 'conversations' | 'user'>;

/** A colleague's conversation with a call that may be joined. */
export interface TeamCall {
  readonly row: ConversationSummary;
  readonly call: CallState;
  /** When the viewer accepted, server clock, ms. */
  readonly sinceMs: number;
}

/** The colleagues' calls that were accepted, longest first. */
export function teamCalls({ conversations, user }: Known): TeamCall[] {
  const found: TeamCall[] = [];
  for (const row of conversations.values()) {
    const { call } = row;
    if (call === undefined || call.agent === user || user === '') continue;
    if (call.stage !== 'connecting' && call.stage !== 'live') continue;
    found.push({ row, call, sinceMs: call.accepted_at_ms ?? row.opened_at_ms });
  }
  return found.sort((a, b) => a.sinceMs - b.sinceMs || a.row.ticket - b.row.ticket);
}

/** One of them; undefined when it has ended. */
export function teamCall(state: Known, call: CallId): TeamCall | undefined {
  return teamCalls(state).find((one) => one.call.id === call);
}
