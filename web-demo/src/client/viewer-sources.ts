// What this end of a call sends, told to the server whenever it changes, so that the other end can say plainly why it sees
// or hears nothing.

import type { CallId, Sources } from '../protocol/generated.ts';
import type { MicrophoneState } from './microphone.ts';
import type { ViewerSession } from './viewer.ts';
import type { PictureState } from './viewer-call.ts';

/** What the sources are made of. */
export interface SourceFacts {
  microphone: Pick<MicrophoneState, 'kind' | 'muted' | 'problem'>;
  picture: PictureState['kind'];
  /** The sender that the picture is on. */
  slot: 'screen' | 'camera' | null;
}

/** The sources by those facts. */
export function sourcesOf({ microphone, picture, slot }: SourceFacts, hidden: boolean): Sources {
  const seen = picture === 'on' ? 'on' : picture === 'none' ? 'off' : 'interrupted';
  const lost = microphone.kind === 'starting' && microphone.problem === 'unplugged';
  const heard = microphone.kind === 'on' ? (microphone.muted ? 'interrupted' : 'on') : lost ? 'interrupted' : 'off';
  return {
    audio: heard,
    screen: slot === 'screen' ? seen : 'off',
    camera: slot === 'camera' ? seen : 'off',
    page_hidden: hidden,
  };
}

/** Tells the sources of one call. */
export class SourcesTeller {
  readonly #session: ViewerSession;
  readonly #call: CallId;
  readonly #facts: () => SourceFacts;
  readonly #onVisibility = () => this.tell();
  #running = false;
  #told = '';

  constructor(session: ViewerSession, call: CallId, facts: () => SourceFacts) {
    this.#session = session;
    this.#call = call;
    this.#facts = facts;
  }

  /** The call is accepted: from now on changes are told. */
  start(): void {
    this.#running = true;
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.tell();
  }

  /** Tells what changed. */
  tell(): void {
    if (!this.#running) return;
    const sources = sourcesOf(this.#facts(), document.visibilityState === 'hidden');
    const text = JSON.stringify(sources);
    if (text === this.#told) return;
    this.#told = text;
    this.#session.sending(this.#call, sources);
  }

  /** After a break of the connection: what was told in between is lost. */
  tellAgain(): void {
    this.#told = '';
    this.tell();
  }

  /** Ends it. */
  stop(): void {
    this.#running = false;
    document.removeEventListener('visibilitychange', this.#onVisibility);
  }
}
