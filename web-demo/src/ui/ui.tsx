// Shared pieces of every page and of the widget: they look and behave the same everywhere and know nothing of the
// connection, of tickets or of calls. Their looks are in ui.css, their sizes and colours in tokens.css.

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ICONS, type IconName } from './icons.ts';

/** Tones of badges and notices. Colour is never the only sign: give text or an icon as well. */
export type Tone = 'neutral' | 'accent' | 'live' | 'good' | 'warn' | 'danger' | 'info';

/** Joins class names, leaving out what is false or absent. */
export function classes(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}

/** A line icon, 20 px unless told; decorative, hidden from assistive technology. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="sl-icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {ICONS[name].map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  );
}

type ButtonProps = Omit<JSX.IntrinsicElements['button'], 'size' | 'icon'> & {
  /** `primary` once a view, `live` for what stops or concerns a running share. */
  tone?: 'primary' | 'secondary' | 'quiet' | 'live';
  /** Before the label. */
  icon?: IconName;
  /** Denser, for consoles. */
  small?: boolean;
  /** As wide as its place. */
  block?: boolean;
  /** Shows a spinner and ignores clicks. */
  busy?: boolean;
};

/** A button with a text label. */
export function Button({ tone = 'secondary', icon, small, block, busy, class: extra, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
      class={classes(
        'sl-button',
        `sl-button--${tone}`,
        small && 'sl-button--small',
        block && 'sl-button--block',
        typeof extra === 'string' && extra,
      )}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} size={small ? 16 : 18} />}
      {children}
    </button>
  );
}

type IconButtonProps = Omit<JSX.IntrinsicElements['button'], 'icon' | 'label'> & {
  /** Accessible name and tooltip. */
  label: string;
  /** What it shows. */
  icon: IconName;
};

/** A round button that shows only an icon; `label` is its name. */
export function IconButton({ label, icon, class: extra, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      class={classes('sl-icon-button', typeof extra === 'string' && extra)}
    >
      <Icon name={icon} />
    </button>
  );
}

type FieldProps = {
  /** Kind of input; `text` unless told. */
  type?: 'text' | 'password' | 'search';
  /** What it holds. */
  value: string;
  /** Told each change. */
  onValue: (value: string) => void;
  /** Name for the browser's own form filling, such as `username`. */
  autocomplete?: string;
  /** Must be filled. */
  required?: boolean;
  /** Not to be changed now. */
  disabled?: boolean;
  /** Takes the focus when it appears; for the one field of a page's first view. */
  focusFirst?: boolean;
  /** Longest text, in UTF-16 units. */
  maxLength?: number;
  /** Visible label and accessible name. */
  label: string;
  /** Shown below and announced. */
  error?: string | undefined;
};

/** A labelled one-line input. */
export function Field(props: FieldProps) {
  const id = useId();
  const errorId = `${id}-error`;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (props.focusFirst) input.current?.focus();
  }, [props.focusFirst]);
  return (
    <div class="sl-field">
      <label class="sl-field__label" for={id}>
        {props.label}
      </label>
      <input
        ref={input}
        id={id}
        class="sl-input"
        // Preact's types want one literal kind an element; these share every attribute used here.
        type={(props.type ?? 'text') as 'text'}
        value={props.value}
        onInput={(event) => props.onValue(event.currentTarget.value)}
        autocomplete={props.autocomplete}
        required={props.required}
        disabled={props.disabled}
        maxLength={props.maxLength}
        aria-invalid={props.error ? true : undefined}
        aria-describedby={props.error ? errorId : undefined}
      />
      {props.error && (
        <p id={errorId} class="sl-field__error" role="alert">
          {props.error}
        </p>
      )}
    </div>
  );
}

/** A short label beside a thing: its state, a count. */
export function Badge({
  tone = 'neutral',
  icon,
  children,
}: {
  tone?: Tone;
  icon?: IconName;
  children: ComponentChildren;
}) {
  return (
    <span class={classes('sl-badge', tone !== 'neutral' && `sl-badge--${tone}`)}>
      {icon && <Icon name={icon} size={14} />}
      {children}
    </span>
  );
}

const NOTICE_ICON = { info: 'info', good: 'check', warn: 'warning', danger: 'warning' } as const;

/** A sentence about the state of things, with room for an action after it. */
export function Notice({
  tone = 'info',
  children,
  action,
}: {
  tone?: 'info' | 'good' | 'warn' | 'danger';
  children: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class={classes('sl-notice', tone !== 'info' && `sl-notice--${tone}`)}>
      <Icon name={NOTICE_ICON[tone]} size={18} />
      <div class="sl-notice__body">{children}</div>
      {action}
    </div>
  );
}

/** What a list shows when there is nothing in it. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="sl-empty">
      <Icon name={icon} size={28} />
      <p class="sl-empty__title">{title}</p>
      {children}
    </div>
  );
}

/** A person's initial in a circle; decorative, the name stands beside it. */
export function Avatar({ name }: { name: string }) {
  return (
    <span class="sl-avatar" aria-hidden="true">
      {Array.from(name.trim())[0] ?? '·'}
    </span>
  );
}

/** Something is under way. Decorative: say it in text too. */
export function Spinner() {
  return <span class="sl-spinner" aria-hidden="true" />;
}

/** Text for assistive technology alone. */
export function VisuallyHidden({ children }: { children: ComponentChildren }) {
  return <span class="sl-visually-hidden">{children}</span>;
}

/** A value that changes and tells so. The client's stores have this shape; the pieces here know no more of them. */
export interface Readable<T> {
  /** The value now. A new object whenever it changed. */
  get(): T;
  /** Calls back after each change; returns what ends it. */
  subscribe(listener: () => void): () => void;
}

/** The value of a store, drawn again when it changes. */
export function useStore<T>(store: Readable<T>): T {
  const [value, setValue] = useState(() => store.get());
  useEffect(() => {
    const update = () => setValue(() => store.get());
    update();
    return store.subscribe(update);
  }, [store]);
  return value;
}

/** A part of a store's value, drawn again only when that part changes. `select` gives the same object for the same part. */
export function useSelected<T, R>(store: Readable<T>, select: (value: T) => R): R {
  const latest = useRef(select);
  latest.current = select;
  const [, setPart] = useState(() => select(store.get()));
  useEffect(() => {
    const update = () => setPart(() => latest.current(store.get()));
    update();
    return store.subscribe(update);
  }, [store]);
  return select(store.get());
}

/** The time, in ms of `Date.now()`, drawn again every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
