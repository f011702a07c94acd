// widget.js: a classic script of one tag. Finds the server it came from, registers <sightline-support>, and puts one on the
// page if the page has none. Asks the server for nothing but the file of the page's watch before the chat is opened; leaves
// nothing on `window`.

import type { ChatModule, WatchModule } from '../host.ts';
import { elementClass } from './element.ts';

/** A file under the server's root, with its hash, and those it needs at once; put in by the build. */
type Files = [entry: string, ...needed: string[]];
declare const __CHAT_FILES__: Files;
declare const __WATCH_FILES__: Files;

const NAME = 'sightline-support';

/** Attributes of the script that an inserted element takes over, as `data-…`. */
const PASSED_ON = ['server', 'token', 'lang', 'open', 'warm', 'proactive', 'proactive-holdout'];

const script = document.currentScript as HTMLScriptElement | null;

function start(): void {
  if (customElements.get(NAME)) return;
  const origin = new URL(script?.src ?? '', location.href).origin;
  customElements.define(
    NAME,
    elementClass({
      origin,
      load: (server, attempt) => importAll(server, __CHAT_FILES__, attempt) as Promise<ChatModule>,
      loadWatch: (server, attempt) => importAll(server, __WATCH_FILES__, attempt) as Promise<WatchModule>,
    }),
  );
  if (script?.hasAttribute('data-manual')) return;
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', insert);
  else insert();
}

function importAll(server: string, [entry, ...needed]: Files, attempt: number): Promise<unknown> {
  // All at once, instead of one after the other as they name each other.
  for (const file of needed) importFile(`${server}/${file}`).catch(() => {});
  // Some browsers remember that a module failed to load; another address is another module.
  return importFile(`${server}/${entry}${attempt ? `?again=${attempt}` : ''}`);
}

function importFile(address: string): Promise<unknown> {
  return import(/* @vite-ignore */ address);
}

function insert(): void {
  if (document.querySelector(NAME)) return;
  const element = document.createElement(NAME);
  for (const name of PASSED_ON) {
    const value = script?.getAttribute(`data-${name}`);
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  document.body.append(element);
}

try {
  start();
} catch {
  // A page without custom elements has no widget, and no error either.
}
