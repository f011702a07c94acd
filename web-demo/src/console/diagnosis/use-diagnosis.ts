// Owns when the diagnosis of a ticket is asked for: when it appears, when the row's verdict changes, and now and then while it
// is on the screen, never two at a time and never more often than every two seconds.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure } from '../../client/api.ts';
import { type Diagnosis, readDiagnosis } from '../../client/diagnosis.ts';
import type { TicketNumber } from '../../protocol/generated.ts';

/** Shortest time between two questions, ms: the server judges anew with each block, more often than one can read. */
export const ASK_MS_MIN = 2_000;
/** While nothing is known to have changed, it is asked for so often, ms: issues grow and resolve under the same verdict. */
export const ASK_MS = 10_000;
/** Who only passes by on the way to another conversation asks for nothing, ms. */
const SETTLE_MS = 150;

/** What is known of a ticket's diagnosis. */
export interface DiagnosisView {
  /** The last answer; `null` before the first. */
  readonly diagnosis: Diagnosis | null;
  /** Why the last question failed; `null` when it did not. */
  readonly failure: ApiFailure | null;
  /** Asks again as soon as that is due. */
  readonly again: () => void;
}

/** When the next question is due, ms from now: soon after a change, else after a while; never too soon after the last one. */
export function dueMs(nowMs: number, lastMs: number | null, changed: boolean): number {
  if (lastMs === null) return SETTLE_MS;
  const passed = nowMs - lastMs;
  return Math.max(0, (changed ? ASK_MS_MIN : ASK_MS) - passed);
}

/** The diagnosis of a ticket. `mark` changes with the row's verdict. A hidden page does not ask. */
export function useDiagnosis(ticket: TicketNumber, mark: string | number): DiagnosisView {
  const [answer, setAnswer] = useState<Pick<DiagnosisView, 'diagnosis' | 'failure'>>(NOTHING);
  const [wanted, setWanted] = useState(0);
  const again = useCallback(() => setWanted((count) => count + 1), []);
  const wish = useRef('');
  const plan = useRef(() => {});
  wish.current = `${mark} ${wanted}`;

  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last: number | null = null;
    let asking = false;
    let answered = '';
    setAnswer(NOTHING);
    const ask = async () => {
      last = performance.now();
      if (!document.hidden) {
        asking = true;
        const asked = wish.current;
        const found = await tried(ticket, end.signal);
        asking = false;
        if (end.signal.aborted) return;
        answered = asked;
        setAnswer((before) => ({ ...before, ...found }));
      }
      plan.current();
    };
    plan.current = () => {
      if (asking || end.signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(ask, dueMs(performance.now(), last, answered !== wish.current));
    };
    plan.current();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [ticket]);
  useEffect(() => plan.current(), [wish.current]);

  return { ...answer, again };
}

const NOTHING = { diagnosis: null, failure: null };

/** One question. What failed keeps what was known before. */
async function tried(ticket: TicketNumber, signal: AbortSignal): Promise<Partial<DiagnosisView>> {
  try {
    return { diagnosis: await readDiagnosis(ticket, { signal }), failure: null };
  } catch (error) {
    return { failure: error instanceof ApiFailure ? error : new ApiFailure(0, undefined, String(error)) };
  }
}
