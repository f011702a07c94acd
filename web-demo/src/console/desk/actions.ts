// Owns what the keyboard shortcuts do at the desk.

import type { ConversationId } from '../../protocol/generated.ts';
import { chooseTheme, isDark } from '../../ui/theme.ts';
import { runningElsewhere, runningHere } from '../call/own-calls.ts';
import { type Action, singleKeys, useKeys } from '../keys.ts';
import type { Desk } from './desk.ts';

/** Listens to the shortcuts while the desk is open. */
export function useDeskKeys(desk: Desk, open: (conversation: ConversationId) => void, help: () => void): void {
  useKeys(() => ({
    mine: desk.lists().mine,
    selected: desk.selected.get(),
    single: singleKeys.get(),
    open,
    act: (action) => act(desk, action, help),
  }));
}

function act(desk: Desk, action: Action, help: () => void): void {
  if (action === 'help') help();
  else if (action === 'theme') chooseTheme(isDark() ? 'light' : 'dark');
  else if (action === 'take') takeNext(desk);
  else if (action === 'endCall') void desk.endCallHere();
  else if (action === 'join') joinTeam(desk);
  else if (action === 'mic') toggleMicrophone(desk);
  else actOnSelected(desk, action);
}

function takeNext(desk: Desk): void {
  const next = desk.lists().queue[0];
  if (next !== undefined) void desk.take(next.id);
}

/** What is about the conversation on the screen, as long as it is the agent's own. */
function actOnSelected(desk: Desk, action: Action): void {
  const row = desk.selectedRow();
  if (row === undefined || !desk.owns(row)) return;
  if (action === 'reply') desk.write(row.id, 'reply');
  else if (action === 'note') desk.write(row.id, 'note');
  else if (action === 'canned') desk.openCanned.update((count) => count + 1);
  else if (action === 'picture') desk.choosePicture.update((count) => count + 1);
  else if (action === 'resolve') void desk.resolve(row.id);
  else if (action === 'invite' && mayInvite(desk)) void desk.invite(row.id);
}

function mayInvite(desk: Desk): boolean {
  const state = desk.session.state.get();
  return runningHere(state) === null && runningElsewhere(state) === null;
}

function joinTeam(desk: Desk): void {
  const call = desk.joinable();
  if (call !== undefined) void desk.join(call);
}

function toggleMicrophone(desk: Desk): void {
  const joined = desk.guest.view.get().call !== null;
  if (!joined && desk.call.view.get().call === null) return;
  const { microphone } = joined ? desk.guest : desk.call.speaking;
  if (microphone.state.get().kind === 'off') void microphone.turnOn();
  else microphone.turnOff();
}
