// Owns a colleague's call on the screen, once it was joined: the shared picture, who else is there, the own microphone, and
// the way out.

import { useEffect, useRef } from 'preact/hooks';
import { formatElapsed, formatList } from '../i18n/i18n.ts';
import type { CallState, ConversationId } from '../protocol/generated.ts';
import { Badge, Button, Spinner, useNow, useSelected, useStore } from '../ui/ui.tsx';
import { DeviceProblems, MicrophoneControl, VoiceControl } from './call/controls.tsx';
import type { GuestView } from './call/guest-desk.ts';
import { type TeamCall, teamCall } from './call/team.ts';
import { useTexts } from './context.ts';
import type { Desk } from './desk/desk.ts';
import { KEY } from './keys.ts';
import { fullScreen, Said, type StageMode, VoiceCard } from './stage.tsx';

interface GuestStageProps {
  desk: Desk;
  mode: StageMode;
  back: (conversation: ConversationId) => void;
}

/** The region "Call" of a call that was joined. */
export function GuestStage({ desk, mode, back }: GuestStageProps) {
  const { t } = useTexts();
  const view = useStore(desk.guest.view);
  const team = useSelected(desk.session.state, (state) =>
    view.call === null ? undefined : teamCall(state, view.call)?.row,
  );
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    desk.guest.attach(video.current);
    return () => desk.guest.attach(null);
  }, [desk]);
  const call = team?.call;
  if (team === undefined || call === undefined) return null;
  const voice = call.surface === 'audio';
  const large = mode === 'main' || mode === 'voice';
  return (
    <section class="stage" data-mode={mode} data-voice={voice || undefined} aria-label={t.call.region}>
      <Head desk={desk} row={team} call={call} mode={mode} back={back} frame={frame} />
      <div class="stage__frame" ref={frame}>
        <video
          ref={video}
          class="stage__video"
          aria-label={t.call.video}
          autoplay
          playsInline
          muted
          disablePictureInPicture
          hidden={voice}
        />
        {voice && (
          <VoiceCard
            name={team.viewer_name}
            hearing={desk.guest.hearing}
            hint={call.viewer.sources.audio === 'off' ? t.call.voiceOff : t.call.voiceHint}
            small={!large}
          />
        )}
        <Over desk={desk} call={call} view={view} />
      </div>
      {large && (
        <fieldset class="callbar" aria-label={t.call.controls}>
          <MicrophoneControl microphone={desk.guest.microphone} />
          <VoiceControl hearing={desk.guest.hearing} heard={call.viewer.sources.audio !== 'off'} />
          <DeviceProblems microphone={desk.guest.microphone} />
        </fieldset>
      )}
    </section>
  );
}

/** What stands over the picture: it is on its way, or why it stands still. */
function Over({ desk, call, view }: { desk: Desk; call: CallState; view: GuestView }) {
  const { t } = useTexts();
  const down = view.media === 'disconnected' || view.media === 'failed';
  const said = <Said desk={desk} call={call} mediaDown={down} frozen={null} />;
  if (view.shown || call.surface === 'audio') return said;
  return (
    <div class="stage__over">
      <div role="status" class="stage__wait">
        <Spinner />
        <p>{t.call.connecting}</p>
      </div>
      {said}
    </div>
  );
}

interface HeadProps extends GuestStageProps {
  row: TeamCall['row'];
  call: CallState;
  frame: { current: HTMLDivElement | null };
}

function Head({ desk, row, call, mode, back, frame }: HeadProps) {
  const { lang, t } = useTexts();
  useNow(1000);
  const who = t.call.with(row.viewer_name, row.ticket);
  const me = desk.session.state.get().user;
  const people = [call.agent_name, ...call.guests.filter(({ user }) => user !== me).map(({ name }) => name)];
  return (
    <header class="stage__head">
      {mode === 'dock' ? (
        <>
          <span class="stage__dot" aria-hidden="true" />
          <button
            type="button"
            class="stage__who stage__back"
            title={t.call.back}
            onClick={() => back(call.conversation)}
          >
            <span class="sl-visually-hidden">{t.call.back}: </span>
            {who}
          </button>
        </>
      ) : (
        <>
          <Badge tone="live" icon="users">
            {t.team.joined}
          </Badge>
          <span class="stage__who">
            {who} <span class="muted">· {t.team.withPeople(formatList(lang, people))}</span>
          </span>
        </>
      )}
      {call.accepted_at_ms !== undefined && (
        <span class="stage__clock">{formatElapsed(desk.nowMs() - call.accepted_at_ms)}</span>
      )}
      {mode === 'main' && (
        <Button small class="stage__full" icon="expand" onClick={() => void fullScreen(frame.current)}>
          {t.call.fullScreen}
        </Button>
      )}
      <Button
        small
        tone="live"
        icon="logout"
        title={t.help.with(t.team.leaveHint, KEY.endCall)}
        onClick={() => desk.guest.leave()}
      >
        {t.team.leave}
      </Button>
    </header>
  );
}
