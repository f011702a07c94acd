// Asking for a call, and what the viewer is told when one ended otherwise than wished.

import { useState } from 'preact/hooks';
import { canCall } from '../../client/able.ts';
import type { ViewerSession, ViewerState } from '../../client/viewer.ts';
import { errorTexts } from '../../i18n/common.ts';
import { formatTime, type Lang } from '../../i18n/i18n.ts';
import type { EndReason, ErrorCode } from '../../protocol/generated.ts';
import { Button, Notice } from '../../ui/ui.tsx';
import type { ChatTexts } from './texts.ts';

interface Props {
  state: ViewerState;
  session: ViewerSession;
  texts: ChatTexts;
  lang: Lang;
}

/** A call or an invitation is under way. */
function busy({ call }: ViewerState): boolean {
  return call !== null && call.stage !== 'ended';
}

/** "Ask for a call", or the request that stands. */
export function CallRequest({ state, session, texts, lang }: Props) {
  const { conversation } = state;
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<ErrorCode | 'disconnected' | null>(null);
  if (!conversation || conversation.status === 'resolved' || busy(state) || !canCall()) return null;
  const since = conversation.call_requested_at_ms;
  const act = async (what: () => Promise<void>) => {
    setSending(true);
    setRefused(null);
    try {
      await what();
    } catch (error) {
      setRefused((error as { code?: ErrorCode | 'disconnected' }).code ?? 'internal');
    }
    setSending(false);
  };
  return (
    <div class="request">
      <span class="request__text" aria-live="polite">
        {since !== undefined && requestText(state, formatTime(lang, since), texts)}
        {refused && (refused === 'disconnected' ? texts.requestLost : errorTexts(lang)[refused])}
      </span>
      {since === undefined ? (
        <Button small tone="quiet" icon="phone" busy={sending} onClick={() => void act(() => session.requestCall())}>
          {texts.askCall}
        </Button>
      ) : (
        <Button small tone="quiet" busy={sending} onClick={() => void act(() => session.withdrawRequest())}>
          {texts.withdrawCall}
        </Button>
      )}
    </div>
  );
}

function requestText({ conversation, agentsOnline }: ViewerState, time: string, texts: ChatTexts): string {
  if (agentsOnline === 0) return texts.askedNobody(time);
  return conversation?.status === 'taken'
    ? texts.askedAgent(conversation.agent_name ?? texts.anAgent, time)
    : texts.askedQueue(time);
}

/** What a person must know who did not end the call, by its reason; null where the conversation says enough. */
export function outcomeText(reason: EndReason, name: string, texts: ChatTexts): string | null {
  switch (reason) {
    case 'capture_ended':
      return texts.outcomeCapture;
    case 'unanswered':
      return texts.outcomeUnanswered;
    case 'agent_left':
    case 'agent_lost':
      return texts.outcomeAgent(name);
    case 'viewer_lost':
    case 'media_failed':
      return texts.outcomeLost;
    case 'server_restarted':
    case 'server_shutdown':
    case 'worker_failed':
      return texts.outcomeServer;
    default:
      return null;
  }
}

/** The last call of this page ended by itself: says so, and how to go on. */
export function Outcome({ state, session, texts }: Props) {
  const { call, conversation, entries } = state;
  const [dismissed, setDismissed] = useState('');
  if (call?.stage !== 'ended' || !conversation || conversation.status === 'resolved') return null;
  if (dismissed === call.id || conversation.call_requested_at_ms !== undefined) return null;
  // The entry is the record; before it is here, and after a break, the state's word has to do.
  const entry = entries.findLast(({ body }) => body.kind === 'call_ended' && body.call === call.id)?.body;
  const reason = entry?.kind === 'call_ended' ? entry.reason : call.reason;
  const text = reason && outcomeText(reason, call.agent_name, texts);
  if (!text) return null;
  const shareAgain = () => {
    session.requestCall().catch(() => {
      // Told by the connection's notice; the button is still there.
    });
  };
  return (
    <div class="outcome" role="status">
      <Notice
        tone="warn"
        action={
          reason === 'capture_ended' ? (
            <Button small tone="primary" onClick={shareAgain}>
              {texts.shareAgain}
            </Button>
          ) : (
            <Button small onClick={() => setDismissed(call.id)}>
              {texts.understood}
            </Button>
          )
        }
      >
        {text} {reason !== 'capture_ended' && texts.outcomeNext}
      </Notice>
    </div>
  );
}
