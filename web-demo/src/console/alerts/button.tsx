// Owns the button "Alerts" and its settings.

import { Popover } from '../../ui/popover.tsx';
import { Button, useStore } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';
import type { Alerts } from './alerts.ts';
import { NEWS_KINDS } from './news.ts';

/** The button; its bell is struck through while everything is muted. */
export function AlertsButton({ alerts }: { alerts: Alerts }) {
  const { t } = useTexts();
  const { muted } = useStore(alerts.wishes.state);
  return (
    <Popover
      label={t.alerts.button}
      icon={muted ? 'bellOff' : 'bell'}
      hint={muted ? t.alerts.mutedHint : t.alerts.button}
      align="start"
    >
      {() => <Settings alerts={alerts} />}
    </Popover>
  );
}

function Settings({ alerts }: { alerts: Alerts }) {
  const { t } = useTexts();
  const wishes = useStore(alerts.wishes.state);
  const permission = useStore(alerts.permission);
  const set = (change: Partial<typeof wishes>) => alerts.wishes.set(change);
  return (
    <div class="settings">
      <h2 class="settings__title">{t.alerts.button}</h2>
      <Choice label={t.alerts.mute} on={wishes.muted} set={(muted) => set({ muted })} />
      <fieldset class="settings__group" disabled={wishes.muted}>
        <legend class="sl-visually-hidden">{t.alerts.how}</legend>
        <Choice label={t.alerts.sound} on={wishes.sound} set={(sound) => set({ sound })} />
        {wishes.sound && (
          <div class="settings__row">
            <input
              type="range"
              class="settings__range"
              aria-label={t.alerts.volume}
              min={0}
              max={1}
              step={0.05}
              value={wishes.volume}
              onInput={(event) => set({ volume: event.currentTarget.valueAsNumber })}
            />
            <Button small onClick={() => alerts.tryOut()}>
              {t.alerts.tryOut}
            </Button>
          </div>
        )}
        <Choice
          label={t.alerts.desktop}
          on={wishes.desktop}
          disabled={permission === 'unsupported'}
          set={(desktop) => void alerts.setDesktop(desktop)}
        />
        {permission === 'denied' && <p class="settings__note">{t.alerts.denied}</p>}
        {permission === 'unsupported' && <p class="settings__note">{t.alerts.unsupported}</p>}
      </fieldset>
      <fieldset class="settings__group" disabled={wishes.muted}>
        <legend class="settings__legend">{t.alerts.what}</legend>
        {NEWS_KINDS.map((kind) => (
          <Choice
            key={kind}
            label={t.alerts.kinds[kind]}
            on={wishes.kinds[kind]}
            set={(on) => set({ kinds: { ...wishes.kinds, [kind]: on } })}
          />
        ))}
      </fieldset>
      <p class="settings__note">{t.alerts.perBrowser}</p>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  on: boolean;
  disabled?: boolean;
  set: (on: boolean) => void;
}

function Choice({ label, on, disabled, set }: ChoiceProps) {
  return (
    <label class="sl-choice">
      <input
        type="checkbox"
        checked={on}
        disabled={disabled}
        onChange={(event) => {
          const wanted = event.currentTarget.checked;
          // What is shown is what is kept, also when the system refuses.
          event.currentTarget.checked = on;
          set(wanted);
        }}
      />
      {label}
    </label>
  );
}
