// Owns the sheet with the keyboard shortcuts.

import { useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import { Dialog } from './dialog.tsx';
import { type Action, KEY, setSingleKeys, singleKeys } from './keys.ts';

/** The sheet. */
export function Help({ open, close }: { open: boolean; close: () => void }) {
  const { t } = useTexts();
  const single = useStore(singleKeys);
  const actions: readonly (readonly [Action, string])[] = [
    ['next', t.help.next],
    ['previous', t.help.previous],
    ['unread', t.help.unread],
    ['take', t.help.take],
    ['reply', t.help.reply],
    ['canned', t.help.canned],
    ['note', t.help.note],
    ['picture', t.help.picture],
    ['invite', t.help.invite],
    ['endCall', t.help.endCall],
    ['join', t.help.join],
    ['resolve', t.help.resolve],
    ['mic', t.help.mic],
    ['theme', t.help.theme],
    ['help', t.help.sheet],
  ];
  return (
    <Dialog title={t.help.title} open={open} close={close} closeLabel={t.help.close} wide>
      <div class="help">
        <div>
          <h3 class="help__title">{t.help.single}</h3>
          <label class="sl-choice">
            <input type="checkbox" checked={single} onChange={(event) => setSingleKeys(event.currentTarget.checked)} />
            {t.help.singleLabel}
          </label>
          <Rows rows={actions.map(([action, what]) => [KEY[action], what])} off={!single} />
        </div>
        <div>
          <h3 class="help__title">{t.help.always}</h3>
          <Rows
            rows={[
              ['Alt+1 … 9', t.help.switchTo],
              ['Alt+↓', t.help.next],
              ['Alt+↑', t.help.previous],
              ['Esc', t.help.escape],
            ]}
          />
          <h3 class="help__title">{t.help.writing}</h3>
          <Rows
            rows={[
              ['Enter', t.help.send],
              ['Shift+Enter', t.help.newLine],
              ['/', t.help.canned],
            ]}
          />
        </div>
      </div>
    </Dialog>
  );
}

function Rows({ rows, off }: { rows: readonly (readonly [string, string])[]; off?: boolean }) {
  return (
    <dl class="help__rows" data-off={off || undefined}>
      {rows.map(([key, what]) => (
        <div key={key} class="help__row">
          <dt>
            {key.split('+').map((part, index) => (
              <span key={part}>
                {index > 0 && ' + '}
                <kbd>{part}</kbd>
              </span>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
