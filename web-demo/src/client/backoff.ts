// How long to wait before the next attempt to connect.

/** First wait, ms. */
const FIRST_MS = 250;
/** Longest wait before jitter, ms. */
const LONGEST_MS = 8_000;

/** Wait before attempt `attempt` (1 is the first after a break), ms: doubled each time, ± 50 % so that clients spread. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const base = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 16));
  return base * (0.5 + random());
}
