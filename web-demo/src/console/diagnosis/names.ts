// Owns the choice of a diagnosis' names by language, and what stands for a name that this page does not know.

import { catalogue } from '../../i18n/i18n.ts';
import { namesEn } from './names-en.ts';
import { namesZh } from './names-zh.ts';

/** `diagnosisNames(lang)`: names of causes, lanes, facts and issues. */
export const diagnosisNames = catalogue(namesEn, namesZh);

/** The name of something, or its stable name when a newer server speaks of what this page does not know. */
export function nameIn(table: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(table, key) ? (table[key] as string) : key.replaceAll('_', ' ');
}
