// Owns the dialog in which canned replies are added, changed and deleted.

import { useEffect, useState } from 'preact/hooks';
import { ApiFailure } from '../../client/api.ts';
import { errorTexts } from '../../i18n/common.ts';
import { localeOf } from '../../i18n/i18n.ts';
import { type CannedReply, type CannedReplyDraft, TEXT_CHARS_MAX } from '../../protocol/generated.ts';
import { Badge, Button, Empty, Field, IconButton, Notice, useStore } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import { Dialog } from '../dialog.tsx';
import { languageName } from '../format.ts';
import { isShortcut } from './match.ts';
import type { Replies } from './replies.ts';

/** Longest shortcut and title, characters (signaling/src/limits.rs). */
const SHORTCUT_CHARS_MAX = 32;
const TITLE_CHARS_MAX = 120;

const NEW: CannedReplyDraft = { shortcut: '', title: '', text: '', lang: '' };

/** What the dialog shows. */
type View =
  | { readonly kind: 'list' }
  | { readonly kind: 'edit'; readonly reply: CannedReply | null }
  | { readonly kind: 'remove'; readonly reply: CannedReply };

/** The dialog. */
export function ManageReplies({ replies, open, close }: { replies: Replies; open: boolean; close: () => void }) {
  const { t } = useTexts();
  const [view, setView] = useState<View>({ kind: 'list' });
  useEffect(() => {
    if (!open) return;
    setView({ kind: 'list' });
    void replies.read();
  }, [open, replies]);
  return (
    <Dialog title={t.canned.manage} open={open} close={close} closeLabel={t.canned.close} wide>
      {view.kind === 'edit' ? (
        <Editor replies={replies} reply={view.reply} done={() => setView({ kind: 'list' })} />
      ) : (
        <List replies={replies} view={view} show={setView} />
      )}
    </Dialog>
  );
}

interface ListProps {
  replies: Replies;
  view: View;
  show: (view: View) => void;
}

function List({ replies, view, show }: ListProps) {
  const { lang, t } = useTexts();
  const { replies: all, state } = useStore(replies.state);
  const [problem, setProblem] = useState<string | null>(null);
  const remove = async (reply: CannedReply) => {
    setProblem(null);
    try {
      await replies.remove(reply.id);
    } catch (error) {
      setProblem(wordsOf(error, errorTexts(lang), t.signIn.unreachable));
    }
    show({ kind: 'list' });
  };
  return (
    <div class="manage">
      <div class="manage__top">
        <p class="muted">{t.canned.shared}</p>
        <Button small tone="primary" icon="plus" onClick={() => show({ kind: 'edit', reply: null })}>
          {t.canned.add}
        </Button>
      </div>
      {problem !== null && (
        <div role="alert">
          <Notice tone="danger">{problem}</Notice>
        </div>
      )}
      {state === 'failed' && <Notice tone="warn">{t.canned.failed}</Notice>}
      {state === 'ready' && all.length === 0 && <Empty icon="bolt" title={t.canned.empty} />}
      <ul class="manage__list">
        {all.map((reply) => (
          <li key={reply.id} class="manage__one">
            <div class="manage__body">
              <p class="manage__head">
                <span class="canned__key">/{reply.shortcut}</span>
                <b>{reply.title}</b>
                {reply.lang !== '' && <Badge>{languageName(reply.lang, localeOf(lang))}</Badge>}
              </p>
              <p class="manage__text">{reply.text}</p>
            </div>
            {view.kind === 'remove' && view.reply.id === reply.id ? (
              <div class="manage__sure">
                <p>{t.canned.removeSure(reply.shortcut)}</p>
                <Button small tone="live" onClick={() => void remove(reply)}>
                  {t.canned.removeYes}
                </Button>
                <Button small tone="quiet" onClick={() => show({ kind: 'list' })}>
                  {t.canned.cancel}
                </Button>
              </div>
            ) : (
              <div class="manage__tools">
                <IconButton
                  icon="edit"
                  label={t.canned.edit(reply.shortcut)}
                  onClick={() => show({ kind: 'edit', reply })}
                />
                <IconButton
                  icon="trash"
                  label={t.canned.remove(reply.shortcut)}
                  onClick={() => show({ kind: 'remove', reply })}
                />
              </div>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface EditorProps {
  replies: Replies;
  /** The one that is changed; `null` for a new one. */
  reply: CannedReply | null;
  done: () => void;
}

function Editor({ replies, reply, done }: EditorProps) {
  const { lang, t } = useTexts();
  const [draft, setDraft] = useState<CannedReplyDraft>(reply ?? NEW);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const change = (part: Partial<CannedReplyDraft>) => setDraft((known) => ({ ...known, ...part }));
  const missing = (value: string) => (tried && value.trim() === '' ? t.canned.missing : undefined);
  const badShortcut = draft.shortcut !== '' && !isShortcut(draft.shortcut) ? t.canned.shortcutBad : undefined;
  const save = async () => {
    setTried(true);
    if (badShortcut !== undefined || [draft.shortcut, draft.title, draft.text].some((one) => one.trim() === '')) return;
    setBusy(true);
    setProblem(null);
    try {
      const { shortcut, title, text, lang: written } = draft;
      await replies.save(reply?.id ?? null, { shortcut, title: title.trim(), text: text.trim(), lang: written });
      done();
    } catch (error) {
      setProblem(wordsOf(error, errorTexts(lang), t.signIn.unreachable));
      setBusy(false);
    }
  };
  return (
    <form
      class="manage"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h3 class="manage__title">{reply === null ? t.canned.add : t.canned.edit(reply.shortcut)}</h3>
      {problem !== null && (
        <div role="alert">
          <Notice tone="danger">{problem}</Notice>
        </div>
      )}
      <div class="manage__pair">
        <Field
          label={t.canned.shortcut}
          value={draft.shortcut}
          onValue={(shortcut) => change({ shortcut: shortcut.replace(/^\//, '') })}
          maxLength={SHORTCUT_CHARS_MAX}
          error={badShortcut ?? missing(draft.shortcut)}
          focusFirst
        />
        <LangField value={draft.lang} onValue={(written) => change({ lang: written })} />
      </div>
      <p class="manage__hint">{t.canned.shortcutHint}</p>
      <Field
        label={t.canned.title}
        value={draft.title}
        onValue={(title) => change({ title })}
        maxLength={TITLE_CHARS_MAX}
        error={missing(draft.title)}
      />
      <TextField value={draft.text} onValue={(text) => change({ text })} error={missing(draft.text)} />
      <p class="manage__hint">{t.canned.textHint}</p>
      <div class="manage__foot">
        <Button tone="quiet" onClick={done}>
          {t.canned.cancel}
        </Button>
        <Button type="submit" tone="primary" busy={busy}>
          {t.canned.save}
        </Button>
      </div>
    </form>
  );
}

function LangField({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const { lang, t } = useTexts();
  const known = ['', 'en', 'zh'].includes(value);
  return (
    <label class="sl-field">
      <span class="sl-field__label">{t.canned.lang}</span>
      <select class="sl-input" value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        <option value="">{t.canned.langAny}</option>
        <option value="en">{t.canned.langEn}</option>
        <option value="zh">{t.canned.langZh}</option>
        {!known && <option value={value}>{languageName(value, localeOf(lang))}</option>}
      </select>
    </label>
  );
}

interface TextFieldProps {
  value: string;
  onValue: (value: string) => void;
  error: string | undefined;
}

function TextField({ value, onValue, error }: TextFieldProps) {
  const { t } = useTexts();
  return (
    <label class="sl-field">
      <span class="sl-field__label">{t.canned.text}</span>
      <textarea
        class="sl-input manage__area"
        rows={4}
        maxLength={TEXT_CHARS_MAX}
        value={value}
        aria-invalid={error === undefined ? undefined : true}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      {error !== undefined && (
        <span class="sl-field__error" role="alert">
          {error}
        </span>
      )}
    </label>
  );
}

function wordsOf(error: unknown, texts: ReturnType<typeof errorTexts>, unreachable: string): string {
  if (!(error instanceof ApiFailure)) return texts.internal;
  return error.code === undefined ? unreachable : texts[error.code];
}
