// What the loader, the page's watch and the chat know of each other: the loader owns the element, its frame and the watch, the
// chat draws into the places it is given.

import type { PageWatch } from '../client/watch/page-watch.ts';
import type { Lang } from '../i18n/i18n.ts';
import type { OfferHost } from './watch/offer.ts';

/** How the widget stands on its page. */
export type Mode = 'bubble' | 'page';

/** What the loader gives to the chat. */
export interface ChatHost {
  /** Origin of the server, such as `https://support.example`. */
  readonly server: string;
  /** Interface language. */
  readonly lang: Lang;
  /** Host-signed viewer token, if the page gave one. */
  readonly token: string | null;
  /** The conversation's secret. */
  readonly key: string;
  /** In a corner of somebody's page, or a page of its own. */
  readonly mode: Mode;
  /** Whether a media connection may be made while the viewer reads an invitation, before any consent. */
  readonly warm: boolean;
  /** Watches the page's player, its requests and the device. */
  readonly watch: PageWatch;
  /** The shadow tree, for styles. */
  readonly root: ShadowRoot;
  /** Inside the dialog. */
  readonly body: HTMLElement;
  /** Outside the dialog, seen also while it is closed. */
  readonly bar: HTMLElement;
  /** Whether the dialog is open. */
  isOpen(): boolean;
  /** Called after the dialog was opened or closed; `byPerson`: a click or key did it, so that focus may move. */
  onToggle: ((open: boolean, byPerson: boolean) => void) | null;
  /** Opens the dialog without moving the focus. */
  reveal(): void;
  /** Closes the dialog. */
  minimize(): void;
  /** Messages that the viewer has not seen, for the launcher. */
  setUnread(count: number): void;
  /** Whether something is being shared, so that the frame leaves room for the bar. */
  setSharing(on: boolean): void;
  /** Remembers a new secret and draws the chat anew. */
  startOver(): void;
}

/** What the chat's module exports. */
export interface ChatModule {
  /** Draws the chat into its host. Returns what ends it. */
  mountChat(host: ChatHost): () => void;
}

/** What the watch's module exports. It is loaded when the page is idle, or with the chat. */
export interface WatchModule {
  /** Makes a watch that is not started. With `offers` help is offered after sustained stalls. */
  createWatch(offers: OfferHost | null): PageWatch;
}
