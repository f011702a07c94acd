// Light or dark as the reader chose it, kept per browser and shared by its windows. Without a choice the system decides.

import './theme.css';

/** What can be chosen. */
export type Theme = 'system' | 'light' | 'dark';

/** The choices in their order. */
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

const STORED = 'sightline.theme';
const system = () => matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let chosen: Theme = 'system';

/** Whether a stored or typed word is a theme. */
export function isTheme(word: unknown): word is Theme {
  return THEMES.includes(word as Theme);
}

/** Applies what was chosen before; call it before anything is drawn. */
export function startTheme(): void {
  show(stored());
  addEventListener('storage', (event) => {
    if (event.key === STORED || event.key === null) show(stored());
  });
  system().addEventListener('change', tell);
}

/** The choice, as a store: what `useStore` takes. */
export const theme = {
  get: (): Theme => chosen,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Chooses, and keeps the choice. */
export function chooseTheme(next: Theme): void {
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Forgotten with the page.
  }
  show(next);
}

/** Whether the page is dark now, by choice or by the system. */
export function isDark(): boolean {
  return chosen === 'dark' || (chosen === 'system' && system().matches);
}

function stored(): Theme {
  try {
    const word = localStorage.getItem(STORED);
    return isTheme(word) ? word : 'system';
  } catch {
    return 'system';
  }
}

function show(next: Theme): void {
  chosen = next;
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  tell();
}

function tell(): void {
  for (const listener of [...listeners]) listener();
}
