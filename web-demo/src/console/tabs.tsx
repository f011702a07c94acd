// Owns the way between the panes where there is room for one of them: a narrow window, or a wide one at 200 % zoom.

import { IconButton, useSelected, useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { unreadTotal } from './desk/lists.ts';
import { KEY } from './keys.ts';

/** The panes. */
export type Pane = 'list' | 'main' | 'side';

interface TabsProps {
  desk: Desk;
  pane: Pane;
  show: (pane: Pane) => void;
  /** Whether the desk is open; else the tickets are. */
  onDesk: boolean;
  /** Whether there are details to show. */
  details: boolean;
  help: () => void;
}

/** The tabs. Out of sight where all panes are in sight. */
export function Tabs({ desk, pane, show, onDesk, details, help }: TabsProps) {
  const { t } = useTexts();
  const selected = useStore(desk.selected);
  const reading = onDesk && pane === 'main' ? (selected ?? undefined) : undefined;
  const unread = useSelected(desk.session.state, () => unreadTotal(desk.lists().mine, reading));
  const waiting = useSelected(desk.session.state, () => desk.lists().queue.length);
  const tab = (name: Pane, label: string) => (
    <button
      type="button"
      class="tabs__one"
      aria-current={pane === name ? 'true' : undefined}
      onClick={() => show(name)}
    >
      {label}
      {name === 'list' && unread + waiting > 0 && (
        <span class="tabs__count">
          <span aria-hidden="true">{unread + waiting}</span>
          <span class="sl-visually-hidden">{t.nav.tabCount(unread, waiting)}</span>
        </span>
      )}
    </button>
  );
  return (
    <nav class="tabs" aria-label={t.nav.panes}>
      {tab('list', t.nav.paneList)}
      {tab('main', onDesk ? t.nav.paneMain : t.nav.paneTickets)}
      {details && tab('side', t.nav.paneSide)}
      <IconButton
        icon="keyboard"
        class="tabs__help"
        label={t.header.help}
        title={t.help.with(t.header.help, KEY.help)}
        onClick={help}
      />
    </nav>
  );
}
