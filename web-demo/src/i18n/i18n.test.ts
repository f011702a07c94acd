import { describe, expect, it } from 'vitest';
import { catalogue, formatDay, formatDuration, formatElapsed, langOf, pickLang, plural } from './i18n.ts';

describe('the language', () => {
  it('is what the address asks for, then the attribute, then the browser, then English', () => {
    expect(pickLang('?lang=zh', ['en-US'], 'en')).toBe('zh');
    expect(pickLang('', ['en-US'], 'zh-TW')).toBe('zh');
    expect(pickLang('?lang=fr', ['de', 'zh-CN', 'en'])).toBe('zh');
    expect(pickLang('', ['fr'])).toBe('en');
    expect(langOf('ZH-Hans-CN')).toBe('zh');
    expect(langOf('')).toBeNull();
  });

  it('chooses the catalogue', () => {
    const texts = catalogue({ hi: (n: number) => `hi ${n}` }, { hi: (n) => `你好 ${n}` });
    expect(texts('zh').hi(1)).toBe('你好 1');
    expect(texts('en').hi(1)).toBe('hi 1');
  });
});

describe('forms', () => {
  it('counts', () => {
    expect(plural('en', 1, { one: 'call', other: 'calls' })).toBe('call');
    expect(plural('en', 0, { one: 'call', other: 'calls' })).toBe('calls');
    expect(plural('zh', 1, { one: '个', other: '个' })).toBe('个');
  });

  it('shows running times', () => {
    expect(formatElapsed(7_900)).toBe('0:07');
    expect(formatElapsed(3_729_000)).toBe('1:02:09');
    expect(formatElapsed(-5)).toBe('0:00');
  });

  it('says lengths in their largest units', () => {
    expect(formatDuration('en', 59_400)).toBe('59 s');
    expect(formatDuration('en', 120_000)).toBe('2 min');
    expect(formatDuration('zh', 125_000)).toBe('2 分 5 秒');
    expect(formatDuration('en', 3_780_000)).toBe('1 h 3 min');
  });

  it('names today and yesterday', () => {
    const now = new Date(2026, 4, 10, 0, 30).getTime();
    expect(formatDay('en', now, now)).toBe('Today');
    expect(formatDay('en', now - 3_600_000, now)).toBe('Yesterday');
    expect(formatDay('zh', now, now)).toBe('今天');
    expect(formatDay('en', new Date(2026, 4, 1).getTime(), now)).toContain('1 May');
  });
});
