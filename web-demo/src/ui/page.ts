// Start of a page of ours: its styles, its language, its place to draw into.

import './tokens.css';
import './ui.css';
import './base.css';
import { applyLang, type Lang, pageLang } from '../i18n/i18n.ts';

/** Loads the shared styles, sets the document's language and title, and returns where to render. */
export function openPage(title: Record<Lang, string>): { root: HTMLElement; lang: Lang } {
  const lang = pageLang();
  applyLang(lang);
  document.title = title[lang];
  const root = document.createElement('div');
  root.className = 'sl-root';
  document.body.append(root);
  return { root, lang };
}
