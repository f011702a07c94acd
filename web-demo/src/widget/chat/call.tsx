// The call's place in the chat. Its code, with everything of media, is loaded when the first invitation arrives.

import { Store } from '../../client/emitter.ts';
import type { ViewerSession } from '../../client/viewer.ts';
import type { ViewerCall } from '../../client/viewer-call.ts';
import type { CallState } from '../../protocol/generated.ts';
import { Button, Notice, Spinner, useStore } from '../../ui/ui.tsx';
import type * as CallModule from '../call/sharing.tsx';
import type { ChatHost } from '../host.ts';
import type { ChatTexts } from './texts.ts';

/** What there is of a call. */
export type HeldCall =
  | { kind: 'none' }
  | { kind: 'loading' | 'unloadable'; state: CallState }
  | { kind: 'here'; state: CallState; call: ViewerCall; module: typeof CallModule };

/** Holds the running call, from its invitation to its end. */
export class CallHolder {
  /** The call. */
  readonly held = new Store<HeldCall>({ kind: 'none' });
  readonly #session: ViewerSession;
  readonly #host: ChatHost;
  readonly #ends: (() => void)[];

  constructor(session: ViewerSession, host: ChatHost) {
    this.#session = session;
    this.#host = host;
    const leaving = () => this.#current()?.leave();
    addEventListener('pagehide', leaving);
    this.#ends = [session.state.subscribe(() => this.#follow()), () => removeEventListener('pagehide', leaving)];
  }

  /** Ends it. */
  close(): void {
    for (const end of this.#ends) end();
    const call = this.#current();
    if (call && call.state.get().kind !== 'ended') call.stop();
    this.held.set({ kind: 'none' });
  }

  /** Tries to load the call's code again. */
  retry(): void {
    const held = this.held.get();
    if (held.kind === 'unloadable') this.#load(held.state);
  }

  #current(): ViewerCall | null {
    const held = this.held.get();
    return held.kind === 'here' ? held.call : null;
  }

  #follow(): void {
    const { call } = this.#session.state.get();
    const held = this.held.get();
    if (call?.stage === 'invited' && (held.kind === 'none' || held.state.id !== call.id)) {
      this.#load(call);
      // Seen in time, but without taking the focus.
      this.#host.reveal();
    } else if (held.kind !== 'none' && (!call || call.stage === 'ended' || call.id !== held.state.id)) {
      this.#over();
    }
  }

  #over(): void {
    this.held.set({ kind: 'none' });
    this.#sharing(false);
  }

  #load(state: CallState): void {
    this.held.set({ kind: 'loading', state });
    const stillWanted = () => {
      const held = this.held.get();
      return held.kind !== 'none' && held.state.id === state.id;
    };
    importCall().then(
      (module) => {
        if (!stillWanted()) return;
        const call = module.createCall(this.#session, state, this.#host.root);
        call.state.subscribe(() => this.#sharing(call.state.get().kind === 'sharing'));
        this.held.set({ kind: 'here', state, call, module });
      },
      () => {
        if (stillWanted()) this.held.set({ kind: 'unloadable', state });
      },
    );
  }

  #sharing(on: boolean): void {
    this.#host.player.sharing = on;
    this.#host.setSharing(on);
  }
}

/** The bundler rewrites the address; where the first try failed some browsers remember it, and the next page load helps. */
function importCall(): Promise<typeof CallModule> {
  return import('../call/sharing.tsx');
}

/** The consent card, among the messages. */
export function CardPlace({ calls, host, texts }: { calls: CallHolder; host: ChatHost; texts: ChatTexts }) {
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
    case 'here':
      return <held.module.ConsentCard call={held.call} state={held.state} host={host} />;
  }
}

/** The sharing bar, outside the dialog. */
export function BarPlace({ calls, host }: { calls: CallHolder; host: ChatHost }) {
  const held = useStore(calls.held);
  return held.kind === 'here' ? <held.module.SharingBar call={held.call} state={held.state} host={host} /> : null;
}
