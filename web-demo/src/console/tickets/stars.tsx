// Owns how a rating looks: stars for the eye, a sentence for everyone.

import { Icon } from '../../ui/ui.tsx';
import { useTexts } from '../context.ts';

/** A rating from 1 to 5. */
export function Stars({ score }: { score: number }) {
  const { t } = useTexts();
  return (
    <span class="stars" role="img" aria-label={t.tickets.stars(score)} title={t.tickets.stars(score)}>
      {[1, 2, 3, 4, 5].map((place) => (
        <span key={place} class={place <= score ? 'stars__on' : 'stars__off'}>
          <Icon name="star" size={14} />
        </span>
      ))}
    </span>
  );
}
