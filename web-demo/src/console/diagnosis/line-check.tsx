// Owns the button "Check the viewer's line", what it says while the check runs, and its result.

import { useEffect } from 'preact/hooks';
import type { TicketNumber } from '../../protocol/generated.ts';
import { Button, Icon } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import type { Desk } from '../desk/desk.ts';
import { bitrate, formatSeconds, milliseconds, percent } from '../format.ts';
import { diagnosisTexts } from './texts.ts';
import { type LineCheck, type LineResult, useLineCheck } from './use-line-check.ts';

interface LineCheckProps {
  desk: Desk;
  ticket: TicketNumber;
  /** Whether the viewer's page is there to measure. */
  online: boolean;
  /** Called when a result has come: the verdict may be another now. */
  done: () => void;
}

/** The button and what comes of it. */
export function LineCheckBlock({ desk, ticket, online, done }: LineCheckProps) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const { check, start } = useLineCheck(ticket, () => desk.nowMs());
  const finished = check.state === 'done';
  useEffect(() => {
    if (finished) done();
  }, [finished]);
  const running = check.state === 'running';
  return (
    <div class="linecheck">
      <Button
        small
        icon="wifi"
        aria-busy={running || undefined}
        aria-disabled={running || !online || undefined}
        title={online ? undefined : t.checkOffline}
        onClick={() => {
          if (online && !running) start();
        }}
      >
        {t.check}
      </Button>
      {running && <progress class="linecheck__progress" aria-label={t.checking} />}
      <p role="status" class="linecheck__said">
        {said(check, t)}
      </p>
      {check.state === 'done' && <Result result={check.result} />}
    </div>
  );
}

function said(check: LineCheck, t: ReturnType<typeof diagnosisTexts>): string {
  if (check.state === 'running') return t.checking;
  if (check.state === 'silent') return t.checkSilent;
  if (check.state === 'refused') return check.why === 'offline' ? t.checkOffline : t.checkFailed;
  return '';
}

function Result({ result }: { result: LineResult }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const share = (value: number | null) => percent(value === null ? null : value * 100);
  const rows: [string, string][] = [
    [t.checkRtt, milliseconds(result.rtt_ms)],
    [t.checkLoaded, milliseconds(result.loaded_rtt_ms)],
    [t.checkUp, share(result.up_loss)],
    [t.checkDown, share(result.down_loss)],
    [t.checkJitter, milliseconds(result.jitter_ms)],
    [t.checkRate, bitrate(result.line_kbps)],
  ];
  if (result.host_ttfb_ms !== null) rows.push([t.checkHost, milliseconds(result.host_ttfb_ms)]);
  if (result.udp !== null) rows.push([t.checkUdp, result.udp ? t.checkUdpYes : t.checkUdpNo]);
  return (
    <div class="linecheck__result">
      <p class="why__title">
        <Icon name="check" size={14} /> {t.checkDone(formatSeconds(lang, result.at_ms))}
      </p>
      <dl class="linecheck__facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
