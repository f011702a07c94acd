// What support can see, in words, and the viewer's own look at the line. Closed until wanted.

import type { LineCheck } from '../../client/line-check.ts';
import type { PreflightResult } from '../../client/preflight-result.ts';
import { formatNumber, type Lang } from '../../i18n/i18n.ts';
import { Button, Icon, useStore } from '../../ui/ui.tsx';
import { type SeesTexts, seesTexts } from './sees-texts.ts';

/** The disclosure. */
export function Sees({ check, lang }: { check: LineCheck; lang: Lang }) {
  const t = seesTexts(lang);
  const state = useStore(check.state);
  const running = state.kind === 'running' && state.which === 'long';
  return (
    <details class="sees">
      <summary>
        <Icon name="eye" size={16} /> {t.title}
      </summary>
      <p>{t.intro}</p>
      <ul>
        {t.items.map((item) => (
          <li key={item}>{item}</li>
        ))}
      </ul>
      <p>{t.never}</p>
      <Button small tone="secondary" busy={running} onClick={() => check.check()}>
        {t.check}
      </Button>
      <p class="sees__result" role="status">
        {running && t.checking}
        {state.kind === 'done' && resultText(state.result, t, lang)}
      </p>
    </details>
  );
}

/** What the last look found, in a line or two. */
export function resultText(result: PreflightResult | null, t: SeesTexts, lang: Lang): string {
  if (result === null) return t.nothing;
  const { rttMs, up, down, lineKbps, udpReachable } = result;
  const percent = (share: number) => formatNumber(lang, share * 100, 0);
  return [
    udpReachable === false && t.blocked,
    rttMs !== undefined && t.roundTrip(formatNumber(lang, rttMs)),
    up && down && t.lost(percent(up.loss), percent(down.loss)),
    lineKbps !== undefined && t.speed(formatNumber(lang, lineKbps / 1000, lineKbps < 10_000 ? 1 : 0)),
    t.told,
  ]
    .filter(Boolean)
    .join(' · ');
}
