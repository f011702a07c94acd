// Tests of finding and filling in canned replies.

import { expect, it } from 'vitest';
import type { CannedReply } from '../../protocol/generated.ts';
import { filled, inserted, isShortcut, matching, slashAt } from './match.ts';

const reply = (shortcut: string, title: string, lang = 'en'): CannedReply => ({
  id: `${shortcut}-${lang}`,
  shortcut,
  title,
  text: title,
  lang,
});

it('sees a "/" at the beginning or after a space, and leaves fractions and addresses alone', () => {
  expect(slashAt('/', 1)).toEqual({ from: 0, query: '' });
  expect(slashAt('Hello /gre', 10)).toEqual({ from: 6, query: 'gre' });
  expect(slashAt('/你好', 3)).toEqual({ from: 0, query: '你好' });
  expect(slashAt('Hello /gre more', 10)).toEqual({ from: 6, query: 'gre' });
  expect(slashAt('1/2', 3)).toBeNull();
  expect(slashAt('https://x', 9)).toBeNull();
  expect(slashAt('/two words', 10)).toBeNull();
});

it('offers the conversation’s language first, the shortcut before the title', () => {
  const all = [
    reply('hello', '您好', 'zh-CN'),
    reply('hello', 'A greeting'),
    reply('bye', 'Goodbye and hello again'),
    reply('help', 'Link to the help', ''),
  ];
  expect(matching(all, 'hel', 'en-GB').map((one) => one.id)).toEqual(['hello-en', 'bye-en', 'help-', 'hello-zh-CN']);
  expect(matching(all, 'hel', 'zh')[0]?.id).toBe('hello-zh-CN');
  expect(matching(all, '', 'en')).toHaveLength(4);
  expect(matching(all, 'zzz', 'en')).toEqual([]);
});

it('fills in names and number once, whatever the names contain', () => {
  expect(
    filled('Hello {viewer}, this is {agent}, ticket {ticket}, {other}.', {
      viewer: '{agent} $&',
      agent: 'Robin',
      ticket: 7,
    }),
  ).toBe('Hello {agent} $&, this is Robin, ticket 7, {other}.');
});

it('takes the place of the word', () => {
  expect(inserted('So /he', { from: 3, query: 'he' }, 6, 'Hello!')).toEqual({ text: 'So Hello!', caret: 9 });
  expect(inserted('/heyes', { from: 0, query: 'he' }, 3, 'Hello!')).toEqual({ text: 'Hello! yes', caret: 6 });
});

it('knows a shortcut', () => {
  expect(['hi', 'hi-2', '你好'].every(isShortcut)).toBe(true);
  expect(['', 'a b', '/a', 'a.b'].some(isShortcut)).toBe(false);
});
