// The agent's queue as it changes: when each row came, and what its verdict said from when on. Watched inside the page, so that
// looking costs no time.

import { diagnosisNames } from '../../../web-demo/src/console/diagnosis/names.ts';
import type { Agent } from '../../browser/support/agent.ts';

/** A row of the queue. Times are ms of the page's own clock. */
export interface Heard {
  ticket: number;
  came: number;
  said: { at: number; cause: string }[];
}

type Seen = Map<number, { came: number; said: { at: number; name: string }[] }>;

declare global {
  interface Window {
    /** Put there by `watchQueue`. */
    seenRows: Seen;
  }
}

/** Begins to watch; what is returned tells what was seen. */
export async function watchQueue(agent: Agent): Promise<() => Promise<Heard[]>> {
  await agent.queue.evaluate((queue) => {
    const seen: Seen = new Map();
    window.seenRows = seen;
    const look = () => {
      const at = performance.now();
      for (const row of queue.querySelectorAll('li')) {
        const ticket = Number(/#(\d+)/.exec(row.textContent ?? '')?.[1]);
        if (!ticket) continue;
        const known = seen.get(ticket) ?? { came: at, said: [] };
        seen.set(ticket, known);
        const name = row.querySelector('[role="img"][aria-label^="Verdict: "]')?.getAttribute('aria-label');
        if (name && known.said.at(-1)?.name !== name) known.said.push({ at, name });
      }
    };
    new MutationObserver(look).observe(queue, {
      childList: true,
      subtree: true,
      attributes: true,
      characterData: true,
    });
    look();
  });
  const causes = Object.entries(diagnosisNames('en').causeSpoken);
  return async () => {
    const rows = await agent.page.evaluate(() => [...window.seenRows]);
    return rows.map(([ticket, { came, said }]) => ({
      ticket,
      came,
      said: said.map(({ at, name }) => ({
        at,
        cause: causes.find(([, spoken]) => name.startsWith(`Verdict: ${spoken}`))?.[0] ?? name,
      })),
    }));
  };
}
