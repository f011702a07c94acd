// The call's place in the chat. Its code, with everything of media, is loaded when the first invitation arrives. Also knows of
// a call that runs in another tab, and brings it here.

import { useEffect, useState } from 'preact/hooks';
import { Store } from '../../client/emitter.ts';
import { LineWatch } from '../../client/line.ts';
import { CallTabs } from '../../client/tabs.ts';
import type { ViewerSession } from '../../client/viewer.ts';
import type { ViewerCall } from '../../client/viewer-call.ts';
import type { CallState } from '../../protocol/generated.ts';
import { Button, Notice, Spinner, useStore } from '../../ui/ui.tsx';
import type * as CallModule from '../call/sharing.tsx';
import type { ChatHost } from '../host.ts';
import { tabStorage } from './storage.ts';
import type { ChatTexts } from './texts.ts';

/** What there is of a call. */
export type HeldCall =
  | { kind: 'none' }
  | { kind: 'loading' | 'unloadable'; state: CallState; continued: boolean }
  | { kind: 'here'; state: CallState; call: ViewerCall; module: typeof CallModule }
  /** It runs in another tab or on another device. */
  | { kind: 'elsewhere'; state: CallState };

/** Holds the running call, from its invitation to its end. */
export class CallHolder {
  /** The call. */
  readonly held = new Store<HeldCall>({ kind: 'none' });
  readonly #session: ViewerSession;
  readonly #host: ChatHost;
  readonly #ends: (() => void)[];
  readonly #tabs: CallTabs;
  readonly #line = new LineWatch();

  constructor(session: ViewerSession, host: ChatHost) {
    this.#session = session;
    this.#host = host;
    // The key's end, which tells nobody the key.
    this.#tabs = new CallTabs(`sightline:call:${host.server}:${host.key.slice(-6)}`);
    this.#line.start();
    const leaving = () => this.#current()?.leave();
    addEventListener('pagehide', leaving);
    this.#ends = [session.state.subscribe(() => this.#follow()), () => removeEventListener('pagehide', leaving)];
  }

  /** Ends it. */
  close(): void {
    for (const end of this.#ends) end();
    this.#tabs.close();
    this.#line.stop();
    const call = this.#current();
    if (call && call.state.get().kind !== 'ended') call.stop();
    this.held.set({ kind: 'none' });
  }

  /** Tries to load the call's code again. */
  retry(): void {
    const held = this.held.get();
    if (held.kind === 'unloadable') this.#load(held.state, held.continued);
  }

  /** Whether the tab with the call is one that can give it. */
  canBring(): Promise<boolean> {
    return this.#tabs.someoneHolds();
  }

  /** Brings the call here from another tab; what is shown has to be chosen again. False when no tab gives it. */
  async bring(): Promise<boolean> {
    const held = this.held.get();
    if (held.kind !== 'elsewhere') return false;
    const session = await this.#tabs.take();
    if (session === null) return false;
    this.#session.connection.takeSession(session);
    const welcomed = this.#session.connection.on('welcome', () => {
      welcomed();
      this.#tabs.tookIt(session);
      if (this.held.get().kind === 'elsewhere') this.#load(held.state, true);
    });
    return true;
  }

  #current(): ViewerCall | null {
    const held = this.held.get();
    return held.kind === 'here' ? held.call : null;
  }

  #follow(): void {
    const { call } = this.#session.state.get();
    const held = this.held.get();
    const known = held.kind !== 'none' && held.state.id === call?.id;
    if (!call || call.stage === 'ended') {
      if (held.kind !== 'none') this.#over();
    } else if (call.stage === 'invited') {
      if (known) return;
      this.#load(call, false);
      // Seen in time, but without taking the focus.
      this.#host.reveal();
    } else if (!known || (held.kind !== 'here' && held.kind !== 'elsewhere' && !held.continued)) {
      // It was accepted, and not here.
      this.held.set({ kind: 'elsewhere', state: call });
    }
  }

  #over(): void {
    this.#tabs.hold(null);
    this.held.set({ kind: 'none' });
    this.#sharing(false);
  }

  #load(state: CallState, continued: boolean): void {
    this.held.set({ kind: 'loading', state, continued });
    const stillWanted = () => {
      const held = this.held.get();
      return held.kind === 'loading' && held.state.id === state.id;
    };
    importCall().then(
      (module) => {
        if (stillWanted()) this.#begin(module, state, continued);
      },
      () => {
        if (stillWanted()) this.held.set({ kind: 'unloadable', state, continued });
      },
    );
  }

  #begin(module: typeof CallModule, state: CallState, continued: boolean): void {
    const storage = tabStorage();
    const { clock } = this.#session.connection;
    const call = module.createCall(this.#session, state, this.#host.root, {
      continued,
      storage,
      warm: this.#host.warm,
      player: () => this.#host.watch.now(),
      line: () => this.#line.knowledge(clock.rttMs(), storage, Date.now()),
    });
    call.state.subscribe(() => this.#followCall(call, state));
    this.held.set({ kind: 'here', state, call, module });
    if (continued) this.#hold(call, state);
  }

  #followCall(call: ViewerCall, state: CallState): void {
    const { kind } = call.state.get();
    this.#sharing(kind === 'sharing');
    if (kind === 'sharing') this.#hold(call, state);
    if (kind === 'elsewhere' && this.#current() === call) this.held.set({ kind: 'elsewhere', state });
  }

  /** The call is this tab's: another one may ask for it. */
  #hold(call: ViewerCall, state: CallState): void {
    const { connection } = this.#session;
    this.#tabs.hold({
      give: () => {
        call.release();
        return connection.giveSession();
      },
      given: () => connection.open(),
      back: (session) => {
        connection.takeSession(session);
        if (this.held.get().kind === 'elsewhere') this.#load(state, true);
      },
    });
  }

  #sharing(on: boolean): void {
    this.#host.watch.sharing = on;
    this.#host.setSharing(on);
  }
}

/** The bundler rewrites the address; where the first try failed some browsers remember it, and the next page load helps. */
function importCall(): Promise<typeof CallModule> {
  return import('../call/sharing.tsx');
}

interface PlaceProps {
  calls: CallHolder;
  host: ChatHost;
  texts: ChatTexts;
  /** Opens the choice of a picture. */
  onPicture: () => void;
}

/** The consent card, among the messages. */
export function CardPlace({ calls, host, texts, onPicture }: PlaceProps) {
  const held = useStore(calls.held);
  switch (held.kind) {
    case 'none':
      return null;
    case 'loading':
      return (
        <p class="typing">
          <Spinner /> {texts.callLoading}
        </p>
      );
    case 'unloadable':
      return (
        <Notice
          tone="danger"
          action={
            <Button small onClick={() => calls.retry()}>
              {texts.tryAgain}
            </Button>
          }
        >
          {texts.callFailed}
        </Notice>
      );
    case 'elsewhere':
      return <Elsewhere calls={calls} texts={texts} />;
    case 'here':
      return <held.module.ConsentCard call={held.call} state={held.state} host={host} onPicture={onPicture} />;
  }
}

/** Time between two questions for the tab that has the call, ms: it may be busy, or just have got it. */
const ASK_AGAIN_MS = 3_000;

/** The call runs in another tab; where that one can be reached, a click brings it here. */
function Elsewhere({ calls, texts }: Pick<PlaceProps, 'calls' | 'texts'>) {
  const [stage, setStage] = useState<'asking' | 'near' | 'far' | 'bringing'>('asking');
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const near = await calls.canBring();
      if (!wanted) return;
      setStage((before) => (before === 'bringing' ? before : near ? 'near' : 'far'));
      timer = setTimeout(() => void ask(), ASK_AGAIN_MS);
    };
    void ask();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [calls]);
  const bring = async () => {
    setStage('bringing');
    if (!(await calls.bring())) setStage('far');
  };
  return (
    <div aria-live="polite">
      <Notice
        action={
          (stage === 'near' || stage === 'bringing') && (
            <Button small busy={stage === 'bringing'} onClick={() => void bring()}>
              {texts.bringHere}
            </Button>
          )
        }
      >
        {stage === 'far' ? texts.elsewhereFar : texts.elsewhere}
      </Notice>
    </div>
  );
}

/** The sharing bar, outside the dialog. */
export function BarPlace({ calls, session, host }: { calls: CallHolder; session: ViewerSession; host: ChatHost }) {
  const held = useStore(calls.held);
  return held.kind === 'here' ? <held.module.SharingBar call={held.call} session={session} host={host} /> : null;
}
