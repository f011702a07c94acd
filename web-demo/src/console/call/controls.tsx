// Owns the controls of the running call: the agent's microphone and camera, the viewer's voice, and what the picture is tuned
// for. A joined call has some of them too.

import { useEffect, useRef } from 'preact/hooks';
import type { AgentCamera, CameraState } from '../../client/agent-camera.ts';
import { Store } from '../../client/emitter.ts';
import type { Microphone } from '../../client/microphone.ts';
import type { CallState, ContentHint } from '../../protocol/generated.ts';
import { Meter } from '../../ui/meter.tsx';
import { Button, Icon, IconButton, useStore } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import type { Desk } from '../desk/desk.ts';
import { KEY } from '../keys.ts';
import type { Hearing } from './hearing.ts';

/** The bar of controls. */
export function CallControls({ desk, call }: { desk: Desk; call: CallState }) {
  const { t } = useTexts();
  return (
    <fieldset class="callbar" aria-label={t.call.controls}>
      <MicrophoneControl microphone={desk.call.speaking.microphone} />
      <OwnCamera desk={desk} />
      <VoiceControl hearing={desk.call.hearing} heard={call.viewer.sources.audio !== 'off'} />
      {call.surface !== 'audio' && <Content desk={desk} call={call} />}
      <DeviceProblems microphone={desk.call.speaking.microphone} camera={desk.call.speaking.camera} />
    </fieldset>
  );
}

/** The own microphone: on or off, how loud, which one. */
export function MicrophoneControl({ microphone }: { microphone: Microphone }) {
  const { t } = useTexts();
  const { kind, devices, deviceId } = useStore(microphone.state);
  const on = kind !== 'off';
  const label = on ? t.call.micOff : t.call.micOn;
  return (
    <div class="callbar__part">
      <Button
        small
        class="callbar__button"
        icon={on ? 'mic' : 'micOff'}
        tone={on ? 'primary' : 'secondary'}
        title={t.help.with(label, KEY.mic)}
        onClick={() => (on ? microphone.turnOff() : void microphone.turnOn())}
      >
        <span class="callbar__label">{label}</span>
      </Button>
      {on && (
        <>
          <Meter label={t.call.micLevel} read={() => microphone.level()} />
          <select
            class="callbar__device"
            aria-label={t.call.microphone}
            value={deviceId}
            onChange={(event) => void microphone.choose(event.currentTarget.value)}
          >
            {deviceId === '' && <option value="">{t.call.micDefault}</option>}
            {devices.map((device, index) => (
              <option key={device.id} value={device.id}>
                {device.label || t.call.micNumber(index + 1)}
              </option>
            ))}
          </select>
        </>
      )}
    </div>
  );
}

function OwnCamera({ desk }: { desk: Desk }) {
  const { t } = useTexts();
  const { camera } = desk.call.speaking;
  const { kind } = useStore(camera.state);
  const on = kind !== 'off';
  const label = on ? t.call.cameraOff : t.call.cameraOn;
  return (
    <div class="callbar__part">
      <Button
        small
        class="callbar__button"
        icon={on ? 'camera' : 'cameraOff'}
        tone={on ? 'primary' : 'secondary'}
        title={label}
        onClick={() => (on ? camera.turnOff() : void camera.turnOn())}
      >
        <span class="callbar__label">{label}</span>
      </Button>
      <OwnPreview desk={desk} />
    </div>
  );
}

/** The agent's own picture, small. */
function OwnPreview({ desk }: { desk: Desk }) {
  const { t } = useTexts();
  const { preview } = useStore(desk.call.speaking.camera.state);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = preview;
  }, [preview]);
  if (preview === null) return null;
  return <video ref={video} class="callbar__own" aria-label={t.call.ownCamera} autoplay playsInline muted />;
}

/** The viewer's voice: how loud, and whether it can be heard at all. */
export function VoiceControl({ hearing, heard }: { hearing: Hearing; heard: boolean }) {
  const { t } = useTexts();
  const { volume, muted, blocked } = useStore(hearing.state);
  return (
    <div class="callbar__part callbar__part--voice" data-off={!heard || undefined}>
      <IconButton
        icon={muted || volume === 0 ? 'volumeOff' : 'volume'}
        label={muted ? t.call.voiceUnmute : t.call.voiceMute}
        aria-pressed={muted}
        onClick={() => hearing.setMuted(!muted)}
      />
      <Meter label={t.call.voice} read={() => hearing.level()} />
      <input
        type="range"
        class="callbar__volume"
        aria-label={t.call.voiceVolume}
        min={0}
        max={1}
        step={0.05}
        value={muted ? 0 : volume}
        onInput={(event) => hearing.setVolume(event.currentTarget.valueAsNumber)}
      />
      <span class="callbar__word">{heard ? t.call.voiceOn : t.call.voiceOff}</span>
      {blocked && (
        <Button small tone="primary" onClick={() => void hearing.unblock()}>
          {t.call.soundBlocked}
        </Button>
      )}
    </div>
  );
}

const CONTENTS: readonly ContentHint[] = ['auto', 'detail', 'motion'];

function Content({ desk, call }: { desk: Desk; call: CallState }) {
  const { t } = useTexts();
  return (
    <fieldset class="callbar__part callbar__content" title={t.call.contentHint}>
      <legend class="callbar__legend">{t.call.content}</legend>
      {CONTENTS.map((one) => (
        <label key={one} class="callbar__choice">
          <input
            type="radio"
            name="content"
            class="sl-visually-hidden"
            checked={call.content === one}
            onChange={() => void desk.setContent(call.id, one)}
          />
          <span>{t.call.contents[one]}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Stands in for the camera where there is none. */
const NO_CAMERA = new Store<Pick<CameraState, 'problem'>>({ problem: null });

/** Why a device gives nothing. */
export function DeviceProblems({ microphone, camera: used }: { microphone: Microphone; camera?: AgentCamera }) {
  const { t } = useTexts();
  const mic = useStore(microphone.state);
  const camera = useStore<Pick<CameraState, 'problem'>>(used?.state ?? NO_CAMERA);
  const lines = [
    mic.replacedBy !== null ? t.call.micReplaced(mic.replacedBy) : null,
    mic.replacedBy === null && mic.problem !== null ? t.call.device.microphone[mic.problem] : null,
    mic.kind === 'on' && mic.muted ? t.call.micMuted : null,
    camera.problem === null ? null : t.call.device.camera[camera.problem],
  ].filter((line) => line !== null);
  return (
    <div class="callbar__problems" role="status">
      {lines.map((line) => (
        <p key={line}>
          <Icon name="warning" size={14} /> {line}
        </p>
      ))}
    </div>
  );
}
