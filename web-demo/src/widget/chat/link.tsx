// The private link: with it the viewer finds the conversation again, from any device.

import { useState } from 'preact/hooks';
import { Button } from '../../ui/ui.tsx';
import type { ChatHost } from '../host.ts';
import type { ChatTexts } from './texts.ts';

/** The address under which this conversation is found again. */
export function privateLink(host: Pick<ChatHost, 'server' | 'key'>): string {
  return `${host.server}/c#${host.key}`;
}

/** The button, and what came of it. */
export function CopyLink({ host, texts }: { host: ChatHost; texts: ChatTexts }) {
  const [state, setState] = useState<'idle' | 'copied' | 'by-hand'>('idle');
  const link = privateLink(host);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      setState('copied');
    } catch {
      // Not allowed in this frame, or not a secure page: the viewer copies it by hand.
      setState('by-hand');
    }
  };
  return (
    <div class="link">
      <Button small tone="quiet" icon={state === 'copied' ? 'check' : 'link'} onClick={() => void copy()}>
        {texts.copyLink}
      </Button>
      <span class="link__news" aria-live="polite">
        {state === 'copied' && texts.linkCopied}
      </span>
      {state === 'by-hand' && (
        <input
          class="sl-input link__text"
          readOnly
          aria-label={texts.linkByHand}
          value={link}
          onFocus={(event) => event.currentTarget.select()}
        />
      )}
    </div>
  );
}
