// Owns the API key that was pasted into the operations page: kept for the tab, nowhere else.

const NAME = 'sightline.ops.key';

/** The key of this tab, if one was pasted. */
export function keptKey(): string | undefined {
  try {
    return sessionStorage.getItem(NAME) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the key until the tab is closed. */
export function keepKey(key: string): void {
  try {
    sessionStorage.setItem(NAME, key);
  } catch {
    // Storage is forbidden: the key lives until the page is reloaded.
  }
}

/** Forgets the key. */
export function forgetKey(): void {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // It was never kept.
  }
}
