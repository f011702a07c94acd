// Switches that break something for real: on the platform's side, in the stream, on the viewer's line, in this page, at the
// media server. The server does its part (PUT /api/v1/demo/faults); the busy page is made here. Another demo's server has
// no such route: then there are no switches.

import { useEffect, useState } from 'preact/hooks';
import type { Lang } from '../i18n/i18n.ts';
import { texts } from './texts.ts';

const ROUTE = '/api/v1/demo/faults';
/** Of each period this much is burnt: more than long frames need to be seen, less than would stop the page's switches. */
const BUSY_MS = 600;
const BUSY_EVERY_MS = 750;
/** Share of the media server's packets that its switch throws away. */
const SERVER_DROP = 0.2;

/** The server's faults, as on the wire. */
interface FaultSet {
  delivery: 'none' | 'stall' | 'slow_first_byte' | 'throttled' | 'missing' | 'garbage';
  source: 'none' | 'frozen' | 'black' | 'corrupt' | 'stale';
  line: boolean;
  server_drop: number;
}

type Words = ReturnType<typeof texts>;
/** A switch of the server's: what it changes, and when it counts as on. */
interface Switch {
  label: (t: Words) => string;
  on: (set: FaultSet) => boolean;
  turn: (set: FaultSet, on: boolean) => FaultSet;
}

const delivery = (kind: FaultSet['delivery'], label: Switch['label']): Switch => ({
  label,
  on: (set) => set.delivery === kind,
  turn: (set, on) => ({ ...set, delivery: on ? kind : 'none' }),
});
const source = (kind: FaultSet['source'], label: Switch['label']): Switch => ({
  label,
  on: (set) => set.source === kind,
  turn: (set, on) => ({ ...set, source: on ? kind : 'none' }),
});

const GROUPS: { title: (t: Words) => string; switches: Switch[] }[] = [
  {
    title: (t) => t.faultsDelivery,
    switches: [
      delivery('slow_first_byte', (t) => t.faultSlowFirstByte),
      delivery('throttled', (t) => t.faultThrottled),
      delivery('missing', (t) => t.faultMissing),
      delivery('garbage', (t) => t.faultGarbage),
      delivery('stall', (t) => t.faultStall),
    ],
  },
  {
    title: (t) => t.faultsSource,
    switches: [
      source('frozen', (t) => t.faultFrozen),
      source('black', (t) => t.faultBlack),
      source('corrupt', (t) => t.faultCorrupt),
      source('stale', (t) => t.faultStale),
    ],
  },
  {
    title: (t) => t.faultsViewer,
    switches: [{ label: (t) => t.faultLine, on: (set) => set.line, turn: (set, line) => ({ ...set, line }) }],
  },
  {
    title: (t) => t.faultsServer,
    switches: [
      {
        label: (t) => t.faultServerDrop,
        on: (set) => set.server_drop > 0,
        turn: (set, on) => ({ ...set, server_drop: on ? SERVER_DROP : 0 }),
      },
    ],
  },
];

/** The switches. Another page of the same demo may turn them, too: what the server says counts. */
export function Faults({ lang }: { lang: Lang }) {
  const t = texts(lang);
  const [set, setSet] = useState<FaultSet | null>(null);
  const [failed, setFailed] = useState(false);
  const [busy, setBusy] = useState(false);
  useBusyPage(busy);
  useEffect(() => {
    ask('GET').then(setSet, () => undefined);
  }, []);
  if (!set) return null;
  const put = async (wanted: FaultSet) => {
    try {
      setSet(await ask('PUT', wanted));
      setFailed(false);
    } catch {
      setFailed(true);
    }
  };
  return (
    <section class="demo__faults" aria-labelledby="faults">
      <h2 id="faults">{t.faultsTitle}</h2>
      <p>{t.faults}</p>
      {GROUPS.map((group) => (
        <fieldset key={group.title(t)}>
          <legend>{group.title(t)}</legend>
          {group.switches.map((one) => (
            <Toggle key={one.label(t)} on={one.on(set)} onTurn={(on) => put(one.turn(set, on))}>
              {one.label(t)}
            </Toggle>
          ))}
          {group.switches.some((one) => one.label(t) === t.faultLine) && (
            <Toggle on={busy} onTurn={setBusy}>
              {t.faultBusy}
            </Toggle>
          )}
        </fieldset>
      ))}
      {failed && <p role="alert">{t.faultFailed}</p>}
    </section>
  );
}

function Toggle({ on, onTurn, children }: { on: boolean; onTurn: (on: boolean) => void; children: string }) {
  return (
    <label class="demo__switch">
      <input
        type="checkbox"
        role="switch"
        checked={on}
        aria-checked={on}
        onChange={(event) => onTurn(event.currentTarget.checked)}
      />
      {children}
    </label>
  );
}

/** Keeps the main thread busy, as a page does that computes too much. */
function useBusyPage(busy: boolean): void {
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(() => {
      const end = performance.now() + BUSY_MS;
      while (performance.now() < end);
    }, BUSY_EVERY_MS);
    return () => clearInterval(timer);
  }, [busy]);
}

async function ask(method: 'GET' | 'PUT', body?: FaultSet): Promise<FaultSet> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(ROUTE, { method, ...(body && { headers, body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as FaultSet;
}
