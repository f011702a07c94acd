// The offer of help after a sustained stall: a small bubble beside the launcher, at most one in half an hour and browser. A
// share of the browsers is never offered any, so that what offers are worth can be measured; that is noted, too.

import { localNowMs } from '../../client/clock.ts';
import type { PageWatch } from '../../client/watch/page-watch.ts';
import { catalogue, type Lang } from '../../i18n/i18n.ts';
import offerCss from './offer.css?inline';

/** Between two offers to one browser, ms. */
const APART_MS = 30 * 60_000;
/** An offer that nobody takes goes away after this, ms. */
const SHOWN_MS = 60_000;

/** What the loader gives for offers. */
export interface OfferHost {
  readonly lang: Lang;
  /** Share of the browsers that are offered nothing, 0 to 1. */
  readonly holdout: number;
  /** Name of the server in the browser's storage. */
  readonly server: string;
  readonly root: ShadowRoot;
  /** Where the bubble is put. */
  readonly place: HTMLElement;
  /** Whether the viewer has come for help already. */
  isOpen(): boolean;
  /** Opens the chat. */
  open(): void;
}

const texts = catalogue(
  {
    offer: 'Offer of help',
    words: 'The picture keeps stopping? Support can see why.',
    take: 'Get help',
    dismiss: 'No, thanks',
  },
  {
    offer: '帮助提示',
    words: '画面一直卡顿？客服可以帮您查明原因。',
    take: '获取帮助',
    dismiss: '不用了',
  },
);

/** Offers help when the player has stalled too much. */
export function offerHelp(watch: PageWatch, host: OfferHost): void {
  watch.onSustainedStall = () => {
    const memory = new OfferMemory(host.server);
    if (host.isOpen() || !memory.isDue()) return;
    memory.offered();
    if (memory.isHeldOut(host.holdout)) watch.mark('help_withheld');
    else {
      watch.mark('help_offered');
      show(watch, host);
    }
  };
}

function show(watch: PageWatch, host: OfferHost): void {
  const t = texts(host.lang);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(offerCss);
  if (!host.place.childElementCount) host.root.adoptedStyleSheets = [...host.root.adoptedStyleSheets, sheet];
  const bubble = document.createElement('div');
  bubble.className = 'offer';
  bubble.setAttribute('role', 'group');
  bubble.setAttribute('aria-label', t.offer);
  const words = document.createElement('p');
  words.setAttribute('role', 'status');
  const close = () => {
    clearTimeout(timer);
    bubble.remove();
  };
  const timer = setTimeout(close, SHOWN_MS);
  const take = button(t.take, 'offer__take', () => {
    close();
    watch.mark('help_taken');
    host.open();
  });
  bubble.append(words, take, button(t.dismiss, 'offer__dismiss', close));
  bubble.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close();
  });
  host.place.replaceChildren(bubble);
  // Put in after it is there, so that screen readers tell it.
  words.textContent = t.words;
}

function button(name: string, kind: string, pressed: () => void): HTMLButtonElement {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = kind;
  element.textContent = name;
  element.addEventListener('click', pressed);
  return element;
}

/** What this browser remembers of offers. Where it may remember nothing, it is offered nothing. */
class OfferMemory {
  readonly #server: string;

  constructor(server: string) {
    this.#server = server;
  }

  isDue(): boolean {
    try {
      return localNowMs() - Number(localStorage.getItem(this.#name('offered')) ?? 0) >= APART_MS;
    } catch {
      return false;
    }
  }

  offered(): void {
    this.#keep('offered', String(Math.round(localNowMs())));
  }

  /** Drawn once, and kept. */
  isHeldOut(share: number): boolean {
    const kept = localStorage.getItem(this.#name('holdout'));
    if (kept !== null) return kept === '1';
    const held = Math.random() < share;
    this.#keep('holdout', held ? '1' : '0');
    return held;
  }

  #keep(what: string, value: string): void {
    try {
      localStorage.setItem(this.#name(what), value);
    } catch {
      // Full: it may be offered once more.
    }
  }

  #name(what: string): string {
    return `sightline:${what}:${this.#server}`;
  }
}
