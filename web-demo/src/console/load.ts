// Owns the life of one request on a page: loading, loaded, failed, and asked again now and then.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure } from '../client/api.ts';

/** Where a request stands. A failed refresh keeps what was loaded before. */
export type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly failure: ApiFailure }
  | { readonly state: 'ready'; readonly value: T; readonly failure: ApiFailure | null };

/** What a page does with a request. */
export interface Loader<T> {
  readonly loaded: Loaded<T>;
  /** Asks again now. */
  readonly again: () => void;
}

/**
 * Loads when it appears, whenever `key` changes, and every `everyMs` after an answer (never two at a time); `null` asks once.
 * A hidden page does not ask. `firstAfterMs` holds the first question back, so that who only passes by asks nothing.
 */
export function useLoaded<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  everyMs: number | null,
  firstAfterMs = 0,
): Loader<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: 'loading' });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const shown = useRef(key);

  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (shown.current !== key) {
      shown.current = key;
      setLoaded({ state: 'loading' });
    }
    const next = () => {
      if (everyMs !== null && !end.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    const ask = async () => {
      if (document.hidden && everyMs !== null) return next();
      try {
        const value = await latest.current(end.signal);
        if (!end.signal.aborted) setLoaded({ state: 'ready', value, failure: null });
      } catch (error) {
        if (!end.signal.aborted) setLoaded((before) => failedAfter(before, error));
      }
      next();
    };
    if (firstAfterMs > 0) timer = setTimeout(ask, firstAfterMs);
    else void ask();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs, firstAfterMs, round]);

  const again = useCallback(() => setRound((number) => number + 1), []);
  return { loaded, again };
}

function failedAfter<T>(before: Loaded<T>, error: unknown): Loaded<T> {
  const failure = error instanceof ApiFailure ? error : new ApiFailure(0, undefined, String(error));
  return before.state === 'ready' ? { ...before, failure } : { state: 'failed', failure };
}
