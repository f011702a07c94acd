// Owns the running call on the screen: its picture, or who is heard, what is the matter with it, and its controls. The video
// elements are made once and stay where they are in the tree: large or docked is a matter of styles, so that it never blanks.

import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatDuration, formatElapsed, formatList } from '../i18n/i18n.ts';
import type { CallGuest, CallState, ConversationId } from '../protocol/generated.ts';
import { Avatar, Badge, Button, Icon, Spinner, useNow, useSelected, useStore } from '../ui/ui.tsx';
import type { CallView } from './call/call-desk.ts';
import { CallControls } from './call/controls.tsx';
import type { Hearing } from './call/hearing.ts';
import { liveColumns, liveFacts } from './call/live-facts.ts';
import { PICTURE_SOURCES, type PictureSource, pictureSource } from './call/picture-elements.ts';
import { AWAY_GRACE_MS, signals } from './call/signals.ts';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { bitrate, formatSeconds, milliseconds, percent, plain, resolution } from './format.ts';
import { KEY } from './keys.ts';
import { Spark } from './spark.tsx';

/** How often the ring of a voice follows it, ms. */
const RING_MS = 100;

/**
 * Where the call stands: large, beside the conversation without a picture, docked, or nowhere. `ahead`: an invitation is
 * open; the picture's element is laid out, though nobody sees it, so that the first frame does not wait for that.
 */
export type StageMode = 'main' | 'voice' | 'dock' | 'ahead' | 'none';

interface StageProps {
  desk: Desk;
  mode: StageMode;
  back: (conversation: ConversationId) => void;
}

/** The region "Call". */
export function Stage({ desk, mode, back }: StageProps) {
  const { t } = useTexts();
  const view = useStore(desk.call.view);
  const frame = useRef<HTMLDivElement>(null);
  const { call } = view;
  const voice = call?.surface === 'audio';
  const large = mode === 'main' || mode === 'voice';
  return (
    <section
      class="stage"
      data-mode={mode}
      data-voice={voice || undefined}
      aria-label={t.call.region}
      hidden={mode === 'none'}
      aria-hidden={mode === 'ahead' || undefined}
      inert={mode === 'ahead'}
    >
      <StageHead desk={desk} call={call} mode={mode} back={back} frame={frame} />
      <div class="stage__frame" ref={frame}>
        {PICTURE_SOURCES.map((source) => (
          <Picture
            key={source}
            desk={desk}
            source={source}
            inUse={call !== null && !voice && source === pictureSource(call)}
            hidden={call !== null && (voice || source !== pictureSource(call))}
          />
        ))}
        {voice && call !== null && <OwnVoiceCard desk={desk} call={call} shown={view.shown} small={!large} />}
        {!voice && <Overlay desk={desk} view={view} mode={mode} />}
        {voice && call !== null && <Said desk={desk} call={call} mediaDown={isDown(view)} frozen={null} />}
      </div>
      {large && call !== null && <CallControls desk={desk} call={call} />}
      {mode === 'main' && <LiveBar view={view} />}
    </section>
  );
}

interface PictureProps {
  desk: Desk;
  source: PictureSource;
  /** It is the picture of the running call. */
  inUse: boolean;
  hidden: boolean;
}

/** The element of one source's picture. It stays where it is in the tree, with what it plays. */
function Picture({ desk, source, inUse, hidden }: PictureProps) {
  const { t } = useTexts();
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    desk.call.attach(source, video.current);
    return () => desk.call.attach(source, null);
  }, [desk, source]);
  return (
    <video
      ref={video}
      class="stage__video"
      aria-label={inUse ? t.call.video : undefined}
      autoplay
      playsInline
      muted
      disablePictureInPicture
      hidden={hidden}
    />
  );
}

function OwnVoiceCard({ desk, call, shown, small }: { desk: Desk; call: CallState; shown: boolean; small: boolean }) {
  const { t } = useTexts();
  const name = useSelected(
    desk.session.state,
    ({ conversations }) => conversations.get(call.conversation)?.viewer_name ?? '',
  );
  const heard = call.viewer.sources.audio === 'off' ? t.call.voiceOff : t.call.voiceHint;
  const hint = !shown && call.stage === 'connecting' ? t.call.connectingVoice : heard;
  return <VoiceCard name={name} hearing={desk.call.hearing} hint={hint} small={small} />;
}

interface VoiceCardProps {
  /** Who is heard. */
  name: string;
  hearing: Hearing;
  /** Told when it changes: connected, then who can be heard. */
  hint: string;
  small: boolean;
}

/** A call of voices: who, and that one hears them. */
export function VoiceCard({ name, hearing, hint, small }: VoiceCardProps) {
  const { t } = useTexts();
  const ring = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      ring.current?.style.setProperty('--level', hearing.level().toFixed(2));
    }, RING_MS);
    return () => clearInterval(timer);
  }, [hearing]);
  return (
    <div class="voice">
      <span class="voice__ring" ref={ring}>
        <Avatar name={name} />
      </span>
      {!small && (
        <>
          <p class="voice__title">{t.call.voiceTitle}</p>
          <p class="stage__hint" role="status">
            {hint}
          </p>
        </>
      )}
    </div>
  );
}

interface HeadProps {
  desk: Desk;
  call: CallState | null;
  mode: StageMode;
  back: StageProps['back'];
  frame: { current: HTMLDivElement | null };
}

function StageHead({ desk, call, mode, back, frame }: HeadProps) {
  const { t } = useTexts();
  const row = useSelected(desk.session.state, ({ conversations }) =>
    call === null ? undefined : conversations.get(call.conversation),
  );
  useNow(1000);
  if (call === null) return null;
  const since = call.accepted_at_ms;
  const who = t.call.with(row?.viewer_name ?? '', row?.ticket ?? 0);
  return (
    <header class="stage__head">
      {mode === 'dock' && call.stage === 'live' && <span class="stage__dot" aria-hidden="true" />}
      {mode === 'dock' && call.stage === 'live' ? null : call.stage === 'live' ? (
        <Badge tone="live" icon={call.surface === 'audio' ? 'phone' : 'screen'}>
          {t.call.live}
        </Badge>
      ) : (
        <Spinner />
      )}
      {mode === 'dock' ? (
        <button
          type="button"
          class="stage__who stage__back"
          title={t.call.back}
          onClick={() => back(call.conversation)}
        >
          <span class="sl-visually-hidden">{t.call.back}: </span>
          {who}
        </button>
      ) : (
        <span class="stage__who">
          {who}
          {call.surface !== undefined && <span class="muted"> · {t.call.surface[call.surface]}</span>}
        </span>
      )}
      <Guests guests={call.guests} />
      {since !== undefined && <span class="stage__clock">{formatElapsed(desk.nowMs() - since)}</span>}
      {mode === 'main' && (
        <Button small class="stage__full" icon="expand" onClick={() => void fullScreen(frame.current)}>
          {t.call.fullScreen}
        </Button>
      )}
      <Button
        small
        tone="live"
        icon="stop"
        title={t.help.with(t.actions.endCall, KEY.endCall)}
        onClick={() => void desk.endCall(call.id, 'agent_ended')}
      >
        {t.actions.endCall}
      </Button>
    </header>
  );
}

/** Colleagues who joined. */
function Guests({ guests }: { guests: readonly CallGuest[] }) {
  const { lang, t } = useTexts();
  if (guests.length === 0) return null;
  const names = formatList(
    lang,
    guests.map(({ name }) => name),
  );
  return (
    <span class="stage__guests" title={t.team.alsoHere(names)}>
      <Icon name="users" size={14} />
      <span class="sl-visually-hidden">{t.team.alsoHere('')} </span>
      {names}
    </span>
  );
}

/** Shows an element on the whole screen, or ends that. */
export async function fullScreen(frame: HTMLElement | null): Promise<void> {
  try {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else await frame?.requestFullscreen();
  } catch {
    // Not allowed here, such as in a frame without the permission: the picture stays as large as it is.
  }
}

/** What stands over the picture: not there yet, standing still, or explained by the viewer's end. */
function Overlay({ desk, view, mode }: { desk: Desk; view: CallView; mode: StageMode }) {
  const { t } = useTexts();
  const { call } = view;
  if (call === null) return null;
  if (!view.shown) {
    return (
      <div class="stage__over">
        <div role="status" class="stage__wait">
          <Spinner />
          <p>{t.call.connecting}</p>
          {mode === 'main' && <p class="stage__hint">{t.call.connectingHint}</p>}
        </div>
        <Said desk={desk} call={call} mediaDown={isDown(view)} frozen={null} />
      </div>
    );
  }
  return <Said desk={desk} call={call} mediaDown={isDown(view)} frozen={view.frozen_ms} />;
}

function isDown({ media }: CallView): boolean {
  return media === 'disconnected' || media === 'failed';
}

interface SaidProps {
  desk: Desk;
  call: CallState;
  /** The agent's own media connection is gone. */
  mediaDown: boolean;
  frozen: number | null;
}

/** What is the matter, in words: the nearest cause first. */
export function Said({ desk, call, mediaDown, frozen }: SaidProps) {
  const { t } = useTexts();
  const away = call.viewer.away_since_ms;
  const found = signals(call, t.call);
  if (!mediaDown && away === undefined && found.length === 0 && frozen === null) return null;
  return (
    <div class="stage__still" role="status">
      {mediaDown && (
        <p>
          <Icon name="offline" size={16} /> {t.call.mediaDown}
        </p>
      )}
      {!mediaDown && away !== undefined && <Away desk={desk} sinceMs={away} />}
      {!mediaDown &&
        found.map(({ key, icon, text }) => (
          <p key={key}>
            <Icon name={icon} size={16} /> {text}
          </p>
        ))}
      {!mediaDown && away === undefined && frozen !== null && (
        <div>
          <p>
            <Icon name="warning" size={16} /> {t.call.frozen}
            {/* The words are told once; the clock beside them ticks for the eye alone. */}
            <span aria-hidden="true"> · {formatElapsed(frozen)}</span>
          </p>
          <p class="stage__hint">{t.call.frozenHint}</p>
        </div>
      )}
    </div>
  );
}

/** The viewer's connection is interrupted: for how long, and until when one waits. */
function Away({ desk, sinceMs }: { desk: Desk; sinceMs: number }) {
  const { lang, t } = useTexts();
  useNow(1000);
  const now = desk.nowMs();
  const until = sinceMs + AWAY_GRACE_MS;
  const local = until - desk.session.connection.clock.offsetMs();
  return (
    <div>
      <p>
        <Icon name="offline" size={16} />
        <span aria-hidden="true">{t.call.away(formatDuration(lang, now - sinceMs))}</span>
        <span class="sl-visually-hidden">{t.call.awayShort}</span>
      </p>
      <p class="stage__hint">{now < until ? t.call.awayUntil(formatSeconds(lang, local)) : t.call.awayOver}</p>
    </div>
  );
}

/** The figures under the picture, each with its last minute. */
function LiveBar({ view }: { view: CallView }) {
  const { t } = useTexts();
  const facts = useMemo(() => liveFacts(view.samples), [view.samples]);
  const { values } = useMemo(() => liveColumns(view.samples), [view.samples]);
  const names = t.call.facts;
  return (
    <dl class="live" aria-label={names.label}>
      <Figure
        name={names.resolution}
        value={resolution(facts?.width, facts?.height)}
        note={facts?.codec ?? undefined}
      />
      <Figure name={names.fps} value={plain(facts?.fps)} note="fps" past={values.fps_agent_down} color={1} floor={10} />
      <Figure name={names.bitrate} value={bitrate(facts?.kbps)} past={values.kbps_agent_down} color={3} floor={100} />
      <Figure name={names.rtt} value={milliseconds(facts?.rtt_ms)} past={values.rtt_agent_down} color={4} floor={50} />
      <Figure
        name={names.loss}
        value={percent(facts?.loss_percent)}
        past={values.loss_agent_down}
        color={2}
        floor={5}
      />
      <Figure
        name={names.firstFrame}
        value={milliseconds(view.first_frame_ms)}
        note={view.legible_ms === null ? undefined : names.legible(milliseconds(view.legible_ms))}
      />
    </dl>
  );
}

interface FigureProps {
  name: string;
  value: string;
  note?: string | undefined;
  past?: readonly (number | null)[];
  color?: 1 | 2 | 3 | 4;
  floor?: number;
}

function Figure({ name, value, note, past, color = 1, floor = 1 }: FigureProps) {
  return (
    <div class="live__one">
      <dt>{name}</dt>
      <dd>
        {value}
        {note !== undefined && <small class={past === undefined ? 'live__below' : undefined}> {note}</small>}
      </dd>
      {past !== undefined && past.length > 2 && <Spark values={past} color={color} floor={floor} />}
    </div>
  );
}
