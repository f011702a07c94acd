// Owns facts on the screen: a list of them with number, limit, place and time, and the two or three that decide.

import type { Evidence } from '../../client/diagnosis.ts';
import type { Lang } from '../../i18n/i18n.ts';
import { useTexts } from '../context.ts';
import { formatSeconds } from '../format.ts';
import { deciding, factLimit, factValue } from './facts.ts';
import { diagnosisNames, nameIn } from './names.ts';
import { diagnosisTexts } from './texts.ts';

/** The numbers that decide, large enough to read while one writes. */
export function Deciding({ evidence }: { evidence: readonly Evidence[] }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const names = diagnosisNames(lang).evidence;
  const facts = deciding(evidence);
  if (facts.length === 0) return null;
  return (
    <dl class="deciding" aria-label={t.numbers}>
      {facts.map((fact) => (
        <div class="deciding__one" key={fact.kind} title={factLimit(fact, lang) || undefined}>
          <dt>{nameIn(names, fact.kind)}</dt>
          <dd>{factValue(fact, lang)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Facts, one under the other. */
export function EvidenceList({ evidence }: { evidence: readonly Evidence[] }) {
  const { lang } = useTexts();
  return (
    <ul class="evidence">
      {evidence.map((fact) => (
        <li key={`${fact.kind} ${fact.lane} ${fact.from_ms}`} class="evidence__one">
          <EvidenceLine fact={fact} lang={lang} />
        </li>
      ))}
    </ul>
  );
}

/** One fact: what, how much, against what, where and when. */
export function EvidenceLine({ fact, lang }: { fact: Evidence; lang: Lang }) {
  const t = diagnosisTexts(lang);
  const names = diagnosisNames(lang);
  const limit = factLimit(fact, lang);
  return (
    <>
      <span class="evidence__what">
        {nameIn(names.evidence, fact.kind)} <b>{factValue(fact, lang)}</b>
      </span>
      <span class="evidence__more">
        {limit !== '' && <span>{limit}</span>}
        <span>{nameIn(names.lane, fact.lane)}</span>
        <span>{times(fact, lang)}</span>
        {fact.own_share && <span>{t.mayBeShare}</span>}
      </span>
    </>
  );
}

/** When: a moment, or from and to. */
function times({ from_ms, to_ms }: Evidence, lang: Lang): string {
  const from = formatSeconds(lang, from_ms);
  return to_ms - from_ms <= 1_000 ? from : `${from}–${formatSeconds(lang, to_ms)}`;
}
