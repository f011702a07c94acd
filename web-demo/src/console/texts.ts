// Owns the choice of the console's sentences by language.

import { catalogue } from '../i18n/i18n.ts';
import { en } from './texts-en.ts';
import { zh } from './texts-zh.ts';

/** `texts(lang)`: the console's sentences. */
export const texts = catalogue(en, zh);
/** The shape of the catalogue, for passing it down. */
export type Texts = ReturnType<typeof texts>;
