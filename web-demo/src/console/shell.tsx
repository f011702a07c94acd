// Owns the console's frame: which panes there are, where the picture stands, the address, the keys, the tab's title. The
// picture is one element that is moved by styles alone, so that it never blanks.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { CallState, ConversationId, SessionView } from '../protocol/generated.ts';
import { keepFocus } from '../ui/focus.ts';
import { useSelected, useStore } from '../ui/ui.tsx';
import { ConnectionBanner } from './banner.tsx';
import { waitingHere } from './call/own-calls.ts';
import { teamCall } from './call/team.ts';
import { ManageReplies } from './canned/manage.tsx';
import { useTexts } from './context.ts';
import { useDeskKeys } from './desk/actions.ts';
import type { Desk } from './desk/desk.ts';
import { unreadTotal } from './desk/lists.ts';
import { IncidentBanner } from './diagnosis/incidents.tsx';
import { GuestStage } from './guest-stage.tsx';
import { Help } from './help.tsx';
import { Nav } from './nav.tsx';
import { Lightbox } from './pictures.tsx';
import { readRoute } from './route.ts';
import { Side } from './side.tsx';
import { Stage, type StageMode } from './stage.tsx';
import { useTabBadge } from './tab-badge.ts';
import { type Pane, Tabs } from './tabs.tsx';
import { Thread } from './thread.tsx';
import { TicketList } from './tickets/list.tsx';
import { TicketPage } from './tickets/page.tsx';

interface ShellProps {
  desk: Desk;
  session: SessionView;
  signOut: () => void;
}

/** The console of an agent who is signed in. */
export function Shell({ desk, session, signOut }: ShellProps) {
  const { t } = useTexts();
  const selected = useStore(desk.selected);
  // Every message of every chat changes the session's state: only what the frame shows of it draws the frame again.
  const row = useSelected(desk.session.state, ({ conversations }) =>
    selected === null ? undefined : conversations.get(selected),
  );
  const own = useSelected(desk.call.view, (view) => view.call);
  const guest = useGuest(desk);
  const call = own ?? guest;
  const route = useRoute();
  const [dialog, setDialog] = useState<'help' | 'canned' | null>(null);
  const [details, setDetails] = useState(false);
  const onDesk = route.page === 'desk';
  const reading = onDesk && !document.hidden ? (selected ?? undefined) : undefined;
  const unread = useSelected(desk.session.state, () => unreadTotal(desk.lists().mine, reading));
  const [pane, setPane] = usePane(desk, onDesk);

  const open = (conversation: ConversationId) => {
    desk.open(conversation);
    setPane('main');
  };
  const help = () => setDialog('help');
  useDeskKeys(desk, open, help);
  useTabBadge(unread);
  useEffect(() => setDetails(false), [selected, route.page]);
  useEffect(() => keepFocus(document, mainPlace), []);

  const waiting = useSelected(desk.session.state, (state) => waitingHere(state).length > 0);
  const stage = stageMode(call, onDesk ? selected : null, waiting);
  const side = onDesk && row !== undefined;
  return (
    <div
      class="shell"
      data-stage={stage}
      data-side={side && stage !== 'main' ? 'on' : 'off'}
      data-details={details ? 'open' : 'shut'}
      data-pane={pane === 'side' && !side ? 'main' : pane}
    >
      <button type="button" class="skip" onClick={focusMain}>
        {t.skipToReply}
      </button>
      <div class="banners">
        <ConnectionBanner session={desk.session} inCall={call !== null} />
        <IncidentBanner session={desk.session} />
      </div>
      <Tabs desk={desk} pane={pane} show={setPane} onDesk={onDesk} details={side} help={help} />
      <Nav desk={desk} me={session} open={open} route={route} help={help} signOut={signOut} />
      {guest === null ? (
        <Stage desk={desk} mode={stage} back={open} />
      ) : (
        <GuestStage desk={desk} mode={stage} back={open} />
      )}
      <div class="shell__main" id="main">
        {onDesk && (
          <Thread
            desk={desk}
            row={row}
            detailsOpen={details}
            toggleDetails={() => setDetails((shown) => !shown)}
            manage={() => setDialog('canned')}
          />
        )}
        {route.page === 'tickets' && <TicketList />}
        {route.page === 'ticket' && <TicketPage key={route.number} desk={desk} number={route.number} />}
      </div>
      {side && <Side key={row.id} desk={desk} row={row} close={() => setDetails(false)} overlay={details} />}
      <Help open={dialog === 'help'} close={() => setDialog(null)} />
      <Lightbox />
      <ManageReplies replies={desk.canned} open={dialog === 'canned'} close={() => setDialog(null)} />
    </div>
  );
}

/** The colleague's call that was joined. */
function useGuest(desk: Desk): CallState | null {
  const joined = useSelected(desk.guest.view, (view) => view.call);
  return useSelected(desk.session.state, (state) =>
    joined === null ? null : (teamCall(state, joined)?.row.call ?? null),
  );
}

/** Where the running call stands: large beside its own conversation, docked elsewhere. */
function stageMode(call: CallState | null, shown: ConversationId | null, waiting: boolean): StageMode {
  if (call === null) return waiting ? 'ahead' : 'none';
  if (call.conversation !== shown) return 'dock';
  return call.surface === 'audio' ? 'voice' : 'main';
}

/** Which pane is in sight where there is room for one: the conversation as soon as one is chosen. */
function usePane(desk: Desk, onDesk: boolean): [Pane, (pane: Pane) => void] {
  const [pane, setPane] = useState<Pane>(desk.selected.get() === null && onDesk ? 'list' : 'main');
  useEffect(() => desk.selected.subscribe(() => setPane(desk.selected.get() === null ? 'list' : 'main')), [desk]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current && !onDesk) setPane('main');
    first.current = false;
  }, [onDesk]);
  return [pane, setPane];
}

/** The page of the address's fragment. Going to a page moves the focus there, so that it is read from its top. */
function useRoute() {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  const first = useRef(true);
  useEffect(() => {
    const changed = () => setRoute(readRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  const place = route.page === 'ticket' ? `ticket ${route.number}` : route.page;
  useEffect(() => {
    if (first.current) first.current = false;
    else if (route.page !== 'desk') document.querySelector<HTMLElement>('#main main')?.focus({ preventScroll: true });
  }, [place]);
  return route;
}

/** Past the lists. A button and no link, since the fragment is the console's address. */
function focusMain(): void {
  mainPlace()?.focus();
}

/** Where one goes on in the middle pane: the reply, else the lines, else the page. */
function mainPlace(): HTMLElement | null {
  const main = document.getElementById('main');
  return main?.querySelector<HTMLElement>('textarea, [role=log], main[tabindex]') ?? main;
}
