// The call's module: what the chat needs of a call, and the sharing bar. Loaded when the first invitation arrives.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ViewerSession } from '../../client/viewer.ts';
import { ViewerCall, type ViewerCallOptions } from '../../client/viewer-call.ts';
import { formatElapsed, formatList, formatTime, type Lang } from '../../i18n/i18n.ts';
import type { CallGuest, CallState, Surface } from '../../protocol/generated.ts';
import { Button, IconButton, Notice, useNow, useStore } from '../../ui/ui.tsx';
import type { ChatHost } from '../host.ts';
import callCss from './call.css?inline';
import { VoiceControls } from './microphone.tsx';
import { type CallTexts, callTexts } from './texts.ts';

export { ConsentCard } from './consent.tsx';

/** Trees that have the call's styles. */
const styled = new WeakSet<ShadowRoot>();

/** Makes the viewer's end of a call. */
export function createCall(
  session: ViewerSession,
  state: CallState,
  root: ShadowRoot,
  options: ViewerCallOptions,
): ViewerCall {
  if (!styled.has(root)) {
    styled.add(root);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(callCss);
    root.adoptedStyleSheets.push(sheet);
  }
  return new ViewerCall(session, state, options);
}

interface Props {
  call: ViewerCall;
  session: ViewerSession;
  host: ChatHost;
}

/** Always in sight while something is shared. */
export function SharingBar({ call, session, host }: Props) {
  const now = useStore(call.state);
  const { call: state, drainingUntilMs } = useStore(session.state);
  const texts = callTexts(host.lang);
  const bar = useRef<HTMLDivElement>(null);
  const shown = now.kind === 'sharing';
  useEffect(() => (shown && bar.current ? makeRoom(bar.current, host) : undefined), [shown, host]);
  if (now.kind !== 'sharing' || !state) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset groups fields of a form; this is a bar with buttons.
    <div ref={bar} class="sl-root share-bar" role="group" aria-label={texts.bar}>
      <div class="share-bar__row">
        <span class="share-bar__dot" aria-hidden="true" />
        <span class="share-bar__text">
          {texts.sharing[now.surface](state.agent_name)} <Elapsed sinceMs={now.sinceMs} />
        </span>
        <Button tone="live" icon="stop" onClick={() => call.stop()}>
          {texts.stop}
        </Button>
      </div>
      <div class="share-bar__row share-bar__tools">
        <AgentCamera call={call} texts={texts} />
        <VoiceControls microphone={call.microphone} texts={texts} />
        <FlipCamera call={call} surface={now.surface} texts={texts} />
      </div>
      <Troubles
        call={call}
        state={state}
        surface={now.surface}
        drainingUntilMs={drainingUntilMs}
        texts={texts}
        lang={host.lang}
      />
    </div>
  );
}

function Elapsed({ sinceMs }: { sinceMs: number }) {
  const time = useNow(1000);
  return (
    <span class="share-bar__time" role="timer" aria-live="off">
      {formatElapsed(time - sinceMs)}
    </span>
  );
}

function AgentCamera({ call, texts }: { call: ViewerCall; texts: CallTexts }) {
  const stream = useStore(call.agentCamera);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element || !stream) return;
    element.srcObject = stream;
    // Muted pictures may play without a click.
    element.play().catch(() => {});
    return () => {
      element.srcObject = null;
    };
  }, [stream]);
  if (!stream) return null;
  return <video ref={video} class="share-bar__face" aria-label={texts.agentCamera} muted autoplay playsInline />;
}

/** Phones have two cameras; a desk may have several. */
function FlipCamera({ call, surface, texts }: { call: ViewerCall; surface: Surface; texts: CallTexts }) {
  const picture = useStore(call.picture);
  if (surface !== 'camera' || picture.cameras < 2 || picture.kind === 'lost') return null;
  return <IconButton icon="flip" label={texts.flip} onClick={() => void call.nextCamera()} />;
}

/** Everything that keeps the two from seeing or hearing each other, each with what can be done. */
function Troubles({
  call,
  state,
  surface,
  drainingUntilMs,
  texts,
  lang,
}: {
  call: ViewerCall;
  state: CallState;
  surface: Surface;
  drainingUntilMs: number | null;
  texts: CallTexts;
  lang: Lang;
}) {
  const picture = useStore(call.picture);
  const awaySinceMs = useStore(call.awaySinceMs);
  const blocked = useStore(call.voice.blocked);
  const agentAwaySinceMs = state.agent_side.away_since_ms;
  return (
    <div class="share-bar__news" role="status">
      <Guests guests={state.guests} surface={surface} texts={texts} lang={lang} />
      {drainingUntilMs !== null && (
        <p class="share-bar__quiet">
          {texts.draining(formatTime(lang, drainingUntilMs + Date.now() - call.serverNowMs()))}
        </p>
      )}
      {awaySinceMs !== null && (
        <Notice tone="warn">
          <Since ms={awaySinceMs}>{texts.away}</Since> {texts.awayMore}
        </Notice>
      )}
      {awaySinceMs === null && agentAwaySinceMs !== undefined && (
        <Notice tone="warn">
          <Since ms={agentAwaySinceMs + Date.now() - call.serverNowMs()}>
            {(time) => texts.agentAway(state.agent_name, time)}
          </Since>
        </Notice>
      )}
      {picture.kind === 'muted' && (
        <Notice tone="warn">{surface === 'camera' ? texts.cameraMuted : texts.pictureMuted}</Notice>
      )}
      {picture.kind === 'lost' && (
        <Notice
          tone="warn"
          action={
            <Button small onClick={() => void call.nextCamera()}>
              {texts.cameraAgain}
            </Button>
          }
        >
          {texts.cameraLost}
        </Notice>
      )}
      {picture.problem !== null && <Notice tone="warn">{cameraProblem(picture.problem, texts)}</Notice>}
      {blocked && (
        <Notice
          action={
            <Button small icon="volume" onClick={() => call.voice.unblock()}>
              {texts.hear}
            </Button>
          }
        >
          {texts.hearWhy(state.agent_name)}
        </Notice>
      )}
    </div>
  );
}

/** Who sees or hears this beside the agent. */
function Guests({
  guests,
  surface,
  texts,
  lang,
}: {
  guests: readonly CallGuest[];
  surface: Surface;
  texts: CallTexts;
  lang: Lang;
}) {
  if (guests.length === 0) return null;
  const names = formatList(
    lang,
    guests.map(({ name }) => name),
  );
  const say = surface === 'audio' ? texts.guestsTalk : texts.guests;
  return <p class="share-bar__quiet">{say(names, guests.length)}</p>;
}

function cameraProblem(problem: string, texts: CallTexts): string {
  switch (problem) {
    case 'denied':
      return texts.cameraDenied;
    case 'missing':
      return texts.cameraMissing;
    case 'busy':
      return texts.cameraBusy;
    case 'system':
      return texts.system;
    default:
      return texts.failed;
  }
}

/** A sentence with a running time in it. */
function Since({ ms, children }: { ms: number; children: (time: string) => ComponentChildren }) {
  const now = useNow(1000);
  return <>{children(formatElapsed(now - ms))}</>;
}

/** On phones the dialog fills the screen: it begins below the bar, however many lines that has. */
function makeRoom(bar: HTMLElement, host: ChatHost): () => void {
  const frame = host.bar.parentElement;
  const observer = new ResizeObserver(() => frame?.style.setProperty('--sl-bar-height', `${bar.offsetHeight}px`));
  observer.observe(bar);
  return () => observer.disconnect();
}
