import { expect, it } from 'vitest';
import type { Entry, EntryBody } from '../../protocol/generated.ts';
import { rowsOf, sameRow } from './rows.ts';
import { chatTexts } from './texts.ts';

const T0 = new Date(2026, 4, 10, 12, 0).getTime();
const texts = chatTexts('en');

function entry(seq: number, kind: 'viewer' | 'agent', body: EntryBody | string, atMs = T0 + seq * 1000): Entry {
  return {
    seq,
    at_ms: atMs,
    author: { kind, name: kind === 'agent' ? 'Mei' : 'Guest' },
    client_id: `id${seq}`,
    body: typeof body === 'string' ? { kind: 'message', text: body } : body,
  };
}

const rows = (entries: Entry[], readSeq = 0, pending: Parameters<typeof rowsOf>[1] = []) =>
  rowsOf(entries, pending, readSeq, texts, 'en');

it('groups messages of one author and shows delivery under the last own one', () => {
  const made = rows([entry(1, 'viewer', 'a'), entry(2, 'viewer', 'b'), entry(3, 'agent', 'c')], 2);
  expect(
    made.map((row) => (row.kind === 'message' ? [row.text, row.first, row.last, row.delivery] : row.kind)),
  ).toEqual(['day', ['a', true, false, null], ['b', false, true, 'read'], ['c', true, true, null]]);
});

it('begins a day with its name, once', () => {
  const made = rows([entry(1, 'agent', 'a'), entry(2, 'agent', 'b'), entry(3, 'agent', 'c', T0 + 86_400_000)]);
  expect(made.map((row) => row.kind)).toEqual(['day', 'message', 'message', 'day', 'message']);
});

it('shows messages on their way, also refused ones, after the others', () => {
  const made = rows([entry(1, 'viewer', 'a')], 0, [
    { clientId: 'x', text: 'b', atMs: T0 },
    { clientId: 'y', text: 'c', atMs: T0, refused: 'too_large' },
  ]);
  expect(made.map((row) => (row.kind === 'message' ? row.delivery : row.kind))).toEqual([
    'day',
    'sent',
    'sending',
    'refused',
  ]);
});

it('says how a call ended', () => {
  const ended = (reason: 'declined' | 'server_restarted' | 'agent_ended', duration_ms = 0) =>
    rows([
      ...(duration_ms ? [entry(1, 'viewer', { kind: 'call_accepted', call: 'k', surface: 'screen' } as const)] : []),
      entry(2, 'agent', { kind: 'call_ended', call: 'k', reason, duration_ms }),
    ]).at(-1);
  expect(ended('declined')).toMatchObject({ text: 'You declined to share' });
  expect(ended('agent_ended', 80_000)).toMatchObject({ text: 'Sharing ended after 1 min 20 s' });
  expect(ended('server_restarted', 80_000)).toMatchObject({ text: texts.lostServer });
});

it('takes rows for the same as long as nothing that is drawn differs', () => {
  const [a, b] = [rows([entry(1, 'viewer', 'a')])[1], rows([entry(1, 'viewer', 'a')])[1]];
  const [read, later] = [
    rows([entry(1, 'viewer', 'a')], 1)[1],
    rows([entry(1, 'viewer', 'a'), entry(2, 'viewer', 'b')])[1],
  ];
  if (!a || !b || !read || !later) throw new Error('a row is missing');
  expect(sameRow(a, b)).toBe(true);
  expect(sameRow(a, read), 'read in the meantime').toBe(false);
  expect(sameRow(a, later), 'no longer the last of its group').toBe(false);
});
