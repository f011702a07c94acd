// Owns the region "Diagnosis": the verdict in one sentence with the numbers that decide, and behind it why, what to do, what to
// answer, the check of the viewer's line and the agent's word on it. It stands beside the conversation and on the ticket.

import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Diagnosis } from '../../client/diagnosis.ts';
import type { Cause, ConversationSummary, TicketNumber } from '../../protocol/generated.ts';
import { Button, classes, Icon, Notice, Spinner } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import type { Desk } from '../desk/desk.ts';
import { formatSeconds } from '../format.ts';
import { Deciding } from './evidence.tsx';
import { blames, confidenceWord, type Head, headline, lookOf, sharePercent } from './facts.ts';
import { LineCheckBlock } from './line-check.tsx';
import { diagnosisNames, nameIn } from './names.ts';
import { Remedies, Replies } from './remedy.tsx';
import { diagnosisTexts } from './texts.ts';
import type { DiagnosisView } from './use-diagnosis.ts';
import { Why } from './why.tsx';
import { WordBlock } from './word.tsx';

interface PanelProps {
  desk: Desk;
  ticket: TicketNumber;
  /** The conversation, while the desk knows it. */
  row: ConversationSummary | undefined;
  view: DiagnosisView;
  /** As wide as a page, rather than a pane. */
  wide?: boolean;
}

/** The region. */
export function DiagnosisPanel({ desk, ticket, row, view, wide = false }: PanelProps) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const head = headline(row?.status === 'resolved' ? undefined : row?.verdict, view.diagnosis);
  const whyId = useId();
  const [why, setWhy] = useState(wide);
  const { diagnosis } = view;
  return (
    <section class={classes('diagnosis', wide && 'diagnosis--wide')} aria-label={t.region}>
      <h2 class="diagnosis__title">{t.region}</h2>
      {head === null ? <Nothing view={view} /> : <Headline head={head} diagnosis={diagnosis} />}
      {view.failure !== null && head !== null && <Notice tone="warn">{t.failed}</Notice>}
      {diagnosis !== null && head !== null && (
        <div class="diagnosis__more">
          <Button
            small
            tone="quiet"
            icon={why ? 'chevronDown' : 'chevronRight'}
            class="diagnosis__toggle"
            aria-expanded={why}
            aria-controls={whyId}
            onClick={() => setWhy((shown) => !shown)}
          >
            {t.why}
          </Button>
          <div id={whyId} class="diagnosis__why" hidden={!why}>
            <Why verdict={diagnosis.verdict} />
          </div>
          {diagnosis.remedy !== undefined && (
            <>
              {row !== undefined && desk.owns(row) && !wide && (
                <Replies desk={desk} row={row} remedy={diagnosis.remedy} />
              )}
              <Remedies remedy={diagnosis.remedy} />
            </>
          )}
        </div>
      )}
      <LineCheckBlock desk={desk} ticket={ticket} online={row?.viewer_online === true} done={view.again} />
      {diagnosis !== null && head !== null && <WordBlock ticket={ticket} diagnosis={diagnosis} />}
    </section>
  );
}

/** Before the first data, or without an answer. */
function Nothing({ view }: { view: DiagnosisView }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  if (view.diagnosis === null && view.failure === null) return <Spinner />;
  return <p class="muted">{view.diagnosis === null ? t.failed : t.waiting}</p>;
}

function Headline({ head, diagnosis }: { head: Head; diagnosis: Diagnosis | null }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const { causeSpoken } = diagnosisNames(lang);
  const { icon, tone } = lookOf(head.cause);
  const verdict = diagnosis?.verdict;
  return (
    <div class="diagnosis__head" data-tone={tone}>
      <p class="diagnosis__sentence">
        <Icon name={icon} size={18} />
        <span>{head.sentence[lang]}</span>
      </p>
      {head.cause !== 'undetermined' && <Confidence head={head} />}
      {verdict !== undefined && verdict.cause === head.cause && blames(head.cause) && (
        <Deciding evidence={verdict.evidence} />
      )}
      {head.also !== undefined && (
        <p class="diagnosis__note">
          <Icon name="plus" size={14} />
          <span>
            {t.also(
              nameIn(causeSpoken, head.also),
              head.alsoConfidence === undefined ? '' : sharePercent(head.alsoConfidence),
            )}
          </span>
        </p>
      )}
      {head.own_share && (
        <p class="diagnosis__note">
          <Icon name="screen" size={14} />
          <span>{t.ownShare}</span>
        </p>
      )}
      {verdict !== undefined && <Judged verdict={verdict} />}
      <Changes cause={head.cause} />
    </div>
  );
}

/** How sure: a bar, a word and a number. */
function Confidence({ head }: { head: Head }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const share = sharePercent(head.confidence);
  return (
    <p class="confidence">
      <span class="confidence__bar" aria-hidden="true">
        <span style={{ inlineSize: `${Math.round(head.confidence * 100)}%` }} />
      </span>
      {blames(head.cause) ? t.confidenceOf(confidenceWord(head.confidence, lang), share) : t.sureOnly(share)}
    </p>
  );
}

/** Which seconds were judged, and whether what was seen is still there. */
function Judged({ verdict }: { verdict: Diagnosis['verdict'] }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  if (verdict.window === null) return null;
  const say = verdict.when === 'earlier' ? t.judgedEarlier : t.judgedNow;
  return (
    <p class="diagnosis__window">
      {say(formatSeconds(lang, verdict.window.from_ms), formatSeconds(lang, verdict.window.to_ms))}
    </p>
  );
}

/** Tells another cause to those who do not look; numbers change too often to be told. */
function Changes({ cause }: { cause: Cause }) {
  const { lang } = useTexts();
  const before = useRef(cause);
  const [told, setTold] = useState('');
  useEffect(() => {
    if (before.current === cause) return;
    before.current = cause;
    setTold(diagnosisTexts(lang).changed(nameIn(diagnosisNames(lang).causeSpoken, cause)));
  }, [cause, lang]);
  return (
    <p role="status" class="sl-visually-hidden">
      {told}
    </p>
  );
}
