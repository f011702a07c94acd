// Owns the verdict as one looks at it in passing: an icon and a word in a row of the lists, never colour alone.

import type { VerdictBrief } from '../../protocol/generated.ts';
import { classes, Icon } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { chipHint, chipSpoken, lookOf } from './facts.ts';
import { diagnosisNames, nameIn } from './names.ts';
import { diagnosisTexts } from './texts.ts';

/** The chip. Its name says cause and certainty; the sentence is its hint. */
export function VerdictChip({ verdict, class: extra }: { verdict: VerdictBrief; class?: string }) {
  const { lang } = useTexts();
  const { cause: names } = diagnosisNames(lang);
  const { icon, tone } = lookOf(verdict.cause);
  return (
    <span
      class={classes('verdict', extra)}
      role="img"
      aria-label={chipSpoken(verdict, lang)}
      title={chipHint(verdict, lang)}
      data-tone={tone}
      data-earlier={verdict.when === 'earlier' || undefined}
    >
      <Icon name={icon} size={14} />
      <span class="verdict__word">
        {nameIn(names, verdict.cause)}
        {verdict.also !== undefined && <span class="verdict__also"> + {nameIn(names, verdict.also)}</span>}
      </span>
      {verdict.when === 'earlier' && <span class="verdict__earlier">{diagnosisTexts(lang).earlier}</span>}
    </span>
  );
}
