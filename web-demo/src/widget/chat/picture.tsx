// A picture in the conversation: small among the messages, large on a click. Drawn on a canvas, so that a strict policy of the
// host's page has nothing to allow.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { PendingPicture, PictureOutbox } from '../../client/picture-outbox.ts';
import { loadPicture, type PictureAccess } from '../../client/pictures.ts';
import { errorTexts } from '../../i18n/common.ts';
import { formatNumber, type Lang } from '../../i18n/i18n.ts';
import { Button, IconButton, Spinner } from '../../ui/ui.tsx';
import type { ChatTexts } from './texts.ts';

/** Longest side of a small picture, CSS px. */
const THUMB_PX = 220;

/** Draws a bitmap into a canvas, at most `longest` device pixels long, and lets it go. */
function draw(canvas: HTMLCanvasElement, bitmap: ImageBitmap, longest: number): void {
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  if (context) {
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  }
  bitmap.close();
}

/** Brings a bitmap onto a canvas once the canvas is there; `failed` when it cannot be had. */
function useBitmap(load: (signal: AbortSignal) => Promise<ImageBitmap>, key: string, longest: number) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [stage, setStage] = useState<'loading' | 'drawn' | 'failed'>('loading');
  const [attempt, setAttempt] = useState(0);
  const loader = useRef(load);
  loader.current = load;
  useEffect(() => {
    const abort = new AbortController();
    setStage('loading');
    loader.current(abort.signal).then(
      (bitmap) => {
        if (abort.signal.aborted || !canvas.current) return bitmap.close();
        draw(canvas.current, bitmap, longest);
        setStage('drawn');
      },
      () => !abort.signal.aborted && setStage('failed'),
    );
    return () => abort.abort();
  }, [key, attempt, longest]);
  return { canvas, stage, again: () => setAttempt((n) => n + 1) };
}

/** How large a picture of this size is drawn among the messages. */
export function thumbSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, THUMB_PX / Math.max(width, height, 1));
  // Long and narrow ones keep a side that a finger hits.
  return { width: Math.max(44, Math.round(width * scale)), height: Math.max(44, Math.round(height * scale)) };
}

/** A picture that the server holds. */
export function Picture({
  access,
  picture,
  width,
  height,
  label,
  texts,
}: {
  access: PictureAccess;
  picture: string;
  width: number;
  height: number;
  /** What it is, in words: who sent it and when. */
  label: string;
  texts: ChatTexts;
}) {
  const [open, setOpen] = useState(false);
  const load = (signal: AbortSignal) => loadPicture(access, picture, signal);
  const { canvas, stage, again } = useBitmap(load, picture, THUMB_PX * Math.min(3, devicePixelRatio));
  const size = thumbSize(width, height);
  return (
    <>
      <button
        type="button"
        class="picture"
        aria-label={stage === 'failed' ? texts.pictureAgain(label) : label}
        aria-haspopup="dialog"
        style={{ width: `${size.width}px`, height: `${size.height}px` }}
        onClick={() => (stage === 'failed' ? again() : setOpen(true))}
      >
        <canvas ref={canvas} hidden={stage !== 'drawn'} />
        {stage === 'loading' && <Spinner />}
        {stage === 'failed' && <span class="picture__failed">{texts.pictureFailed}</span>}
      </button>
      {open && <Large load={load} picture={picture} label={label} texts={texts} onClose={() => setOpen(false)} />}
    </>
  );
}

/** The picture over the whole page. Escape closes it, and not the chat behind it. */
function Large({
  load,
  picture,
  label,
  texts,
  onClose,
}: {
  load: (signal: AbortSignal) => Promise<ImageBitmap>;
  picture: string;
  label: string;
  texts: ChatTexts;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { canvas, stage } = useBitmap(load, picture, Number.POSITIVE_INFINITY);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="large"
      aria-label={texts.picture}
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
      onClick={(event) => event.target === event.currentTarget && dialog.current?.close()}
    >
      <IconButton class="large__close" icon="close" label={texts.close} onClick={() => dialog.current?.close()} />
      <canvas ref={canvas} role="img" aria-label={label} hidden={stage !== 'drawn'} />
      {stage === 'loading' && <Spinner />}
      {stage === 'failed' && <p class="large__failed">{texts.pictureFailed}</p>}
    </dialog>
  );
}

/** A picture on its way: its look, how far it is, and a way out. */
export function Sending({
  one,
  held,
  outbox,
  texts,
  lang,
}: {
  one: PendingPicture;
  /** There is no conversation yet that it could go into. */
  held: boolean;
  outbox: PictureOutbox;
  texts: ChatTexts;
  lang: Lang;
}) {
  const refused = one.stage === 'refused';
  return (
    <div class="row row--own row--first">
      <div class="row__stack">
        {one.picture && <Preview one={one} />}
        <div class="sending">
          {!refused && one.stage !== 'sent' && (
            <progress
              aria-label={texts.pictureProgress}
              max={1}
              {...(one.stage === 'sending' ? { value: one.progress } : {})}
            />
          )}
          <span class="sending__text" role={refused ? 'alert' : undefined}>
            {refused ? problemText(one, texts, lang) : stageText(one, held, texts, lang)}
          </span>
          {refused && one.picture && (
            <Button small tone="quiet" onClick={() => outbox.again(one.clientId)}>
              {texts.again}
            </Button>
          )}
          {one.stage !== 'sent' && (
            <Button small tone="quiet" onClick={() => outbox.cancel(one.clientId)}>
              {refused ? texts.discard : texts.cancel}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

function Preview({ one }: { one: PendingPicture }) {
  const load = () => createImageBitmap(one.picture?.blob ?? new Blob());
  const { canvas } = useBitmap(load, one.clientId, THUMB_PX * Math.min(3, devicePixelRatio));
  const size = thumbSize(one.picture?.width ?? 0, one.picture?.height ?? 0);
  return (
    <span class="picture picture--sending" style={{ width: `${size.width}px`, height: `${size.height}px` }}>
      <canvas ref={canvas} />
    </span>
  );
}

function stageText(one: PendingPicture, held: boolean, texts: ChatTexts, lang: Lang): string {
  switch (one.stage) {
    case 'preparing':
      return texts.picturePreparing;
    case 'waiting':
      return held ? texts.pictureHeld : texts.pictureWaiting;
    case 'sending':
      return texts.pictureSending(formatNumber(lang, one.progress * 100));
    default:
      return texts.sent;
  }
}

function problemText({ problem }: PendingPicture, texts: ChatTexts, lang: Lang): string {
  switch (problem) {
    case 'not_a_picture':
    case 'invalid':
      return texts.pictureBad;
    case 'too_large':
      return texts.pictureTooLarge;
    // The server has a bound for the whole conversation.
    case 'forbidden':
    case 'out_of_order':
      return texts.pictureTooMany;
    case null:
      return texts.refused;
    default:
      return errorTexts(lang)[problem];
  }
}
