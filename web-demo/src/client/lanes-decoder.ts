// Reads `lanes1` documents as docs/protocol.md describes them. For tests: written from the description, not from the encoder.

import { inflateRawSync } from 'node:zlib';

type Row = Record<string, unknown>;

/** Rows by lane of a block's bytes in base64. */
export function decodeBlock(codec: string, base64: string): Record<string, Row[]> {
  const bytes = Buffer.from(base64, 'base64');
  return decodeLanes((codec === 'lanes1z' ? inflateRawSync(bytes) : bytes).toString());
}

/** Rows by lane of a document's text. */
export function decodeLanes(text: string): Record<string, Row[]> {
  const { lanes } = JSON.parse(text) as { lanes: Record<string, { n: number; c: Record<string, Row> }> };
  return Object.fromEntries(Object.entries(lanes).map(([name, { n, c }]) => [name, rowsOf(n, c)]));
}

function rowsOf(n: number, columns: Record<string, Row>): Row[] {
  const rows: Row[] = Array.from({ length: n }, () => ({}));
  for (const [path, column] of Object.entries(columns)) {
    const values = valuesOf(column, n);
    if (values.length !== n) throw new Error(`${path} has ${values.length} rows of ${n}`);
    values.forEach((value, at) => {
      const row = rows[at];
      if (row && value !== null) put(row, path.split('.'), value);
    });
  }
  return rows;
}

function valuesOf({ k, d, s, v }: Row, n: number): unknown[] {
  if (k !== undefined) return new Array<unknown>(n).fill(k);
  if (Array.isArray(v)) return v;
  let sum = 0;
  return (d as (number | null)[]).map((step) => {
    if (step === null) return null;
    if (!Number.isInteger(step)) throw new Error(`${step} is no integer`);
    sum += step;
    return sum / 10 ** Number(s ?? 0);
  });
}

function put(row: Row, [first, ...rest]: string[], value: unknown): void {
  if (first === undefined) return;
  if (rest.length === 0) {
    row[first] = value;
    return;
  }
  const inner = (row[first] ?? {}) as Row;
  row[first] = inner;
  put(inner, rest, value);
}
