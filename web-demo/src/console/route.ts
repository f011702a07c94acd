// Owns the console's addresses: which page a fragment names, and the fragment of a page. Pure.

/** A page of the console. */
export type Route =
  | { readonly page: 'desk' }
  | { readonly page: 'tickets' }
  | { readonly page: 'ticket'; readonly number: number };

/** Address of the conversations. */
export const DESK_HREF = '#/';
/** Address of the list of tickets. */
export const TICKETS_HREF = '#/tickets';

/** Address of one ticket. */
export function ticketHref(number: number): string {
  return `${TICKETS_HREF}/${number}`;
}

/** Reads a fragment such as `#/tickets/12`; what it does not know is the desk. */
export function readRoute(fragment: string): Route {
  const path = fragment.replace(/^#\/?/, '').replace(/\/+$/, '');
  if (path === 'tickets') return { page: 'tickets' };
  const ticket = /^tickets\/(\d{1,15})$/.exec(path);
  if (ticket?.[1] !== undefined) return { page: 'ticket', number: Number(ticket[1]) };
  return { page: 'desk' };
}
