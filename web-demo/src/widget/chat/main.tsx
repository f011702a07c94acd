// The chat's module: loaded when the chat is first opened. Joins session, player telemetry and view, and leaves when told.

import { render } from 'preact';
import { socketUrl } from '../../client/connection.ts';
import { LineCheck } from '../../client/line-check.ts';
import { PageReport } from '../../client/page-report.ts';
import { PictureOutbox } from '../../client/picture-outbox.ts';
import { ViewerSession } from '../../client/viewer.ts';
import { langOf } from '../../i18n/i18n.ts';
import type { Page } from '../../protocol/generated.ts';
import { keepFocus } from '../../ui/focus.ts';
import uiCss from '../../ui/ui.css?inline';
import type { ChatHost } from '../host.ts';
import { browserName } from './browser.ts';
import { BarPlace, CallHolder } from './call.tsx';
import chatCss from './chat.css?inline';
import { ChatView } from './chat.tsx';
import { tabStorage } from './storage.ts';

/** Longest page address or title sent, characters (signaling `PAGE_CHARS_MAX`). */
const PAGE_CHARS_MAX = 2_000;

/** Trees that have the chat's styles. */
const styled = new WeakSet<ShadowRoot>();

/** Draws the chat into its host. Returns what ends it. */
export function mountChat(host: ChatHost): () => void {
  style(host.root);
  const storage = tabStorage();
  const session = new ViewerSession({
    url: socketUrl(host.server),
    key: host.key,
    // The browser's tag when it is of the language shown, since it says more: `zh-TW` rather than `zh`.
    lang: langOf(navigator.language) === host.lang ? navigator.language : host.lang,
    page: currentPage(),
    ...(host.token ? { token: host.token } : {}),
    ...(storage && { storage }),
  });
  const calls = new CallHolder(session, host);
  const outbox = new PictureOutbox({
    access: host,
    nowMs: () => session.connection.clock.nowMs(),
    ready: () => session.state.get().conversation !== null,
  });
  const endPictures = followPictures(session, outbox);
  const report = new PageReport(session, host.watch);
  const check = new LineCheck(session, host.watch, report, host.server);
  const endViewport = followViewport(host);
  const endFocus = keepFocus(host.root, () => homeOf(host));
  render(<ChatView session={session} host={host} calls={calls} outbox={outbox} check={check} />, host.body);
  render(<BarPlace calls={calls} session={session} host={host} />, host.bar);
  session.open();
  return () => {
    host.onToggle = null;
    calls.close();
    endPictures();
    check.close();
    report.close();
    endViewport();
    endFocus();
    session.close();
    render(null, host.body);
    render(null, host.bar);
    host.setUnread(0);
    host.setSharing(false);
  };
}

function style(root: ShadowRoot): void {
  if (styled.has(root)) return;
  styled.add(root);
  for (const css of [uiCss, chatCss]) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets.push(sheet);
  }
}

/** Where the focus goes on: the text box; with a finger the dialog, since the box would call the keyboard. */
function homeOf(host: ChatHost): HTMLElement | null {
  if (!host.isOpen()) return host.root.querySelector<HTMLElement>('.launcher');
  const touched = matchMedia('(pointer: coarse)').matches;
  return (touched ? null : host.body.querySelector('textarea')) ?? host.body.parentElement;
}

/** Where the viewer is, without query and fragment: they may hold what is none of our business. */
function currentPage(): Page {
  return {
    url: `${location.origin}${location.pathname}`.slice(0, PAGE_CHARS_MAX),
    title: document.title.slice(0, PAGE_CHARS_MAX),
    client: browserName(navigator),
  };
}

/** Pictures go on when the line is back, and are on their way until their entries are here. */
function followPictures(session: ViewerSession, outbox: PictureOutbox): () => void {
  let exists = false;
  const follow = () => {
    const { conversation, entries } = session.state.get();
    outbox.arrived(entries.map((entry) => entry.client_id));
    if (conversation && !exists) outbox.resume();
    exists = conversation !== null;
  };
  const ends = [session.connection.on('welcome', () => outbox.resume()), session.state.subscribe(follow)];
  return () => {
    for (const end of ends) end();
    outbox.close();
  };
}

/** On phones the keyboard covers the page; the sheet keeps to what is left. */
function followViewport(host: ChatHost): () => void {
  const viewport = window.visualViewport;
  const frame = host.bar.parentElement;
  if (!viewport || !frame) return () => {};
  const resize = () => {
    frame.style.setProperty('--sl-viewport-height', `${Math.round(viewport.height)}px`);
    // Where the keyboard pushes the page up instead of making it smaller.
    frame.style.setProperty('--sl-viewport-top', `${Math.round(viewport.offsetTop)}px`);
  };
  resize();
  viewport.addEventListener('resize', resize);
  viewport.addEventListener('scroll', resize);
  return () => {
    viewport.removeEventListener('resize', resize);
    viewport.removeEventListener('scroll', resize);
  };
}
