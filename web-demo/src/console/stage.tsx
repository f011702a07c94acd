// Owns the picture of the running call. The video element is made once and stays where it is in the tree: large or docked is
// a matter of styles, so that the picture never blanks.

import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatElapsed } from '../i18n/i18n.ts';
import type { CallState, ConversationId } from '../protocol/generated.ts';
import { Badge, Button, Icon, Spinner, useNow, useStore } from '../ui/ui.tsx';
import type { CallView } from './call/call-desk.ts';
import { liveColumns, liveFacts } from './call/live-facts.ts';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { bitrate, milliseconds, percent, plain, resolution } from './format.ts';
import { Spark } from './spark.tsx';

interface StageProps {
  desk: Desk;
  /** Large, docked, or out of sight without a call. */
  mode: 'main' | 'dock' | 'none';
  back: (conversation: ConversationId) => void;
}

/** The region "Call". */
export function Stage({ desk, mode, back }: StageProps) {
  const { t } = useTexts();
  const view = useStore(desk.call.view);
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    desk.call.attach(video.current);
    return () => desk.call.attach(null);
  }, [desk]);
  return (
    <section class="stage" data-mode={mode} aria-label={t.call.region} hidden={mode === 'none'}>
      <StageHead desk={desk} call={view.call} mode={mode} back={back} frame={frame} />
      <div class="stage__frame" ref={frame}>
        <video
          ref={video}
          class="stage__video"
          aria-label={t.call.video}
          autoplay
          playsInline
          muted
          disablePictureInPicture
        />
        <Overlay view={view} mode={mode} />
      </div>
      {mode === 'main' && <LiveBar view={view} />}
    </section>
  );
}

interface HeadProps {
  desk: Desk;
  call: CallState | null;
  mode: StageProps['mode'];
  back: StageProps['back'];
  frame: { current: HTMLDivElement | null };
}

function StageHead({ desk, call, mode, back, frame }: HeadProps) {
  const { t } = useTexts();
  const { conversations } = useStore(desk.session.state);
  useNow(1000);
  if (call === null) return null;
  const row = conversations.get(call.conversation);
  const since = call.accepted_at_ms;
  const who = t.call.with(row?.viewer_name ?? '', row?.ticket ?? 0);
  return (
    <header class="stage__head">
      {mode === 'dock' && call.stage === 'live' && <span class="stage__dot" aria-hidden="true" />}
      {mode === 'dock' && call.stage === 'live' ? null : call.stage === 'live' ? (
        <Badge tone="live" icon="screen">
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
      {since !== undefined && <span class="stage__clock">{formatElapsed(desk.nowMs() - since)}</span>}
      {mode === 'main' && (
        <Button small class="stage__full" onClick={() => void fullScreen(frame.current)}>
          {t.call.fullScreen}
        </Button>
      )}
      <Button small tone="live" icon="stop" onClick={() => void desk.endCall(call.id, 'agent_ended')}>
        {t.actions.endCall}
      </Button>
    </header>
  );
}

async function fullScreen(frame: HTMLElement | null): Promise<void> {
  try {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else await frame?.requestFullscreen();
  } catch {
    // Not allowed here, such as in a frame without the permission: the picture stays as large as it is.
  }
}

/** What stands over the picture: not there yet, or standing still. */
function Overlay({ view, mode }: { view: CallView; mode: StageProps['mode'] }) {
  const { t } = useTexts();
  if (view.call === null) return null;
  if (!view.shown) {
    return (
      <div class="stage__over" role="status">
        <Spinner />
        <p>{t.call.connecting}</p>
        {mode === 'main' && <p class="stage__hint">{t.call.connectingHint}</p>}
      </div>
    );
  }
  const mediaDown = view.media === 'disconnected' || view.media === 'failed';
  if (view.frozen_ms === null && !mediaDown) return null;
  return (
    <div class="stage__still">
      <Icon name="warning" size={16} />
      {/* The words are told once; the clock beside them ticks for the eye alone. */}
      <p role="status">
        {mediaDown ? t.call.mediaDown : t.call.frozen}
        {!mediaDown && <span aria-hidden="true"> · {formatElapsed(view.frozen_ms ?? 0)}</span>}
        {mode === 'main' && !mediaDown && <span class="stage__hint">{t.call.frozenHint}</span>}
      </p>
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
      <Figure name={names.firstFrame} value={milliseconds(view.first_frame_ms)} />
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
