// The tab's storage, where the page has any.

/** `sessionStorage`; null where the browser or the frame forbids it. */
export function tabStorage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
