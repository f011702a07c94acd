// What a clip is said to have: the seconds' shares through the rules by which an issue is raised (docs/diagnosis.md, Issues).

/** Classes, in the order of the table. */
export const CLASSES = ['frozen', 'black', 'corrupt', 'blocky', 'striped', 'banded', 'torn'];

/** Raise: share at or beyond, in `n` of the last `m` seconds. */
export const RAISE = {
  frozen: { at: 0.9, n: 5, m: 6 },
  black: { at: 0.9, n: 3, m: 4 },
  corrupt: { at: 0.3, n: 2, m: 4 },
  blocky: { at: 0.5, n: 3, m: 5 },
  striped: { at: 0.3, n: 2, m: 4 },
  banded: { at: 0.5, n: 3, m: 5 },
  torn: { at: 0.2, n: 2, m: 4 },
};
/** A picture has stopped only if it moved before: in this share of at least so many seconds. */
const MOVED = { share: 0.6, seconds: 3 };

/** Judged frames `{ t, findings }` as seconds of shares, as the lane `picture` has them. */
export function secondsOf(frames) {
  const bySecond = [];
  for (const { t, findings } of frames) {
    if (findings) (bySecond[Math.floor(t)] ??= []).push(findings);
  }
  return bySecond.filter(Boolean).map((found) => Object.fromEntries(CLASSES.map((name) => [name, shareOf(found, name)])));
}

/** The share of a second's frames with a finding; undefined when none was judged for it. */
function shareOf(found, name) {
  const judged = found.filter((one) => one[name] !== null);
  return judged.length === 0 ? undefined : judged.filter((one) => one[name]).length / judged.length;
}

/** The classes that are raised in a clip's seconds. */
export function raised(seconds) {
  const moved = movedBefore(seconds);
  return CLASSES.filter((name) => {
    const { at, n, m } = RAISE[name];
    const bad = seconds.map((second, now) => second[name] >= at && (name !== 'frozen' || moved[now]));
    return bad.some((_, end) => bad.slice(Math.max(0, end - m + 1), end + 1).filter(Boolean).length >= n);
  });
}

/**
 * Seconds before which a picture moved, so that standing still means something. What stands still after motion does not change
 * what is usual (diagnosis/src/timeline/page.rs).
 */
function movedBefore(seconds) {
  let [moving, all] = [0, 0];
  return seconds.map(({ frozen }) => {
    if (frozen === undefined) return false;
    const moves = all >= MOVED.seconds && moving >= MOVED.share * all;
    const still = frozen >= RAISE.frozen.at;
    if (!(still && moves)) {
      all++;
      if (!still) moving++;
    }
    return moves;
  });
}
