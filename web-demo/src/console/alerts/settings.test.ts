// Tests of reading the stored wishes about alerts.

import { expect, it } from 'vitest';
import { DEFAULTS, readSettings } from './settings.ts';

it('keeps what was chosen and fills in the rest', () => {
  expect(readSettings(null)).toEqual(DEFAULTS);
  expect(readSettings('{"muted":true,"kinds":{"ended":false}}')).toEqual({
    ...DEFAULTS,
    muted: true,
    kinds: { ...DEFAULTS.kinds, ended: false },
  });
});

it('does not trust what is stored', () => {
  for (const text of ['', 'null', '[]', '{', '"x"', '{"volume":9,"sound":"yes","kinds":7}']) {
    expect(readSettings(text)).toEqual(DEFAULTS);
  }
});
