// Owns the button "Theme": light, dark, or as the system has it.

import type { IconName } from '../ui/icons.ts';
import { Popover } from '../ui/popover.tsx';
import { chooseTheme, THEMES, type Theme, theme } from '../ui/theme.ts';
import { useStore } from '../ui/ui.tsx';
import { useTexts } from './context.ts';

const ICON: Readonly<Record<Theme, IconName>> = { system: 'contrast', light: 'sun', dark: 'moon' };

/** The button. */
export function ThemeButton() {
  const { t } = useTexts();
  const chosen = useStore(theme);
  return (
    <Popover label={t.theme.button} icon={ICON[chosen]} hint={t.theme.hint(t.theme.names[chosen])}>
      {() => (
        <fieldset class="settings settings__group">
          <legend class="settings__title">{t.theme.button}</legend>
          {THEMES.map((one) => (
            <label key={one} class="sl-choice">
              <input type="radio" name="theme" checked={one === chosen} onChange={() => chooseTheme(one)} />
              {t.theme.names[one]}
            </label>
          ))}
        </fieldset>
      )}
    </Popover>
  );
}
