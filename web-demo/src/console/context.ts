// Owns what every piece of the console may ask for without it being handed down: the language and the texts.

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Lang } from '../i18n/i18n.ts';
import { type Texts, texts } from './texts.ts';

/** The reader's language. */
export const LangContext = createContext<Lang>('en');

/** The language and the console's texts in it. */
export function useTexts(): { lang: Lang; t: Texts } {
  const lang = useContext(LangContext);
  return { lang, t: texts(lang) };
}
