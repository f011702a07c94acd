// The rating: offered once, after a call or when the ticket is resolved.

import { useState } from 'preact/hooks';
import type { ViewerSession, ViewerState } from '../../client/viewer.ts';
import { COMMENT_CHARS_MAX } from '../../protocol/generated.ts';
import { Button, classes, Icon } from '../../ui/ui.tsx';
import type { ChatTexts } from './texts.ts';

const STARS = [1, 2, 3, 4, 5];

/** Stars, a comment, thanks. */
export function Rating({ state, session, texts }: { state: ViewerState; session: ViewerSession; texts: ChatTexts }) {
  const { conversation, entries, call } = state;
  const [score, setScore] = useState(0);
  const [comment, setComment] = useState('');
  const [stage, setStage] = useState<'open' | 'sending' | 'thanks' | 'later'>('open');
  const [failed, setFailed] = useState(false);
  if (!conversation) return null;
  if (stage === 'thanks') {
    return (
      <p class="card card--thanks" aria-live="polite">
        <Icon name="check" size={18} /> {texts.thanks}
      </p>
    );
  }
  const running = call !== null && call.stage !== 'ended';
  const helped = entries.some(({ body }) => body.kind === 'call_ended' && body.duration_ms > 0);
  const due = conversation.status === 'resolved' || helped;
  if (conversation.rated || running || !due || stage === 'later') return null;
  const send = async () => {
    setStage('sending');
    setFailed(false);
    try {
      await session.rate(score, comment.trim());
      setStage('thanks');
    } catch {
      setFailed(true);
      setStage('open');
    }
  };
  return (
    <fieldset class="card rating" aria-label={texts.rate}>
      <p class="card__title">{texts.rateTitle}</p>
      <div class="stars" role="radiogroup" aria-label={texts.rate}>
        {STARS.map((n) => (
          <label key={n} class={classes('star', n <= score && 'star--on')}>
            <input
              type="radio"
              name="sl-rating"
              aria-label={texts.star(n)}
              checked={score === n}
              onChange={() => setScore(n)}
            />
            <Icon name="star" size={30} />
          </label>
        ))}
      </div>
      <textarea
        class="sl-input rating__comment"
        rows={2}
        aria-label={texts.comment}
        placeholder={texts.comment}
        maxLength={COMMENT_CHARS_MAX}
        value={comment}
        onInput={(event) => setComment(event.currentTarget.value)}
      />
      {failed && (
        <p class="sl-field__error" role="alert">
          {texts.refused}
        </p>
      )}
      <div class="card__actions">
        <Button tone="quiet" onClick={() => setStage('later')}>
          {texts.notNow}
        </Button>
        <Button tone="primary" disabled={score === 0} busy={stage === 'sending'} onClick={() => void send()}>
          {texts.sendRating}
        </Button>
      </div>
    </fieldset>
  );
}
