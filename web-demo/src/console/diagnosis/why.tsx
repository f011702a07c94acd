// Owns what a verdict rests on: what speaks for it and against it, which causes are ruled out and by what, and what would help.

import type { Verdict } from '../../client/diagnosis.ts';
import { useTexts } from '../context.ts';
import { EvidenceLine, EvidenceList } from './evidence.tsx';
import { blames } from './facts.ts';
import { diagnosisNames, nameIn } from './names.ts';
import { diagnosisTexts } from './texts.ts';

/** The grounds of a verdict. */
export function Why({ verdict }: { verdict: Verdict }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const names = diagnosisNames(lang);
  const blamed = blames(verdict.cause);
  return (
    <div class="why">
      <div>
        <h3 class="why__title">{blamed ? t.evidence : t.troubles}</h3>
        {verdict.evidence.length === 0 ? (
          <p class="muted">{t.noneEvidence}</p>
        ) : (
          <EvidenceList evidence={verdict.evidence} />
        )}
      </div>
      {verdict.also !== null && (
        <div>
          <h3 class="why__title">{nameIn(names.cause, verdict.also.cause)}</h3>
          <EvidenceList evidence={verdict.also.evidence} />
        </div>
      )}
      {blamed && (
        <div>
          <h3 class="why__title">{t.contradicting}</h3>
          {verdict.contradicting.length === 0 ? (
            <p class="muted">{t.noneContradicting}</p>
          ) : (
            <EvidenceList evidence={verdict.contradicting} />
          )}
        </div>
      )}
      <div>
        <h3 class="why__title">{t.ruledOut}</h3>
        {verdict.ruled_out.length === 0 && <p class="muted">{t.noneRuledOut}</p>}
        <ul class="evidence">
          {verdict.ruled_out.map(({ cause, by }) => (
            <li key={cause} class="evidence__one">
              <span class="evidence__out">{nameIn(names.cause, cause)}</span>
              <EvidenceLine fact={by} lang={lang} />
            </li>
          ))}
        </ul>
      </div>
      {verdict.needs.length > 0 && (
        <div>
          <h3 class="why__title">{t.needs}</h3>
          <ul class="why__needs">
            {verdict.needs.map((lane) => (
              <li key={lane}>{nameIn(names.lane, lane)}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
