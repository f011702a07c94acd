// The call's module: consent card, sharing bar, and the call itself. Loaded when the first invitation arrives.

import { useEffect, useRef } from 'preact/hooks';
import { type CaptureProblem, canShareScreen } from '../../client/capture.ts';
import type { ViewerSession } from '../../client/viewer.ts';
import { ViewerCall } from '../../client/viewer-call.ts';
import { formatElapsed } from '../../i18n/i18n.ts';
import type { CallState } from '../../protocol/generated.ts';
import { Avatar, Button, Icon, Notice, useNow, useStore } from '../../ui/ui.tsx';
import type { ChatHost } from '../host.ts';
import callCss from './call.css?inline';
import { type CallTexts, callTexts } from './texts.ts';

/** Trees that have the call's styles. */
const styled = new WeakSet<ShadowRoot>();

/** Makes the viewer's end of a call. */
export function createCall(session: ViewerSession, state: CallState, root: ShadowRoot): ViewerCall {
  if (!styled.has(root)) {
    styled.add(root);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(callCss);
    root.adoptedStyleSheets.push(sheet);
  }
  return new ViewerCall(session, state);
}

interface Props {
  call: ViewerCall;
  /** The invitation as it came. */
  state: CallState;
  host: ChatHost;
}

/** Asks for consent: who, what, not recorded; the smallest share first. */
export function ConsentCard({ call, state, host }: Props) {
  const now = useStore(call.state);
  const texts = callTexts(host.lang);
  useEffect(() => call.cardShown(), [call]);
  if (now.kind !== 'invited' && now.kind !== 'capturing') return null;
  const player = host.player.video();
  const busy = now.kind === 'capturing';
  const screen = canShareScreen();
  const name = state.agent_name;
  return (
    <fieldset class="card consent" aria-label={texts.card}>
      <div class="consent__head">
        <Avatar name={name} />
        <p class="card__title" aria-live="polite">
          {texts.title(name)}
        </p>
      </div>
      <ul class="consent__facts">
        <li>
          <Icon name="eye" size={16} /> {texts.sees(name)}
        </li>
        <li>
          <Icon name="lock" size={16} /> {texts.notRecorded} {texts.stopAny}
        </li>
      </ul>
      {now.kind === 'invited' && now.problem && (
        <div aria-live="polite">
          <Notice tone={now.problem === 'cancelled' ? 'info' : 'warn'}>
            {problemText(now.problem, screen, texts)}
          </Notice>
        </div>
      )}
      {player && (
        <div class="consent__choice">
          <Button
            block
            tone="primary"
            icon="player"
            disabled={busy}
            aria-describedby="sl-player-hint"
            onClick={() => void call.sharePlayer(player)}
          >
            {texts.player}
          </Button>
          <p id="sl-player-hint">{texts.playerHint}</p>
        </div>
      )}
      {screen ? (
        <div class="consent__choice">
          <Button
            block
            tone={player ? 'secondary' : 'primary'}
            icon="screen"
            disabled={busy}
            aria-describedby="sl-screen-hint"
            onClick={() => void call.shareScreen()}
          >
            {texts.screen}
          </Button>
          <p id="sl-screen-hint">{texts.screenHint}</p>
        </div>
      ) : (
        <p class="consent__note">{player ? texts.screenMissing : texts.nothingToShare}</p>
      )}
      <div class="consent__foot">
        <span class="consent__time">
          {busy ? texts.capturing : <Expiry atMs={state.expires_at_ms} host={host} call={call} />}
        </span>
        <Button tone="quiet" disabled={busy} onClick={() => call.decline()}>
          {texts.decline}
        </Button>
      </div>
    </fieldset>
  );
}

function problemText(problem: CaptureProblem | 'path', screen: boolean, texts: CallTexts): string {
  switch (problem) {
    case 'cancelled':
      return texts.cancelled;
    case 'protected':
      return screen ? texts.playerProtected : texts.playerProtectedAlone;
    case 'unsupported':
      return texts.playerUnsupported;
    case 'empty':
      return texts.playerEmpty;
    case 'path':
      return texts.path;
    case 'failed':
      return texts.failed;
  }
}

function Expiry({ atMs, host, call }: { atMs: number; host: ChatHost; call: ViewerCall }) {
  useNow(1000);
  return callTexts(host.lang).expires(formatElapsed(atMs - call.serverNowMs()));
}

/** Always in sight while something is shared. */
export function SharingBar({ call, state, host }: Props) {
  const now = useStore(call.state);
  const texts = callTexts(host.lang);
  const time = useNow(1000);
  const bar = useRef<HTMLDivElement>(null);
  const shown = now.kind === 'sharing';
  useEffect(() => (shown && bar.current ? makeRoom(bar.current, host) : undefined), [shown, host]);
  if (now.kind !== 'sharing') return null;
  const label = now.surface === 'player' ? texts.sharingPlayer : texts.sharingScreen;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset groups fields of a form; this is a bar with a button.
    <div ref={bar} class="sl-root share-bar" role="group" aria-label={texts.bar}>
      <span class="share-bar__dot" aria-hidden="true" />
      <span class="share-bar__text">{label(state.agent_name)}</span>
      <span class="share-bar__time" role="timer" aria-live="off">
        {formatElapsed(time - now.sinceMs)}
      </span>
      <Button tone="live" icon="stop" onClick={() => call.stop()}>
        {texts.stop}
      </Button>
    </div>
  );
}

/** On phones the dialog fills the screen: it begins below the bar, however many lines that has. */
function makeRoom(bar: HTMLElement, host: ChatHost): () => void {
  const frame = host.bar.parentElement;
  const observer = new ResizeObserver(() => frame?.style.setProperty('--sl-bar-height', `${bar.offsetHeight}px`));
  observer.observe(bar);
  return () => observer.disconnect();
}
