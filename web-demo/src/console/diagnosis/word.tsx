// Owns the agent's word on a verdict: right or wrong, what it was instead, and who said so.

import { useState } from 'preact/hooks';
import { CAUSES, type Diagnosis, sayWord } from '../../client/diagnosis.ts';
import {
  type Cause,
  type TicketNumber,
  type VerdictWord,
  type VerdictWordDraft,
  WORD_NOTE_CHARS_MAX,
} from '../../protocol/generated.ts';
import { Button, Field, Icon } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { diagnosisNames } from './names.ts';
import { diagnosisTexts } from './texts.ts';

interface WordProps {
  ticket: TicketNumber;
  diagnosis: Diagnosis;
}

/** The question and its answer. */
export function WordBlock({ ticket, diagnosis }: WordProps) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  // What was said here stands until the server tells a later one.
  const [mine, setMine] = useState<VerdictWord | null>(null);
  const [step, setStep] = useState<'shown' | 'asked' | 'wrong'>('shown');
  const [trouble, setTrouble] = useState<'busy' | 'failed' | null>(null);
  const { cause } = diagnosis.verdict;
  const known = diagnosis.word;
  const word = mine !== null && (known === undefined || mine.at_ms > known.at_ms) ? mine : known;
  const say = async (said: VerdictWordDraft) => {
    setTrouble('busy');
    try {
      setMine(await sayWord(ticket, said));
      setStep('shown');
      setTrouble(null);
    } catch {
      setTrouble('failed');
    }
  };
  const asks = word === undefined || step !== 'shown';
  return (
    <fieldset class="word">
      <legend class="why__title">{t.word}</legend>
      {word !== undefined && step === 'shown' && <Said word={word} now={cause} change={() => setStep('asked')} />}
      {asks && step !== 'wrong' && (
        <div class="word__buttons">
          <Button small icon="check" busy={trouble === 'busy'} onClick={() => void say({ right: true, note: '' })}>
            {t.right}
          </Button>
          <Button small icon="close" disabled={trouble === 'busy'} onClick={() => setStep('wrong')}>
            {t.wrong}
          </Button>
        </div>
      )}
      {step === 'wrong' && (
        <Instead
          not={cause}
          busy={trouble === 'busy'}
          save={(said) => void say({ right: false, ...said })}
          cancel={() => setStep(word === undefined ? 'shown' : 'asked')}
        />
      )}
      {trouble === 'failed' && (
        <p class="sl-field__error" role="alert">
          {t.wordFailed}
        </p>
      )}
    </fieldset>
  );
}

function Said({ word, now, change }: { word: VerdictWord; now: Cause; change: () => void }) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const names = diagnosisNames(lang).causeSpoken;
  return (
    <div class="word__said">
      <Icon name={word.right ? 'check' : 'close'} size={16} />
      <p>
        {word.right ? t.saidRight(word.by) : t.saidWrong(word.by)}
        {word.said !== now && <span>. {t.saidAbout(names[word.said])}</span>}
        {word.cause !== undefined && <span>. {t.saidWas(names[word.cause])}</span>}
        {word.note !== '' && <q class="word__note">{word.note}</q>}
      </p>
      <Button small tone="quiet" onClick={change}>
        {t.wordChange}
      </Button>
    </div>
  );
}

interface InsteadProps {
  /** The verdict's cause: that it was not. */
  not: Cause;
  busy: boolean;
  save: (said: Pick<VerdictWordDraft, 'cause' | 'note'>) => void;
  cancel: () => void;
}

/** What it was instead. */
function Instead({ not, busy, save, cancel }: InsteadProps) {
  const { lang } = useTexts();
  const t = diagnosisTexts(lang);
  const names = diagnosisNames(lang).cause;
  const [cause, setCause] = useState<Cause | ''>('');
  const [note, setNote] = useState('');
  return (
    <form
      class="word__form"
      onSubmit={(event) => {
        event.preventDefault();
        save({ note: note.trim(), ...(cause === '' ? {} : { cause }) });
      }}
    >
      <label class="sl-field">
        <span class="sl-field__label">{t.wordWas}</span>
        <select
          class="sl-input"
          value={cause}
          onChange={(event) => setCause(CAUSES.find((one) => one === event.currentTarget.value) ?? '')}
        >
          <option value="">{t.wordUnknown}</option>
          {CAUSES.filter((one) => one !== not && one !== 'undetermined').map((one) => (
            <option key={one} value={one}>
              {names[one]}
            </option>
          ))}
        </select>
      </label>
      <Field label={t.wordNote} value={note} onValue={setNote} maxLength={WORD_NOTE_CHARS_MAX} />
      <div class="word__buttons">
        <Button small type="submit" tone="primary" busy={busy}>
          {t.wordSave}
        </Button>
        <Button small onClick={cancel}>
          {t.wordCancel}
        </Button>
      </div>
    </form>
  );
}
