// Owns the question which calls are this page's: an agent may have the console open twice, and two invitations open. Pure.

import type { AgentState } from '../../client/agent.ts';
import type { CallState } from '../../protocol/generated.ts';

type Known = Pick<AgentState, 'calls' | 'user' | 'here'>;

/** Invitations an agent may have open at a time; the server refuses a third. */
export const INVITATIONS_MAX = 2;

/** The accepted call whose media comes to this page; the first accepted, should there ever be two. */
export function runningHere(state: Known): CallState | null {
  return ownAccepted(state).find((call) => state.here.has(call.id)) ?? null;
}

/** The accepted call of the same agent that another window has. */
export function runningElsewhere(state: Known): CallState | null {
  return ownAccepted(state).find((call) => !state.here.has(call.id)) ?? null;
}

/** Open invitations of this page, oldest first. */
export function waitingHere(state: Known): CallState[] {
  return own(state)
    .filter((call) => call.stage === 'invited' && state.here.has(call.id))
    .sort((a, b) => a.expires_at_ms - b.expires_at_ms);
}

/** Open invitations of the agent, whichever window they came from. */
export function invitationsOpen(state: Known): number {
  return own(state).filter((call) => call.stage === 'invited').length;
}

function ownAccepted(state: Known): CallState[] {
  return own(state)
    .filter((call) => call.stage === 'connecting' || call.stage === 'live')
    .sort((a, b) => (a.accepted_at_ms ?? 0) - (b.accepted_at_ms ?? 0));
}

function own({ calls, user }: Known): CallState[] {
  return user === '' ? [] : [...calls.values()].filter((call) => call.agent === user && call.stage !== 'ended');
}
