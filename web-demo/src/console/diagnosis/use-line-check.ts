// Owns the check of the viewer's line from the console: asks for it, waits for its result, and says how it went. The result
// comes with the page's own blocks, so it is looked for in the ticket's telemetry.

import { useEffect, useState } from 'preact/hooks';
import { ApiFailure } from '../../client/api.ts';
import { checkLine, readTelemetry } from '../../client/diagnosis.ts';
import type { TicketNumber } from '../../protocol/generated.ts';
import { laneSamples } from '../telemetry/lanes.ts';
import { numberAt, type Sample, textAt } from '../telemetry/rates.ts';

/** The long check takes at most 8 s, its block another 5 s to come; after this nothing will come any more, ms. */
const PATIENCE_MS = 25_000;
/** How often the result is looked for, ms. */
const LOOK_MS = 2_000;

/** Where a check stands. */
export type LineCheck =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly since_ms: number }
  | { readonly state: 'refused'; readonly why: 'offline' | 'failed' }
  | { readonly state: 'silent' }
  | { readonly state: 'done'; readonly result: LineResult };

/** What a check found. What was not measured is `null`. */
export interface LineResult {
  /** When it was over, ms since the Unix epoch. */
  readonly at_ms: number;
  readonly udp: boolean | null;
  readonly rtt_ms: number | null;
  readonly loaded_rtt_ms: number | null;
  /** Shares, 0 to 1. */
  readonly up_loss: number | null;
  readonly down_loss: number | null;
  /** The worse of both directions. */
  readonly jitter_ms: number | null;
  readonly line_kbps: number | null;
  readonly host: string | null;
  readonly host_ttfb_ms: number | null;
}

/** The newest check of the viewer's line after a moment, if there is one. */
export function newestCheck(preflights: readonly Sample[], afterMs: number): LineResult | null {
  const found = preflights.filter((one) => one.t > afterMs && textAt(one, 'side') !== 'agent');
  const last = found.reduce<Sample | undefined>((best, one) => (best && best.t > one.t ? best : one), undefined);
  if (last === undefined) return null;
  const jitters = [numberAt(last, 'up.jitterMs'), numberAt(last, 'down.jitterMs')].filter((ms) => ms !== null);
  const udp = last.udpReachable;
  return {
    at_ms: last.t,
    udp: typeof udp === 'boolean' ? udp : null,
    rtt_ms: numberAt(last, 'rttMs'),
    loaded_rtt_ms: numberAt(last, 'loadedRttMs'),
    up_loss: numberAt(last, 'up.loss'),
    down_loss: numberAt(last, 'down.loss'),
    jitter_ms: jitters.length === 0 ? null : Math.max(...jitters),
    line_kbps: numberAt(last, 'lineKbps'),
    host: textAt(last, 'fetch.host'),
    host_ttfb_ms: numberAt(last, 'fetch.ttfbMs'),
  };
}

/** A check of a ticket's viewer. `nowMs` is the server's clock, by which its results are stamped. */
export function useLineCheck(ticket: TicketNumber, nowMs: () => number): { check: LineCheck; start: () => void } {
  const [check, setCheck] = useState<LineCheck>({ state: 'idle' });
  const running = check.state === 'running' ? check.since_ms : null;
  const start = () => {
    const since_ms = nowMs();
    setCheck({ state: 'running', since_ms });
    checkLine(ticket).catch((error: unknown) => {
      const offline = error instanceof ApiFailure && error.code === 'viewer_offline';
      setCheck({ state: 'refused', why: offline ? 'offline' : 'failed' });
    });
  };
  useEffect(() => {
    if (running === null) return;
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      const result = await lookFor(ticket, running, end.signal);
      if (end.signal.aborted) return;
      if (result !== null) setCheck({ state: 'done', result });
      else if (nowMs() - running > PATIENCE_MS) setCheck({ state: 'silent' });
      else timer = setTimeout(look, LOOK_MS);
    };
    timer = setTimeout(look, LOOK_MS);
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [ticket, running]);
  return { check, start };
}

async function lookFor(ticket: TicketNumber, afterMs: number, signal: AbortSignal): Promise<LineResult | null> {
  try {
    return newestCheck(laneSamples(await readTelemetry(ticket, { signal }), 'preflights'), afterMs);
  } catch {
    // Asked again in a moment; patience ends it.
    return null;
  }
}
