// Owns what the operations page shows to someone who may not see it: why, and the two ways in.

import { useState } from 'preact/hooks';
import { Button, Field, Icon } from '../ui/ui.tsx';
import type { OpsTexts } from './texts.ts';

interface AccessProps {
  t: OpsTexts;
  /** A key was given and refused. */
  wrong: boolean;
  open: (key: string) => void;
}

/** The card with the field for the key. */
export function Access({ t, wrong, open }: AccessProps) {
  const [key, setKey] = useState('');
  return (
    <form
      class="sl-card access"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== '') open(key.trim());
      }}
    >
      <Icon name="lock" size={28} />
      <h2 class="access__title">{t.access.title}</h2>
      <p>{t.access.body}</p>
      <Field
        label={t.access.key}
        type="password"
        value={key}
        onValue={setKey}
        autocomplete="off"
        maxLength={512}
        focusFirst
        error={wrong ? t.access.wrong : undefined}
      />
      <Button type="submit" tone="primary" block disabled={key.trim() === ''}>
        {t.access.submit}
      </Button>
      <p class="muted access__note">
        {t.access.howTo} {t.access.kept}
      </p>
    </form>
  );
}
