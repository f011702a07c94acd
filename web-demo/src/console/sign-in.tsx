// Owns signing in: by login and password, and on demo servers by one click.

import { useState } from 'preact/hooks';
import { ApiFailure, signIn, signInToDemo } from '../client/api.ts';
import { errorTexts } from '../i18n/common.ts';
import type { Lang } from '../i18n/i18n.ts';
import type { SessionView } from '../protocol/generated.ts';
import { Button, Field, Notice } from '../ui/ui.tsx';
import { Brand } from './brand.tsx';
import { useTexts } from './context.ts';
import type { Texts } from './texts.ts';

interface SignInProps {
  /** Whether the server is a demo. */
  demo: boolean;
  /** Whether a session has just ended by itself. */
  ended: boolean;
  entered: (session: SessionView) => void;
}

/** The page before the desk. */
export function SignIn({ demo, ended, entered }: SignInProps) {
  const { lang, t } = useTexts();
  const [login, setLogin] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState<'form' | 'demo' | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const attempt = async (kind: 'form' | 'demo', enter: () => Promise<SessionView>) => {
    setBusy(kind);
    setFailure(null);
    try {
      entered(await enter());
    } catch (error) {
      setFailure(reason(error, t, lang));
      setBusy(null);
    }
  };
  return (
    <main class="signin">
      <div class="signin__card sl-card">
        <Brand />
        <h1 class="signin__title">{t.signIn.title}</h1>
        <p class="muted">{t.signIn.lead}</p>
        {ended && <Notice>{t.signIn.signedOutElsewhere}</Notice>}
        {failure !== null && (
          <div role="alert">
            <Notice tone="danger">{failure}</Notice>
          </div>
        )}
        <form
          class="signin__form"
          onSubmit={(event) => {
            event.preventDefault();
            void attempt('form', () => signIn(login, password));
          }}
        >
          <Field
            label={t.signIn.login}
            value={login}
            onValue={setLogin}
            autocomplete="username"
            maxLength={200}
            required
            focusFirst
          />
          <Field
            label={t.signIn.password}
            type="password"
            value={password}
            onValue={setPassword}
            autocomplete="current-password"
            maxLength={200}
            required
          />
          <Button type="submit" tone={demo ? 'secondary' : 'primary'} block busy={busy === 'form'}>
            {t.signIn.submit}
          </Button>
        </form>
        {demo && (
          <div class="signin__demo">
            <p class="signin__or">{t.signIn.or}</p>
            <Button tone="primary" block busy={busy === 'demo'} onClick={() => void attempt('demo', signInToDemo)}>
              {t.signIn.demo}
            </Button>
            <p class="muted signin__note">{t.signIn.demoNote}</p>
          </div>
        )}
      </div>
    </main>
  );
}

function reason(error: unknown, t: Texts, lang: Lang): string {
  if (!(error instanceof ApiFailure) || error.status === 0) return t.signIn.unreachable;
  if (error.status === 401 || error.status === 403) return t.signIn.wrong;
  if (error.status === 429) return t.signIn.slow;
  return error.code === undefined ? t.signIn.unreachable : errorTexts(lang)[error.code];
}
