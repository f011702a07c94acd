// The microphone in the sharing bar: off until it is turned on, with its level and its device.

import type { Microphone, MicrophoneState } from '../../client/microphone.ts';
import { Meter } from '../../ui/meter.tsx';
import { Button, Notice, useStore } from '../../ui/ui.tsx';
import type { CallTexts } from './texts.ts';

/** Toggle, meter, device, and what is wrong. */
export function VoiceControls({ microphone, texts }: { microphone: Microphone; texts: CallTexts }) {
  const now = useStore(microphone.state);
  const on = now.kind === 'on';
  const trouble = troubleText(now, texts);
  return (
    <>
      <Button
        small
        icon={on ? 'mic' : 'micOff'}
        busy={now.kind === 'starting'}
        onClick={() => (on ? microphone.turnOff() : void microphone.turnOn())}
      >
        {on ? texts.microphoneOff : texts.microphoneOn}
      </Button>
      {on && <Meter label={texts.microphoneLevel} read={() => microphone.level()} />}
      {on && (
        <select
          class="share-bar__device"
          aria-label={texts.microphone}
          value={now.deviceId}
          onChange={(event) => void microphone.choose(event.currentTarget.value)}
        >
          {now.devices.map((device, n) => (
            <option key={device.id} value={device.id}>
              {device.label || texts.unnamed(n + 1)}
            </option>
          ))}
        </select>
      )}
      <div class="share-bar__voice" aria-live="polite">
        {trouble && <Notice tone="warn">{trouble}</Notice>}
      </div>
    </>
  );
}

function troubleText({ kind, problem, replacedBy, muted }: MicrophoneState, texts: CallTexts): string | null {
  if (kind === 'on') {
    if (replacedBy !== null) return texts.microphoneReplaced(replacedBy);
    return muted ? texts.microphoneMuted : null;
  }
  if (kind === 'starting') return null;
  switch (problem) {
    case null:
      return null;
    case 'denied':
      return texts.microphoneDenied;
    case 'missing':
      return texts.microphoneMissing;
    case 'busy':
      return texts.microphoneBusy;
    case 'unplugged':
      return texts.microphoneLost;
    case 'system':
      return texts.system;
    default:
      return texts.failed;
  }
}
