// Owns what the console says about its connection to the server.

import { useEffect, useState } from 'preact/hooks';
import type { AgentSession } from '../client/agent.ts';
import { errorTexts } from '../i18n/common.ts';
import { formatTime } from '../i18n/i18n.ts';
import { Button, Icon, Spinner, useSelected, useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';

/** How long "connected again" stays, ms. */
const BACK_MS = 2_500;

/** A line above everything, while there is something to say. */
export function ConnectionBanner({ session, inCall }: { session: AgentSession; inCall: boolean }) {
  const { lang, t } = useTexts();
  const state = useStore(session.connection.state);
  const welcomed = useSelected(session.state, (known) => known.welcomed);
  const drainingUntilMs = useSelected(session.state, (known) => known.drainingUntilMs);
  const down = state.kind === 'waiting' || (state.kind === 'connecting' && (welcomed || state.attempt > 0));
  const back = useBack(down, state.kind === 'open');
  if (state.kind === 'refused') {
    return (
      <div class="banner banner--danger" role="alert">
        <Icon name="warning" size={16} />
        <span>
          {t.connection.refused}: {errorTexts(lang)[state.code]}
        </span>
        <Button small onClick={() => location.reload()}>
          {t.connection.reload}
        </Button>
      </div>
    );
  }
  const draining = !down && drainingUntilMs !== null;
  return (
    <div
      class={`banner banner--${down || draining ? 'warn' : 'good'}`}
      role="status"
      hidden={!down && !draining && !back}
    >
      {down && (
        <>
          {state.kind === 'connecting' ? <Spinner /> : <Icon name="offline" size={16} />}
          <span>
            {t.connection.lost} {inCall && t.connection.inCall}
          </span>
          {state.kind === 'waiting' && (
            <Button small onClick={() => session.connection.retryNow()}>
              {t.retry}
            </Button>
          )}
        </>
      )}
      {draining && (
        <>
          <Icon name="info" size={16} />
          <span>{t.connection.draining(formatTime(lang, drainingUntilMs - session.connection.clock.offsetMs()))}</span>
        </>
      )}
      {!down && !draining && back && (
        <>
          <Icon name="check" size={16} />
          <span>{t.connection.back}</span>
        </>
      )}
    </div>
  );
}

/** True for a moment after a break. */
function useBack(down: boolean, open: boolean): boolean {
  const [was, setWas] = useState(false);
  useEffect(() => {
    if (down) setWas(true);
    if (!open || !was) return;
    const timer = setTimeout(() => setWas(false), BACK_MS);
    return () => clearTimeout(timer);
  }, [down, open, was]);
  return was && open;
}
