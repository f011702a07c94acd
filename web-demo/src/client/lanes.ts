// Lanes of measurements on their way to the server: what a lane is, the column-wise document `lanes1` of
// docs/protocol.md, and its deflated form `lanes1z`. Pure but for the browser's own deflate.

/** Lanes that a page fills, named as in docs/diagnosis.md. */
export type LaneName =
  | 'player'
  | 'segments'
  | 'picture'
  | 'device'
  | 'preflights'
  | 'viewer_up'
  | 'viewer_down'
  | 'agent_down'
  | 'agent_up'
  | 'agent_device'
  | 'surface'
  | 'marks';

/** Lanes of events, several a second, each at its own time; all others hold one sample a second. */
export const EVENT_LANES: ReadonlySet<LaneName> = new Set(['segments', 'preflights', 'marks']);

/** One second of measurements, or an event. `t`: ms of the server's clock, of a sample a whole second. */
export interface Sample {
  readonly t: number;
  readonly [member: string]: unknown;
}

/** Samples by lane, each lane in the order of its times. */
export type Lanes = Partial<Record<LaneName, readonly Sample[]>>;

/** The same value in every row. */
interface Constant {
  k: unknown;
}
/** Numbers as differences of value × 10^S to the last that is not absent. */
interface Differences {
  d: (number | null)[];
  s?: number;
}
/** Anything else, as it is. */
interface Values {
  v: unknown[];
}
/** A column of the document. */
export type Column = Constant | Differences | Values;
/** The document of codec `lanes1`. */
export interface LanesDocument {
  lanes: Record<string, { n: number; c: Record<string, Column> }>;
}

/** Most decimals that are kept. */
const DECIMALS_MAX = 6;
/** Rows of a lane and columns of a lane that a document may have (docs/protocol.md). */
export const ROWS_MAX = 2_000;
const COLUMNS_MAX = 200;
/** How deep members may lie in one another: `video.bytesSent` is 2. */
const DEPTH_MAX = 3;

/** The document of some lanes. Rows beyond the bound are left out, the oldest first. */
export function encodeLanes(lanes: Lanes): LanesDocument {
  const document: LanesDocument = { lanes: {} };
  for (const [name, samples] of Object.entries(lanes)) {
    if (!samples?.length) continue;
    const rows = samples.slice(-ROWS_MAX);
    document.lanes[name] = { n: rows.length, c: encodeRows(rows) };
  }
  return document;
}

function encodeRows(rows: readonly Sample[]): Record<string, Column> {
  const columns = new Map<string, unknown[]>();
  rows.forEach((row, at) => {
    walk(row, '', 0, (path, value) => {
      let column = columns.get(path);
      if (!column) {
        if (columns.size >= COLUMNS_MAX) return;
        column = new Array<unknown>(rows.length).fill(null);
        columns.set(path, column);
      }
      column[at] = value;
    });
  });
  return Object.fromEntries([...columns].map(([path, values]) => [path, encodeColumn(values)]));
}

/** Visits what a row holds, nested members by their path. What is absent, null or not finite is not visited. */
function walk(from: object, prefix: string, depth: number, visit: (path: string, value: unknown) => void): void {
  for (const [name, value] of Object.entries(from)) {
    if (value === null || value === undefined) continue;
    if (typeof value === 'object' && !Array.isArray(value)) {
      if (depth + 1 < DEPTH_MAX) walk(value, `${prefix}${name}.`, depth + 1, visit);
    } else if (typeof value !== 'number') visit(prefix + name, value);
    else if (Number.isFinite(value)) visit(prefix + name, rounded(value, DECIMALS_MAX));
  }
}

function rounded(value: number, decimals: number): number {
  const scaled = value * 10 ** decimals;
  // Large numbers keep as many decimals as their scaled value can hold exactly.
  if (Math.abs(scaled) > Number.MAX_SAFE_INTEGER) return decimals === 0 ? value : rounded(value, decimals - 1);
  return Math.round(scaled) / 10 ** decimals;
}

function encodeColumn(values: readonly unknown[]): Column {
  const [first] = values;
  if (first !== null && values.every((value) => value === first)) return { k: first };
  return differences(values) ?? { v: [...values] };
}

function differences(values: readonly unknown[]): Differences | null {
  let decimals = 0;
  for (const value of values) {
    if (value === null) continue;
    if (typeof value !== 'number') return null;
    while (decimals < DECIMALS_MAX && rounded(value, decimals) !== value) decimals += 1;
    if (rounded(value, decimals) !== value) return null;
  }
  const scale = 10 ** decimals;
  let last = 0;
  const d: (number | null)[] = [];
  for (const value of values) {
    if (value === null) {
      d.push(null);
      continue;
    }
    const scaled = Math.round((value as number) * scale);
    if (!Number.isSafeInteger(scaled) || !Number.isSafeInteger(scaled - last)) return null;
    d.push(scaled - last);
    last = scaled;
  }
  return decimals === 0 ? { d } : { d, s: decimals };
}

/** Lanes as they are put into a block. */
export interface Packed {
  codec: 'lanes1' | 'lanes1z';
  bytes: Uint8Array;
}

/** Packs at once, not deflated: for a page that is going away. */
export function packPlain(lanes: Lanes): Packed {
  return { codec: 'lanes1', bytes: new TextEncoder().encode(JSON.stringify(encodeLanes(lanes))) };
}

/** Packs deflated where the browser can. */
export async function pack(lanes: Lanes): Promise<Packed> {
  const plain = packPlain(lanes);
  try {
    const deflated = new Blob([plain.bytes as BlobPart]).stream().pipeThrough(new CompressionStream('deflate-raw'));
    return { codec: 'lanes1z', bytes: new Uint8Array(await new Response(deflated).arrayBuffer()) };
  } catch {
    // A browser without it, or without this format.
    return plain;
  }
}

/** Lanes with their times moved by `offsetMs`; samples to whole seconds, of two on one second the later stays. */
export function moved(lanes: Lanes, offsetMs: number): Lanes {
  const out: Lanes = {};
  for (const [lane, samples] of Object.entries(lanes) as [LaneName, readonly Sample[]][]) {
    if (EVENT_LANES.has(lane)) {
      out[lane] = samples.map((event) => ({ ...event, t: Math.round(event.t + offsetMs) }));
      continue;
    }
    const bySecond = new Map<number, Sample>();
    for (const sample of samples) {
      const t = Math.round((sample.t + offsetMs) / 1000) * 1000;
      bySecond.set(t, { ...sample, t });
    }
    out[lane] = [...bySecond.values()];
  }
  return out;
}

/** The same lanes in two halves by time; for what does not fit into one block. Null when there is but one row left. */
export function halves(lanes: Lanes): [Lanes, Lanes] | null {
  const times = Object.values(lanes).flatMap((samples) => samples.map(({ t }) => t));
  const sorted = times.sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined || sorted[0] === middle) return null;
  const part = (keep: (t: number) => boolean): Lanes =>
    Object.fromEntries(Object.entries(lanes).map(([name, samples]) => [name, samples.filter(({ t }) => keep(t))]));
  return [part((t) => t < middle), part((t) => t >= middle)];
}

/** The least time in some lanes; null when they are empty. */
export function firstTime(lanes: Lanes): number | null {
  const times = Object.values(lanes).flatMap((samples) => samples.map(({ t }) => t));
  return times.length === 0 ? null : times.reduce((least, t) => Math.min(least, t));
}
