// Owns the shape of the console's dialogs: a title, a way out, and the focus back where it was.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { classes, IconButton } from '../ui/ui.tsx';

interface DialogProps {
  title: string;
  closeLabel: string;
  open: boolean;
  close: () => void;
  /** For forms and lists rather than a few lines. */
  wide?: boolean;
  children: ComponentChildren;
}

/** A modal dialog; Escape and a click beside it close it. Its content is drawn while it is open. */
export function Dialog({ title, closeLabel, open, close, wide, children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the dialog itself closes on Escape
    <dialog
      ref={dialog}
      class={classes('dialog', wide && 'dialog--wide')}
      aria-labelledby={id}
      onClose={close}
      onClick={(event) => event.target === event.currentTarget && close()}
    >
      {open && (
        <div class="dialog__sheet">
          <header class="dialog__head">
            <h2 id={id}>{title}</h2>
            <IconButton icon="close" label={closeLabel} onClick={close} />
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}
