// Owns the pictures of a chat on the screen: small in the log, large on a click, and on their way.

import { useState } from 'preact/hooks';
import { pictureHref } from '../client/api.ts';
import { Store } from '../client/emitter.ts';
import type { PendingPicture } from '../client/picture-outbox.ts';
import { errorTexts } from '../i18n/common.ts';
import type { ConversationSummary } from '../protocol/generated.ts';
import { Button, classes, Icon, useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import type { PictureBody } from './desk/log-rows.ts';
import { Dialog } from './dialog.tsx';
import { resolution } from './format.ts';

/** Largest side of a picture in the log, CSS pixels. */
const THUMB_SIDE = 220;

/** The picture that is looked at. It lies outside the log, which reads aloud what is added to it. */
const opened = new Store<{ body: PictureBody; name: string } | null>(null);

/** A picture in the log; opens large. `name`: who sent it. */
export function Picture({ body, name }: { body: PictureBody; name: string }) {
  const { t } = useTexts();
  const [failed, setFailed] = useState(0);
  const [tries, setTries] = useState(0);
  const href = pictureHref(body.picture);
  const scale = Math.min(1, THUMB_SIDE / Math.max(body.width, body.height, 1));
  if (failed > tries) {
    return (
      <p class="picture picture--failed">
        <Icon name="warning" size={16} /> {t.thread.pictureFailed}
        <Button small onClick={() => setTries(failed)}>
          {t.retry}
        </Button>
      </p>
    );
  }
  return (
    <button
      type="button"
      class="picture"
      title={t.thread.pictureOpen(resolution(body.width, body.height))}
      onClick={() => opened.set({ body, name })}
    >
      <img
        key={tries}
        src={href}
        alt={t.thread.pictureFrom(name)}
        width={Math.max(1, Math.round(body.width * scale))}
        height={Math.max(1, Math.round(body.height * scale))}
        loading="lazy"
        decoding="async"
        onError={() => setFailed(tries + 1)}
      />
    </button>
  );
}

/** The picture that was opened, large. */
export function Lightbox() {
  const { t } = useTexts();
  const shown = useStore(opened);
  const close = () => opened.set(null);
  const title = shown === null ? '' : t.thread.pictureFrom(shown.name);
  return (
    <Dialog title={title} open={shown !== null} close={close} closeLabel={t.thread.pictureClose} wide>
      {shown !== null && (
        <div class="lightbox">
          <img src={pictureHref(shown.body.picture)} alt={title} width={shown.body.width} height={shown.body.height} />
          <p>
            <span class="muted">{resolution(shown.body.width, shown.body.height)}</span>
            <a href={pictureHref(shown.body.picture)} target="_blank" rel="noreferrer">
              {t.thread.pictureOriginal}
            </a>
          </p>
        </div>
      )}
    </Dialog>
  );
}

/** The pictures on their way. */
export function PendingPictures({ desk, row }: { desk: Desk; row: ConversationSummary }) {
  const outbox = desk.pictures(row.id);
  const pending = useStore(outbox.pending);
  return (
    <>
      {pending.map((one) => (
        <Pending
          key={one.clientId}
          one={one}
          cancel={() => outbox.cancel(one.clientId)}
          again={() => outbox.again(one.clientId)}
        />
      ))}
    </>
  );
}

function Pending({ one, cancel, again }: { one: PendingPicture; cancel: () => void; again: () => void }) {
  const { lang, t } = useTexts();
  const refused = one.stage === 'refused';
  return (
    <div class={classes('says says--agent says--pending', refused && 'says--refused')}>
      <p class="says__text">
        <Icon name="image" size={16} /> {one.name || t.events.picture}
      </p>
      <p class="says__mark">
        <Icon name={refused ? 'warning' : 'clock'} size={14} />
        {refused ? (
          <span role="alert">{problemText(one.problem, t.thread.pictureProblem, errorTexts(lang))}</span>
        ) : (
          stageText(one, t.thread)
        )}
        {refused && one.picture !== null && (
          <Button small onClick={again}>
            {t.retry}
          </Button>
        )}
        {one.stage !== 'sent' && (
          <Button small tone="quiet" onClick={cancel}>
            {refused ? t.thread.discard : t.thread.pictureCancel}
          </Button>
        )}
      </p>
    </div>
  );
}

function stageText(one: PendingPicture, t: ReturnType<typeof useTexts>['t']['thread']): string {
  switch (one.stage) {
    case 'preparing':
      return t.picturePreparing;
    case 'sending':
      return t.pictureSending(Math.round(one.progress * 100));
    case 'sent':
      return t.pictureSent;
    default:
      return t.pictureWaiting;
  }
}

function problemText(
  problem: PendingPicture['problem'],
  own: { not_a_picture: string; too_large: string },
  codes: ReturnType<typeof errorTexts>,
): string {
  if (problem === null) return codes.internal;
  return problem === 'not_a_picture' || problem === 'too_large' ? own[problem] : codes[problem];
}
