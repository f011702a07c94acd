// What the widget remembers on the viewer's side: the conversation's secret for good, and for this tab that the chat was
// opened. Storage may be forbidden; then memory has to do.

import { randomId } from '../../client/base64.ts';

/** Bits of a conversation's secret. */
const KEY_BITS = 192;
/** What a secret looks like (docs/protocol.md): base64url, 22 to 64 characters. */
const KEY = /^[A-Za-z0-9_-]{22,64}$/;

/** Whether a text can be a conversation's secret. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}

/** The memory of the widget for one server. */
export class WidgetStore {
  readonly #server: string;
  #key: string | null = null;

  constructor(server: string) {
    this.#server = server;
  }

  /** The conversation's secret, made when there is none. */
  key(): string {
    const known = this.#key ?? read('localStorage', this.#name('key'));
    this.#key = known && isKey(known) ? known : this.newKey();
    return this.#key;
  }

  /** Makes a new secret: the next message opens a new conversation. */
  newKey(): string {
    this.#key = randomId(KEY_BITS);
    write('localStorage', this.#name('key'), this.#key);
    return this.#key;
  }

  /** Whether the chat was opened in this tab, so that it comes back, minimised, on the next page. */
  wasOpened(): boolean {
    return read('sessionStorage', this.#name('opened')) === '1';
  }

  /** The chat was opened, or is over. */
  setOpened(on: boolean): void {
    write('sessionStorage', this.#name('opened'), on ? '1' : '');
  }

  #name(what: string): string {
    return `sightline:${what}:${this.#server}`;
  }
}

function read(area: 'localStorage' | 'sessionStorage', name: string): string | null {
  try {
    return globalThis[area].getItem(name);
  } catch {
    return null;
  }
}

function write(area: 'localStorage' | 'sessionStorage', name: string, value: string): void {
  try {
    globalThis[area].setItem(name, value);
  } catch {
    // Forbidden or full: remembered as long as the page lives.
  }
}
