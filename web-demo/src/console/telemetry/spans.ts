// Owns how troubles are laid along a timeline: which of them are told as one, since they could not be told apart at this zoom,
// and which stand under each other. Pure.

/** The part of the time that is in sight, and how wide it is drawn. */
export interface Sight {
  /** Seconds since the Unix epoch. */
  readonly from_s: number;
  readonly to_s: number;
  /** CSS pixels. */
  readonly width: number;
}

/** Something that lasted. */
export interface Span {
  /** Stable name of this one. */
  readonly id: string;
  /** Of what kind; only those of one kind are told as one. */
  readonly kind: string;
  /** Seconds since the Unix epoch. */
  readonly from_s: number;
  readonly to_s: number;
}

/** Spans of one kind that are drawn as one, with its place. */
export interface Laid<S extends Span> {
  /** The spans in it, ascending. */
  readonly spans: readonly S[];
  /** Row from the top, from 0. */
  readonly row: number;
  /** Left edge and width, CSS pixels, inside the sight. */
  readonly left: number;
  readonly width: number;
}

/** Least width, CSS pixels: what a pointer and a finger can hit (WCAG 2.2, target size). */
export const SPAN_PX_MIN = 24;
/** Room between two of a row, CSS pixels. */
const BETWEEN_PX = 2;

/** Lays spans into rows: those outside the sight are left out, near ones of a kind are one, and none covers another. */
export function lay<S extends Span>(spans: readonly S[], sight: Sight): Laid<S>[] {
  const length = sight.to_s - sight.from_s;
  if (length <= 0 || sight.width < SPAN_PX_MIN) return [];
  const place = (second: number) =>
    Math.min(sight.width, Math.max(0, ((second - sight.from_s) / length) * sight.width));
  const seen = spans.filter((span) => span.to_s > sight.from_s && span.from_s < sight.to_s);
  const joined = join(seen, place).map((group) => {
    const start = place(group[0]?.from_s ?? 0);
    const end = Math.max(...group.map((span) => place(span.to_s)));
    const width = Math.max(SPAN_PX_MIN, end - start);
    return { spans: group, left: Math.max(0, Math.min(start, sight.width - width)), width };
  });
  joined.sort((a, b) => a.left - b.left);
  const ends: number[] = [];
  return joined.map((one) => {
    const free = ends.findIndex((end) => end + BETWEEN_PX <= one.left);
    const row = free < 0 ? ends.length : free;
    ends[row] = one.left + one.width;
    return { ...one, row };
  });
}

/** Spans of a kind with less than a target's width between their starts, or that overlap, in one group. */
function join<S extends Span>(spans: readonly S[], place: (second: number) => number): S[][] {
  const groups: S[][] = [];
  const open = new Map<string, { group: S[]; end: number }>();
  for (const span of [...spans].sort((a, b) => a.from_s - b.from_s)) {
    const start = place(span.from_s);
    const end = Math.max(place(span.to_s), start + SPAN_PX_MIN);
    const last = open.get(span.kind);
    if (last !== undefined && start < last.end + BETWEEN_PX) {
      last.group.push(span);
      last.end = Math.max(last.end, end);
    } else {
      const group = [span];
      groups.push(group);
      open.set(span.kind, { group, end });
    }
  }
  return groups;
}
