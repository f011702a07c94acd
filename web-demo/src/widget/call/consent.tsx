// The consent card: who asks, what is seen, and the ways to show it, the smallest share first. A way is offered until trying
// it has shown that it is not to be had here; then a sentence says why.

import { useEffect, useMemo } from 'preact/hooks';
import { canCall, canShareTab } from '../../client/able.ts';
import { type CaptureProblem, WAYS, type Way } from '../../client/capture.ts';
import { hasDisplayCapture, isPhone } from '../../client/capture-display.ts';
import type { ShareProblem, ViewerCall } from '../../client/viewer-call.ts';
import { formatElapsed } from '../../i18n/i18n.ts';
import type { CallState } from '../../protocol/generated.ts';
import type { IconName } from '../../ui/icons.ts';
import { Avatar, Button, Icon, Notice, useNow, useStore } from '../../ui/ui.tsx';
import type { ChatHost } from '../host.ts';
import { type CallTexts, callTexts } from './texts.ts';

const ICONS: Record<Way, IconName> = {
  player: 'player',
  tab: 'tab',
  window: 'window',
  screen: 'screen',
  camera: 'camera',
  audio: 'mic',
};

/** On a phone the camera is at hand, and sharing a screen rarely works: what works first stands first. */
const PHONE_ORDER: readonly Way[] = ['player', 'camera', 'tab', 'window', 'screen', 'audio'];

const DISPLAYS: readonly Way[] = ['tab', 'window', 'screen'];

interface Props {
  call: ViewerCall;
  /** The invitation as it came. */
  state: CallState;
  host: ChatHost;
  /** Opens the choice of a picture. */
  onPicture: () => void;
}

/** Asks for consent. */
export function ConsentCard({ call, state, host, onPicture }: Props) {
  const now = useStore(call.state);
  const texts = callTexts(host.lang);
  useEffect(() => call.cardShown(), [call]);
  const tab = useMemo(canShareTab, []);
  if (now.kind !== 'invited' && now.kind !== 'capturing') return null;
  const player = host.watch.video();
  const display = hasDisplayCapture();
  const busy = now.kind === 'capturing';
  const able = canCall();
  const ways = able ? offered({ player: player !== null, display, tab }, now.gone) : [];
  const name = state.agent_name;
  const share = (way: Way) => void call.share(way, player);
  const [first, ...others] = ways;
  return (
    <fieldset class="card consent" aria-label={texts.card}>
      <div class="consent__head">
        <Avatar name={name} />
        <p class="card__title" aria-live="polite">
          {call.continued ? texts.continueTitle : texts.title(name)}
        </p>
      </div>
      <ul class="consent__facts">
        <li>
          <Icon name="eye" size={16} /> {texts.sees(name)}
        </li>
        <li>
          <Icon name="lock" size={16} /> {texts.notRecorded} {texts.stopAny}
        </li>
      </ul>
      <div class="consent__news" aria-live="polite">
        {now.kind === 'invited' && now.problem && (
          <Notice tone={now.problem.problem === 'cancelled' ? 'info' : 'warn'}>
            {problemText(now.problem, ways.length > 0, texts)}
          </Notice>
        )}
      </div>
      {first && (
        <div class="consent__choice">
          <Button
            block
            tone="primary"
            icon={ICONS[first]}
            disabled={busy}
            aria-describedby="sl-way-hint"
            onClick={() => share(first)}
          >
            {texts.way[first]}
          </Button>
          <p id="sl-way-hint">{texts.hint[first]}</p>
        </div>
      )}
      {others.length > 0 && (
        <div class="consent__others">
          {others.map((way) => (
            <Button
              key={way}
              icon={ICONS[way]}
              disabled={busy}
              title={texts.hint[way]}
              aria-description={texts.hint[way]}
              onClick={() => share(way)}
            >
              {texts.way[way]}
            </Button>
          ))}
        </div>
      )}
      {!able && <p class="consent__note">{texts.noCalls}</p>}
      {able && !display && <p class="consent__note">{texts.noDisplay}</p>}
      {able && display && !tab && <p class="consent__note">{texts.noTab}</p>}
      {able && !player && <p class="consent__note">{texts.noPlayer}</p>}
      {!ways.some((way) => way !== 'audio' && !now.failed.includes(way)) && (
        <div class="consent__choice">
          <p>{texts.nothing}</p>
          <Button block icon="image" disabled={busy} onClick={onPicture}>
            {texts.sendPicture}
          </Button>
        </div>
      )}
      <div class="consent__foot">
        <span class="consent__time">
          {busy ? texts.capturing : !call.continued && <Expiry atMs={state.expires_at_ms} host={host} call={call} />}
        </span>
        {call.continued ? (
          <Button tone="quiet" disabled={busy} onClick={() => call.stop()}>
            {texts.endCall}
          </Button>
        ) : (
          <Button tone="quiet" disabled={busy} onClick={() => call.decline()}>
            {texts.decline}
          </Button>
        )}
      </div>
    </fieldset>
  );
}

/** What is worth trying here. */
function offered(has: { player: boolean; display: boolean; tab: boolean }, gone: readonly Way[]): Way[] {
  const order = isPhone() ? PHONE_ORDER : WAYS;
  return order.filter((way) => {
    if (gone.includes(way)) return false;
    if (way === 'tab') return has.display && has.tab;
    return way === 'player' ? has.player : has.display || !DISPLAYS.includes(way);
  });
}

function problemText({ way, problem }: ShareProblem, more: boolean, texts: CallTexts): string {
  const why = reasonText(way, problem, texts);
  const final = problem === 'cancelled' || problem === 'path' || !more;
  return final ? why : `${why} ${texts.another}`;
}

function reasonText(way: Way, problem: CaptureProblem | 'path', texts: CallTexts): string {
  const player = way === 'player';
  const camera = way === 'camera';
  switch (problem) {
    case 'cancelled':
      return texts.cancelled;
    case 'path':
      return texts.path;
    case 'protected':
      return texts.playerProtected;
    case 'unsupported':
      return player ? texts.playerUnsupported : texts.displayUnsupported;
    case 'empty':
      return player ? texts.playerEmpty : texts.failed;
    case 'forbidden':
      return texts.forbidden;
    case 'system':
      return texts.system;
    case 'denied':
      return camera ? texts.cameraDenied : texts.microphoneDenied;
    case 'missing':
      return camera ? texts.cameraMissing : texts.microphoneMissing;
    case 'busy':
      return camera ? texts.cameraBusy : texts.microphoneBusy;
    case 'unplugged':
      return texts.microphoneLost;
    case 'failed':
      return texts.failed;
  }
}

function Expiry({ atMs, host, call }: { atMs: number; host: ChatHost; call: ViewerCall }) {
  useNow(1000);
  return <>{callTexts(host.lang).expires(formatElapsed(atMs - call.serverNowMs()))}</>;
}
