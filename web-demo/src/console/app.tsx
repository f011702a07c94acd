// Owns who is at the console: nobody yet, someone who has to sign in, or an agent with a desk.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiFailure, isDemo, readSession, signInToDemo, signOut } from '../client/api.ts';
import type { Lang } from '../i18n/i18n.ts';
import type { SessionView } from '../protocol/generated.ts';
import { Button, Empty, Spinner, useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';
import { Desk } from './desk/desk.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';

/** Who is at the console. */
type Gate =
  | { readonly kind: 'asking' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'out'; readonly demo: boolean; readonly ended: boolean }
  | { readonly kind: 'in'; readonly desk: Desk; readonly session: SessionView };

/** The console. */
export function App({ lang }: { lang: Lang }) {
  const { t } = useTexts();
  const [gate, setGate] = useState<Gate>({ kind: 'asking' });
  const enter = useCallback((session: SessionView) => setGate({ kind: 'in', session, desk: new Desk(lang) }), [lang]);
  const ask = useCallback(() => {
    setGate({ kind: 'asking' });
    whoIsThere().then(
      (found) => ('user' in found ? enter(found) : setGate(found)),
      () => setGate({ kind: 'unreachable' }),
    );
  }, [enter]);
  useEffect(ask, [ask]);
  const leave = useCallback(async (desk: Desk, ended: boolean) => {
    desk.close();
    // Whether or not the server could be told: this page is signed out.
    if (!ended) await signOut().catch(() => {});
    const demo = await isDemo().catch(() => false);
    setGate({ kind: 'out', demo, ended });
  }, []);

  if (gate.kind === 'asking') {
    return (
      <p class="gate" role="status">
        <Spinner /> {t.loading}
      </p>
    );
  }
  if (gate.kind === 'unreachable') {
    return (
      <div class="gate" role="alert">
        <Empty icon="offline" title={t.signIn.unreachable}>
          <Button icon="refresh" onClick={ask}>
            {t.retry}
          </Button>
        </Empty>
      </div>
    );
  }
  if (gate.kind === 'out') return <SignIn demo={gate.demo} ended={gate.ended} entered={enter} />;
  return <Watched desk={gate.desk} session={gate.session} leave={leave} />;
}

/** The session of the address's reader; signs in by itself where `?demo=1` asks for it on a demo server. */
async function whoIsThere(): Promise<SessionView | Gate> {
  const session = await readSession();
  if (session !== null) return session;
  const demo = await isDemo();
  if (demo && new URLSearchParams(location.search).get('demo') === '1') {
    try {
      return await signInToDemo();
    } catch (failure) {
      if (!(failure instanceof ApiFailure) || failure.status === 0) throw failure;
    }
  }
  return { kind: 'out', demo, ended: false };
}

interface WatchedProps {
  desk: Desk;
  session: SessionView;
  leave: (desk: Desk, ended: boolean) => Promise<void>;
}

/** The desk, until the server says that the session has ended. */
function Watched({ desk, session, leave }: WatchedProps) {
  const connection = useStore(desk.session.connection.state);
  const ended = connection.kind === 'refused' && connection.code === 'unauthorized';
  useEffect(() => {
    if (ended) void leave(desk, true);
  }, [ended, desk, leave]);
  return <Shell desk={desk} session={session} signOut={() => void leave(desk, false)} />;
}
