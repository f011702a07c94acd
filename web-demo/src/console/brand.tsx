// Owns the product's mark on the agents' pages.

import mark from '../ui/icon.svg';
import { useTexts } from './context.ts';

/** Mark and name. */
export function Brand() {
  const { t } = useTexts();
  return (
    <span class="brand">
      <img class="brand__mark" src={mark} alt="" width={26} height={26} />
      <span class="brand__name">{t.product}</span>
    </span>
  );
}
