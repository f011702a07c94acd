// Owns the verdict above the lines of a conversation, where there is no room for the details beside it, as during a call.

import type { VerdictBrief } from '../../protocol/generated.ts';
import { Button, Icon } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { chipHint, lookOf } from './facts.ts';
import { diagnosisTexts } from './texts.ts';

/** One sentence and the way to its grounds. */
export function VerdictLine({ verdict, open }: { verdict: VerdictBrief; open: () => void }) {
  const { lang } = useTexts();
  const { icon, tone } = lookOf(verdict.cause);
  return (
    <div class="verdictline" data-tone={tone}>
      <Icon name={icon} size={16} />
      <p class="verdictline__sentence" title={chipHint(verdict, lang)}>
        {verdict.agent[lang]}
      </p>
      <Button small tone="quiet" onClick={open}>
        {diagnosisTexts(lang).why}
      </Button>
    </div>
  );
}
