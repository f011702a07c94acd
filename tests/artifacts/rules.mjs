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
const MOVED = { share: 0.6, seconds: 8 };

/** Findings `{ t, findings }` by whole second. */
export function seconds(frames) {
  const list = [];
  for (const { t, findings } of frames) {
    const second = Math.floor(t);
    list[second] ??= [];
    list[second].push(findings);
  }
  return list.filter(Boolean);
}

/** The share of a second's frames with a finding; null when none was judged for it. */
export function shareOf(found, name) {
  const judged = found.filter((one) => one[name] !== null);
  return judged.length === 0 ? null : judged.filter((one) => one[name]).length / judged.length;
}

/** The classes that are raised in a clip. */
export function raised(frames) {
  const all = seconds(frames);
  return CLASSES.filter((name) => {
    const shares = all.map((found) => shareOf(found, name));
    const { at, n, m } = RAISE[name];
    return shares.some((_, end) => {
      const bad = (second) => shares[second] !== null && shares[second] >= at && (name !== 'frozen' || moved(shares, second));
      let count = 0;
      for (let second = Math.max(0, end - m + 1); second <= end; second++) if (bad(second)) count++;
      return count >= n;
    });
  });
}

/** Whether a picture moved before a second, so that standing still means something. */
function moved(shares, second) {
  const before = shares.slice(0, second).filter((share) => share !== null);
  if (before.length < MOVED.seconds) return false;
  return before.filter((share) => share < 0.5).length >= MOVED.share * before.length;
}
