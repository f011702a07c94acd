// A button with a small panel: settings that one looks at and leaves again. Escape, a click elsewhere and leaving it by
// keyboard close it.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { IconName } from './icons.ts';
import { classes, Icon } from './ui.tsx';

interface PopoverProps {
  /** Accessible name of the button and of its panel. */
  label: string;
  icon: IconName;
  /** What the pointer is told; the name unless told. */
  hint?: string;
  /** Which side of the button the panel's edge keeps to. */
  align?: 'start' | 'end';
  /** Above or below the button. */
  side?: 'above' | 'below';
  /** What is in the panel, drawn while it is open. */
  children: () => ComponentChildren;
}

/** The button and its panel. */
export function Popover({ label, icon, hint = label, align = 'start', side = 'below', children }: PopoverProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    panel.current?.focus();
    const elsewhere = (event: Event) => {
      if (event.target instanceof Node && !frame.current?.contains(event.target)) setOpen(false);
    };
    const escaped = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    };
    addEventListener('keydown', escaped, true);
    addEventListener('pointerdown', elsewhere);
    addEventListener('focusin', elsewhere);
    return () => {
      removeEventListener('keydown', escaped, true);
      removeEventListener('pointerdown', elsewhere);
      removeEventListener('focusin', elsewhere);
    };
  }, [open]);
  return (
    <div class="sl-popover" ref={frame}>
      <button
        ref={button}
        type="button"
        class="sl-icon-button"
        aria-label={label}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        title={hint}
        onClick={() => setOpen((shown) => !shown)}
      >
        <Icon name={icon} />
      </button>
      {open && (
        <div
          id={id}
          ref={panel}
          class={classes('sl-popover__panel', `sl-popover__panel--${align}`, `sl-popover__panel--${side}`)}
          role="dialog"
          aria-label={label}
          tabIndex={-1}
        >
          {children()}
        </div>
      )}
    </div>
  );
}
