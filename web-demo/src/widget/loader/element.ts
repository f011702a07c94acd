// <sightline-support>: launcher, dialog frame, and the loading of the chat when it is first opened. Attributes: `server`
// (origin; that of the script unless given), `token` (host-signed viewer token), `lang`, `open`, `mode="page"` (fills its
// page, secret from the address's fragment), `proactive="on"` (offers help after sustained stalls), `proactive-holdout` (share
// of the browsers that are offered none). Property: `player`, the host's player object. Nothing here may throw into the
// host's page.

import type { PageWatch } from '../../client/watch/page-watch.ts';
import { type Lang, localeOf, pickLang } from '../../i18n/i18n.ts';
import tokensCss from '../../ui/tokens.css?inline';
import type { ChatHost, ChatModule, Mode, WatchModule } from '../host.ts';
import type { OfferHost } from '../watch/offer.ts';
import { h, icon } from './dom.ts';
import frameCss from './frame.css?inline';
import { isKey, WidgetStore } from './store.ts';
import { loaderTexts } from './texts.ts';

/** After this long without the chat's code the dialog says that support cannot be reached, and it is tried again, ms. */
const PATIENCE_MS = 6_000;
/** Waits between attempts to load the chat, ms; the last one repeats. */
const RETRY_MS = [2_000, 4_000, 8_000, 15_000, 30_000];
/** Share of the browsers that are offered no help, unless the host says otherwise. */
const HOLDOUT = 0.1;
/** The page's watch begins this long after the page's `load` at the latest, ms: a page that is never idle has a player too. */
const IDLE_MS_MAX = 3_000;
/** More unread messages than this are shown as `9+`. */
const UNREAD_SHOWN_MAX = 9;

/** Where the chat's code is. */
export interface ChatSource {
  /** Origin the loader came from. */
  origin: string;
  /** Imports the chat from a server's origin; `attempt` counts from 0. */
  load(server: string, attempt: number): Promise<ChatModule>;
  /** Imports the page's watch, likewise. */
  loadWatch(server: string, attempt: number): Promise<WatchModule>;
}

/** Makes the element's class. */
export function elementClass(source: ChatSource): CustomElementConstructor {
  return class SightlineSupport extends HTMLElement {
    #widget: Widget | null = null;
    #player: unknown = null;

    /** The host's player: an object of hls.js, dash.js, Shaka Player, mpegts.js or flv.js. */
    get player(): unknown {
      return this.#player;
    }

    set player(player: unknown) {
      this.#player = player;
      quietly(() => this.#widget?.setPlayer(player));
    }

    connectedCallback(): void {
      // Set before the element was known to the browser: a plain property that hides the class's own.
      if (Object.hasOwn(this, 'player')) {
        const { player } = this;
        Reflect.deleteProperty(this, 'player');
        this.player = player;
      }
      // Once: moving the element on its page must not end a conversation.
      this.#widget ??= quietly(() => new Widget(this, source));
      quietly(() => this.#widget?.setPlayer(this.#player));
    }

    static readonly observedAttributes = ['open'];

    attributeChangedCallback(_name: string, _before: string | null, now: string | null): void {
      quietly(() => this.#widget?.toggle(now !== null, false));
    }
  };
}

/** Runs; a mistake of ours stays ours. */
function quietly<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}

class Widget {
  readonly #element: HTMLElement;
  readonly #source: ChatSource;
  readonly #server: string;
  readonly #mode: Mode;
  readonly #lang: Lang;
  readonly #token: string | null;
  readonly #warm: boolean;
  readonly #store: WidgetStore;
  readonly #root: ShadowRoot;
  readonly #frame: HTMLElement;
  readonly #launcher: HTMLButtonElement;
  readonly #badge: HTMLElement;
  readonly #news: HTMLElement;
  readonly #dialog: HTMLElement;
  readonly #body: HTMLElement;
  readonly #bar: HTMLElement;
  readonly #offerPlace: HTMLElement;
  #open = false;
  #loading = false;
  #attempt = 0;
  #next: ReturnType<typeof setTimeout> | undefined;
  #host: ChatHost | null = null;
  #unmount: (() => void) | null = null;
  #module: ChatModule | null = null;
  #watch: PageWatch | null = null;
  #player: unknown = null;

  constructor(element: HTMLElement, source: ChatSource) {
    this.#element = element;
    this.#source = source;
    this.#server = originOf(element.getAttribute('server')) ?? source.origin;
    this.#mode = element.getAttribute('mode') === 'page' ? 'page' : 'bubble';
    this.#lang = pickLang(location.search, navigator.languages, element.getAttribute('lang'));
    this.#token = element.getAttribute('token');
    // Who saves data is not charged for a call that may never be.
    const { connection } = navigator as { connection?: { saveData?: boolean } };
    this.#warm = element.getAttribute('warm') !== 'off' && connection?.saveData !== true;
    this.#store = new WidgetStore(this.#server);
    const texts = loaderTexts(this.#lang);

    this.#badge = h('span', { class: 'badge', hidden: '', 'aria-hidden': 'true' });
    this.#news = h('span', { class: 'unseen', 'aria-live': 'polite' });
    this.#launcher = h('button', { class: 'launcher', type: 'button' }, icon('launcher'), texts.launcher);
    this.#body = h('div', { class: 'body' });
    this.#dialog = h(
      'div',
      { class: 'dialog', role: 'dialog', 'aria-label': texts.dialog, tabindex: '-1', hidden: '' },
      this.#body,
    );
    this.#bar = h('div', { class: 'bar' });
    this.#offerPlace = h('div', { class: 'offers' });
    this.#frame = h(
      'div',
      { class: `frame ${this.#mode}`, lang: localeOf(this.#lang) },
      this.#dialog,
      this.#offerPlace,
      this.#launcher,
      this.#badge,
      this.#news,
      this.#bar,
    );
    this.#root = element.attachShadow({ mode: 'open' });
    adopt(this.#root, tokensCss, frameCss);
    this.#root.append(this.#frame);
    this.#listen();
    whenIdle(() => void this.#startWatch(0).catch(() => {}));
    if (this.#mode === 'page' || element.hasAttribute('open')) this.toggle(true, false);
    else if (this.#store.wasOpened()) this.#load();
  }

  /** Opens or closes the dialog. `byPerson`: focus follows. */
  toggle(open: boolean, byPerson: boolean): void {
    if (open === this.#open || (!open && this.#mode === 'page')) return;
    this.#open = open;
    this.#dialog.hidden = !open;
    this.#frame.classList.toggle('open', open);
    if (open) {
      this.#store.setOpened(true);
      this.#load();
      if (byPerson) this.#dialog.focus();
    } else if (byPerson) {
      this.#launcher.focus();
    }
    this.#host?.onToggle?.(open, byPerson);
  }

  /** The host hands its player over. */
  setPlayer(player: unknown): void {
    this.#player = player;
    this.#watch?.setPlayer(player);
  }

  /** The page's watch: made once, however often it is asked for. A page of the chat's own has no player to watch. */
  async #startWatch(attempt: number): Promise<PageWatch> {
    const module = this.#watch ? null : await this.#source.loadWatch(this.#server, attempt);
    if (!this.#watch && module) {
      this.#watch = module.createWatch(this.#offers());
      this.#watch.setPlayer(this.#player);
      if (this.#mode === 'bubble') this.#watch.start();
    }
    if (!this.#watch) throw new Error('no watch');
    return this.#watch;
  }

  /** Where help may be offered; null where the host does not want it, which is the default. */
  #offers(): OfferHost | null {
    if (this.#mode !== 'bubble' || this.#element.getAttribute('proactive') !== 'on') return null;
    const holdout = Number.parseFloat(this.#element.getAttribute('proactive-holdout') ?? '');
    return {
      lang: this.#lang,
      holdout: Number.isFinite(holdout) ? holdout : HOLDOUT,
      server: this.#server,
      root: this.#root,
      place: this.#offerPlace,
      isOpen: () => this.#open || this.#store.wasOpened(),
      open: () => this.toggle(true, true),
    };
  }

  #listen(): void {
    this.#launcher.addEventListener('click', () => this.toggle(true, true));
    this.#dialog.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return;
      event.stopPropagation();
      this.toggle(false, true);
    });
  }

  /** Loads the chat until it is there: an attempt that hangs counts as failed, but may still win. */
  #load(): void {
    if (this.#module || this.#loading) return;
    this.#loading = true;
    clearTimeout(this.#next);
    this.#showWaiting(this.#attempt > 0);
    const attempt = this.#attempt;
    let over = false;
    const fail = () => {
      clearTimeout(patience);
      if (over || this.#module) return;
      over = true;
      this.#loading = false;
      this.#attempt = attempt + 1;
      this.#showWaiting(true);
      this.#next = setTimeout(() => this.#load(), RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]);
    };
    const patience = setTimeout(fail, PATIENCE_MS);
    Promise.all([this.#source.load(this.#server, attempt), this.#startWatch(attempt)]).then(([module, watch]) => {
      clearTimeout(patience);
      if (this.#module) return;
      this.#module = module;
      clearTimeout(this.#next);
      this.#mount(module, watch);
    }, fail);
  }

  #showWaiting(failed: boolean): void {
    const texts = loaderTexts(this.#lang);
    const minimize = h('button', { class: 'minimize', type: 'button', 'aria-label': texts.minimize }, icon('minimize'));
    minimize.addEventListener('click', () => this.toggle(false, true));
    const retry = h('button', { class: 'retry', type: 'button' }, texts.retry);
    retry.addEventListener('click', () => this.#load());
    this.#body.replaceChildren(
      h('div', { class: 'head' }, h('span', { class: 'title' }, texts.launcher), minimize),
      h(
        'div',
        { class: 'wait' },
        h('p', { role: 'status' }, failed ? texts.failed : texts.loading),
        ...(failed ? [retry] : []),
      ),
    );
  }

  #mount(module: ChatModule, watch: PageWatch): void {
    const key = this.#key();
    this.#body.replaceChildren();
    const host: ChatHost = {
      server: this.#server,
      lang: this.#lang,
      token: this.#token,
      warm: this.#warm,
      key,
      mode: this.#mode,
      watch,
      root: this.#root,
      body: this.#body,
      bar: this.#bar,
      isOpen: () => this.#open,
      onToggle: null,
      reveal: () => this.toggle(true, false),
      minimize: () => this.toggle(false, true),
      setUnread: (count) => this.#setUnread(count),
      setSharing: (on) => this.#frame.classList.toggle('sharing', on),
      startOver: () => this.#startOver(),
    };
    this.#host = host;
    this.#unmount = module.mountChat(host);
  }

  #startOver(): void {
    this.#unmount?.();
    this.#store.newKey();
    if (this.#mode === 'page') history.replaceState(null, '', `#${this.#store.key()}`);
    if (this.#module && this.#watch) this.#mount(this.#module, this.#watch);
  }

  #key(): string {
    const fragment = location.hash.slice(1);
    return this.#mode === 'page' && isKey(fragment) ? fragment : this.#store.key();
  }

  #setUnread(count: number): void {
    const text = count > 0 ? loaderTexts(this.#lang).unread(count) : '';
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > UNREAD_SHOWN_MAX ? `${UNREAD_SHOWN_MAX}+` : String(count);
    if (this.#news.textContent !== text) this.#news.textContent = text;
  }
}

/** Runs when the page is loaded and has nothing better to do. */
function whenIdle(run: () => void): void {
  const soon = () => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(run, { timeout: IDLE_MS_MAX });
    else setTimeout(run, IDLE_MS_MAX);
  };
  if (document.readyState === 'complete') soon();
  else addEventListener('load', soon, { once: true });
}

function originOf(address: string | null): string | null {
  if (!address) return null;
  const url = URL.canParse(address, location.href) ? new URL(address, location.href) : null;
  return url && /^https?:$/.test(url.protocol) ? url.origin : null;
}

/** Constructed sheets: a host's policy on styles does not concern them. */
function adopt(root: ShadowRoot, ...sheets: string[]): void {
  root.adoptedStyleSheets = sheets.map((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  });
}
