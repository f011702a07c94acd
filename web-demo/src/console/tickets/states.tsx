// Owns what a page shows while it has nothing to show: loading, and failed with a way on.

import type { ApiFailure } from '../../client/api.ts';
import { errorTexts } from '../../i18n/common.ts';
import { Button, Empty } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';

/** Grey rows in the place of those to come. */
export function Skeleton({ rows }: { rows: number }) {
  const { t } = useTexts();
  return (
    <div class="skeleton" role="status">
      <span class="sl-visually-hidden">{t.loading}</span>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} class="skeleton__row" style={{ width: `${92 - ((index * 17) % 38)}%` }} />
      ))}
    </div>
  );
}

interface FailedProps {
  title: string;
  failure: ApiFailure;
  again: () => void;
}

/** What failed, why, and the button that tries again. */
export function Failed({ title, failure, again }: FailedProps) {
  const { lang, t } = useTexts();
  const reason = failure.code === undefined ? t.signIn.unreachable : errorTexts(lang)[failure.code];
  return (
    <div role="alert">
      <Empty icon="warning" title={title}>
        <p>{reason}</p>
        <Button icon="refresh" onClick={again}>
          {t.retry}
        </Button>
      </Empty>
    </div>
  );
}
