// Languages of the interface: which one, typed catalogues in both, and numbers, times and plurals in the reader's form.

/** Languages the interface is written in. */
export type Lang = 'en' | 'zh';

/** A catalogue's other language: the same keys, strings for strings and functions of the same arguments. */
export type Translated<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => string
    ? (...args: A) => string
    : T[K] extends string
      ? string
      : Translated<T[K]>;
};

/**
 * A catalogue in both languages. `zh` must have exactly the keys of `en`, checked by the compiler.
 * Use: `const texts = catalogue({send: 'Send'}, {send: '发送'}); texts(lang).send`.
 */
export function catalogue<T extends object>(en: T, zh: Translated<T>): (lang: Lang) => Translated<T> {
  return (lang) => (lang === 'zh' ? zh : (en as unknown as Translated<T>));
}

/** The interface language for a BCP 47 tag; null when we have none for it. */
export function langOf(tag: string | null | undefined): Lang | null {
  const primary = tag?.toLowerCase().split('-')[0];
  return primary === 'zh' || primary === 'en' ? primary : null;
}

/**
 * The reader's language: `?lang=` of the address, else an explicit choice (an attribute), else the first of the
 * browser's languages that we have, else English.
 */
export function pickLang(search: string, languages: readonly string[], explicit?: string | null): Lang {
  const asked = langOf(new URLSearchParams(search).get('lang')) ?? langOf(explicit);
  if (asked) return asked;
  for (const tag of languages) {
    const lang = langOf(tag);
    if (lang) return lang;
  }
  return 'en';
}

/** `pickLang` for the page we are on. */
export function pageLang(explicit?: string | null): Lang {
  return pickLang(location.search, navigator.languages, explicit);
}

/** Tells the document which language it is in. */
export function applyLang(lang: Lang): void {
  document.documentElement.lang = localeOf(lang);
}

/** BCP 47 tag for `Intl` and `lang=`. */
export function localeOf(lang: Lang): string {
  return lang === 'zh' ? 'zh-CN' : 'en-GB';
}

/**
 * Makes something of `Intl` once per language: building one takes longer than a hundred uses, and a chat's log formats a
 * time per message at every drawing.
 */
function perLang<T>(make: (locale: string) => T): (lang: Lang) => T {
  const made = new Map<Lang, T>();
  return (lang) => {
    const known = made.get(lang);
    if (known !== undefined) return known;
    const fresh = make(localeOf(lang));
    made.set(lang, fresh);
    return fresh;
  };
}

const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const pluralRules = /* @__PURE__ */ perLang((locale) => new Intl.PluralRules(locale));
const timeFormat = /* @__PURE__ */ perLang((locale) => new Intl.DateTimeFormat(locale, CLOCK));
const dateTimeFormat = /* @__PURE__ */ perLang(
  (locale) => new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', ...CLOCK }),
);
const dayFormat = /* @__PURE__ */ perLang(
  (locale) => new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' }),
);
const relativeDay = /* @__PURE__ */ perLang((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }));
const listFormat = /* @__PURE__ */ perLang((locale) => new Intl.ListFormat(locale));
/** One for each number of decimals asked for: 0 to 2 in our pages. */
const numberFormats = /* @__PURE__ */ perLang((locale) => {
  const made: Intl.NumberFormat[] = [];
  return (digits: number) => {
    made[digits] ??= new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
    return made[digits];
  };
});

/** Chooses the form of a counted noun: `plural('en', 1, {one: 'call', other: 'calls'})`. */
export function plural(lang: Lang, n: number, forms: { one: string; other: string }): string {
  return pluralRules(lang).select(n) === 'one' ? forms.one : forms.other;
}

/** A number with the reader's separators and at most `digits` decimals. */
export function formatNumber(lang: Lang, n: number, digits = 0): string {
  return numberFormats(lang)(digits).format(n);
}

/** Names in a row: `Kim and Ali`. */
export function formatList(lang: Lang, names: readonly string[]): string {
  return listFormat(lang).format(names);
}

/** Hours and minutes of a moment, ms since the Unix epoch. */
export function formatTime(lang: Lang, atMs: number): string {
  return timeFormat(lang).format(atMs);
}

/** Date and time of a moment, ms since the Unix epoch. */
export function formatDateTime(lang: Lang, atMs: number): string {
  return dateTimeFormat(lang).format(atMs);
}

/** The day of a moment as people say it: today, yesterday, or the date. Both in ms since the Unix epoch. */
export function formatDay(lang: Lang, atMs: number, nowMs: number): string {
  const days = Math.round((startOfDay(nowMs) - startOfDay(atMs)) / 86_400_000);
  if (days === 0 || days === 1) {
    const word = relativeDay(lang).format(-days, 'day');
    return word.charAt(0).toUpperCase() + word.slice(1);
  }
  return dayFormat(lang).format(atMs);
}

/** Whether two moments are on one day of the reader's calendar. */
export function sameDay(aMs: number, bMs: number): boolean {
  return startOfDay(aMs) === startOfDay(bMs);
}

function startOfDay(atMs: number): number {
  return new Date(atMs).setHours(0, 0, 0, 0);
}

/** A running time such as `0:07` or `1:02:09`. */
export function formatElapsed(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** A length of time in words, in its one or two largest units: `2 min 5 s`, `1 h 3 min`. */
export function formatDuration(lang: Lang, ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const unit = lang === 'zh' ? { s: ' 秒', min: ' 分', h: ' 小时' } : { s: ' s', min: ' min', h: ' h' };
  if (s < 60) return `${s}${unit.s}`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return s % 60 === 0 ? `${minutes}${unit.min}` : `${minutes}${unit.min} ${s % 60}${unit.s}`;
  return minutes % 60 === 0
    ? `${Math.floor(minutes / 60)}${unit.h}`
    : `${Math.floor(minutes / 60)}${unit.h} ${minutes % 60}${unit.min}`;
}
