import { expect, it } from 'vitest';
import { StallOffer } from './stall-offer.ts';

/** Seconds at which help is due, of a player that had so many stalls and ms of them by each second. */
function dueAt(seconds: number, player: (n: number) => { stalls: number; stalledMs: number; hidden?: boolean } | null) {
  const offer = new StallOffer();
  return Array.from({ length: seconds }, (_, n) => n).filter((n) => {
    const now = player(n);
    return offer.second(now && { t: n * 1000, ...now });
  });
}

it('comes after eight seconds of waiting within thirty', () => {
  expect(dueAt(12, (n) => ({ stalls: 1, stalledMs: n * 1000 }))).toEqual([8]);
  // A second of waiting in every five: six within thirty.
  expect(dueAt(300, (n) => ({ stalls: 0, stalledMs: Math.floor(n / 5) * 1000 }))).toEqual([]);
});

it('comes at the third wait within a minute', () => {
  expect(dueAt(60, (n) => ({ stalls: Math.floor(n / 10), stalledMs: 0 }))).toEqual([30]);
  expect(dueAt(200, (n) => ({ stalls: Math.floor(n / 31), stalledMs: 0 }))).toEqual([]);
});

it('asks nobody who is not there', () => {
  expect(dueAt(60, () => null)).toEqual([]);
  expect(dueAt(60, (n) => ({ stalls: n, stalledMs: n * 1000, hidden: true }))).toEqual([]);
});
