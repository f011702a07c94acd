// Owns the sheet with the keyboard shortcuts.

import { useEffect, useRef } from 'preact/hooks';
import { IconButton } from '../ui/ui.tsx';
import { useTexts } from './context.ts';

/** The sheet; Escape and a click beside it close it, and the focus returns to where it was. */
export function Help({ open, close }: { open: boolean; close: () => void }) {
  const { t } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const rows: readonly (readonly [string, string])[] = [
    ['Alt + 1 … 9', t.help.switchTo],
    ['Alt + ↑ / ↓', t.help.upDown],
    ['Enter', t.help.send],
    ['Shift + Enter', t.help.newLine],
    ['?', t.help.sheet],
    ['Esc', t.help.escape],
  ];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the dialog itself closes on Escape
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={close}
      onClick={(event) => event.target === event.currentTarget && close()}
    >
      <div class="help__sheet">
        <header class="help__head">
          <h2 id="help-title">{t.help.title}</h2>
          <IconButton icon="close" label={t.help.close} onClick={close} />
        </header>
        <dl class="help__rows">
          {rows.map(([key, what]) => (
            <div key={key} class="help__row">
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  );
}
