// Owns how measured quantities are written on the console and the operations page. Pure. Times and days are i18n's.

import { type Lang, localeOf } from '../i18n/i18n.ts';

/** Stands where nothing was measured. */
export const ABSENT = '–';

/** What a measurement may be before it is written. */
export type Measured = number | null | undefined;

function known(value: Measured): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** Milliseconds for reading: `8 ms`, `430 ms`, `2.4 s`, `61 s`. */
export function milliseconds(ms: Measured): string {
  if (!known(ms)) return ABSENT;
  if (Math.abs(ms) < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** Bits per second, given kbit/s: `840 kbit/s`, `2.4 Mbit/s`. */
export function bitrate(kbps: Measured): string {
  if (!known(kbps)) return ABSENT;
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}

/** A share in percent: `0 %`, `0.4 %`, `12 %`. */
export function percent(value: Measured): string {
  if (!known(value)) return ABSENT;
  return `${value !== 0 && Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** Any number with at most one decimal. */
export function plain(value: Measured): string {
  if (!known(value)) return ABSENT;
  return Number.isInteger(value) || Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

/** A picture's size: `1920 × 1080`. */
export function resolution(width: Measured, height: Measured): string {
  return known(width) && known(height) && width > 0 ? `${width} × ${height}` : ABSENT;
}

/** Bytes in binary units: `512 KiB`, `84 MiB`. */
export function bytes(count: Measured): string {
  if (!known(count)) return ABSENT;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Time of day with seconds, of a moment in ms since the Unix epoch. */
export function formatSeconds(lang: Lang, atMs: number): string {
  return new Intl.DateTimeFormat(localeOf(lang), { timeStyle: 'medium', hourCycle: 'h23' }).format(atMs);
}

/** One for each of the interface's languages: making one takes longer than a hundred uses. */
const languageNames = new Map<string, Intl.DisplayNames>();

/** A language tag as its name in the reader's language: `zh` → `Chinese`; the tag itself when nobody knows it. */
export function languageName(tag: string, locale: string): string {
  if (tag === '') return ABSENT;
  try {
    const names = languageNames.get(locale) ?? new Intl.DisplayNames([locale], { type: 'language', fallback: 'code' });
    languageNames.set(locale, names);
    return names.of(tag) ?? tag;
  } catch {
    return tag;
  }
}
