// Tests of the console's addresses.

import { expect, it } from 'vitest';
import { readRoute, ticketHref } from './route.ts';

it('reads every address it writes, and takes the rest for the desk', () => {
  expect(readRoute(ticketHref(12))).toEqual({ page: 'ticket', number: 12 });
  expect(readRoute('#/tickets')).toEqual({ page: 'tickets' });
  expect(readRoute('#/tickets/')).toEqual({ page: 'tickets' });
  for (const other of ['', '#', '#/', '#/tickets/x', '#/tickets/1/2', '#nonsense']) {
    expect(readRoute(other)).toEqual({ page: 'desk' });
  }
});
