// Owns the agent's wishes about alerts, kept per browser.

import { Store } from '../../client/emitter.ts';
import { NEWS_KINDS, type NewsKind } from './news.ts';

/** How the agent wants to be told. */
export interface AlertSettings {
  /** Nothing sounds and nothing pops up, whatever else is set. */
  readonly muted: boolean;
  readonly sound: boolean;
  /** 0 to 1. */
  readonly volume: number;
  /** Notifications of the system, once it allows them. */
  readonly desktop: boolean;
  /** What is told. */
  readonly kinds: Readonly<Record<NewsKind, boolean>>;
}

/** Without a choice: sound, at a volume that does not startle. */
export const DEFAULTS: AlertSettings = {
  muted: false,
  sound: true,
  volume: 0.6,
  desktop: false,
  kinds: { waiting: true, message: true, request: true, ended: true },
};

const STORED = 'sightline.alerts';

/** Reads stored settings; what is missing or makes no sense is as without a choice. */
export function readSettings(text: string | null): AlertSettings {
  let known: Partial<Record<keyof AlertSettings, unknown>>;
  try {
    known = (JSON.parse(text ?? '{}') as typeof known) ?? {};
  } catch {
    return DEFAULTS;
  }
  const flag = (value: unknown, otherwise: boolean) => (typeof value === 'boolean' ? value : otherwise);
  const volume =
    typeof known.volume === 'number' && known.volume >= 0 && known.volume <= 1 ? known.volume : DEFAULTS.volume;
  const kinds = (typeof known.kinds === 'object' && known.kinds !== null ? known.kinds : {}) as Record<string, unknown>;
  return {
    muted: flag(known.muted, DEFAULTS.muted),
    sound: flag(known.sound, DEFAULTS.sound),
    volume,
    desktop: flag(known.desktop, DEFAULTS.desktop),
    kinds: Object.fromEntries(NEWS_KINDS.map((kind) => [kind, flag(kinds[kind], true)])) as Record<NewsKind, boolean>,
  };
}

/** The settings of this browser, the same in all its windows. */
export class AlertWishes {
  /** What is set. */
  readonly state: Store<AlertSettings>;
  readonly #onStorage = (event: StorageEvent) => {
    if (event.key === STORED) this.state.set(readSettings(event.newValue));
  };

  constructor() {
    this.state = new Store(readSettings(stored()));
    addEventListener('storage', this.#onStorage);
  }

  /** Changes and keeps. */
  set(change: Partial<AlertSettings>): void {
    this.state.update((state) => ({ ...state, ...change }));
    try {
      localStorage.setItem(STORED, JSON.stringify(this.state.get()));
    } catch {
      // Forgotten with the page.
    }
  }

  /** Ends it. */
  close(): void {
    removeEventListener('storage', this.#onStorage);
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}
