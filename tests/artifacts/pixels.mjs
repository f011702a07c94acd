// Damage done to frames themselves: what decoders and screens do, drawn.

import { random } from './random.mjs';

/** The planes of an I420 frame. */
function planes(frame, { width, height }) {
  const [size, quarter] = [width * height, (width * height) / 4];
  return [
    { bytes: frame.subarray(0, size), width, height, scale: 1 },
    { bytes: frame.subarray(size, size + quarter), width: width / 2, height: height / 2, scale: 2 },
    { bytes: frame.subarray(size + quarter), width: width / 2, height: height / 2, scale: 2 },
  ];
}

/** Rows `from` to `to` of luma, and of chroma what belongs to them. */
function eachRow(frame, size, from, to, change) {
  for (const { bytes, width, height, scale } of planes(frame, size)) {
    const [first, last] = [Math.floor(from / scale), Math.min(height, Math.floor(to / scale))];
    for (let y = first; y < last; y++) change(bytes.subarray(y * width, (y + 1) * width), scale);
  }
}

/** Rows of blocks in which, from some column on, the last pixel is repeated: a slice that was lost. */
export function smears(size, seed, bands) {
  const next = random(seed);
  const places = Array.from({ length: bands }, () => ({
    y: 16 * Math.floor((next() * (size.height - 32)) / 16),
    rows: 16 * (1 + Math.floor(next() * 2)),
    x: Math.floor(next() * 0.3 * size.width) & ~15,
  }));
  return (frame) => {
    for (const { y, rows, x } of places) {
      eachRow(frame, size, y, y + rows, (row, scale) => row.fill(row[Math.floor(x / scale)], Math.floor(x / scale)));
    }
    return frame;
  };
}

/** Rows of blocks that are shifted sideways. */
export function shifts(size, seed, bands) {
  const next = random(seed);
  const places = Array.from({ length: bands }, () => ({
    y: 8 * Math.floor((next() * (size.height - 48)) / 8),
    rows: 8 * (1 + Math.floor(next() * 4)),
    by: (next() < 0.5 ? -1 : 1) * 2 * Math.round(6 + next() * 30),
  }));
  return (frame) => {
    for (const { y, rows, by } of places) {
      eachRow(frame, size, y, y + rows, (row, scale) => {
        const copy = row.slice();
        const shift = by / scale;
        for (let x = 0; x < row.length; x++) row[x] = copy[(x + shift + row.length) % row.length];
      });
    }
    return frame;
  };
}

/** Bars of one colour all across. */
export function bars(size, seed, count) {
  const next = random(seed);
  const places = Array.from({ length: count }, () => ({
    y: 4 * Math.floor((next() * (size.height - 16)) / 4),
    rows: 4 * (1 + Math.floor(next() * 3)),
    colour: [40 + next() * 180, 60 + next() * 140, 60 + next() * 140],
  }));
  return (frame) => {
    for (const { y, rows, colour } of places) {
      let plane = 0;
      for (const { bytes, width, scale } of planes(frame, size)) {
        bytes.fill(colour[plane++], Math.floor(y / scale) * width, Math.floor((y + rows) / scale) * width);
      }
    }
    return frame;
  };
}

/** Above a row the frame, below it the one before, or the other way about; the row stands or wanders. */
export function tears(size, seed, { wanders, newerBelow }) {
  const next = random(seed);
  const stands = Math.floor((0.25 + 0.5 * next()) * size.height) & ~1;
  let before = null;
  return (frame) => {
    const kept = frame.slice();
    const row = wanders ? Math.floor((0.1 + 0.8 * next()) * size.height) & ~1 : stands;
    if (before) {
      const older = planes(before, size);
      planes(frame, size).forEach(({ bytes, width, scale }, n) => {
        const at = Math.floor(row / scale) * width;
        if (newerBelow) bytes.set(older[n].bytes.subarray(0, at));
        else bytes.set(older[n].bytes.subarray(at), at);
      });
    }
    before = kept;
    return frame;
  };
}

/** Planes that nobody wrote, from a row on; `share` of the frames. */
export function unwritten(size, seed, from, share) {
  const next = random(seed);
  return (frame) => {
    if (next() < share) {
      const row = Math.floor(from * size.height) & ~15;
      for (const { bytes, width, scale } of planes(frame, size)) bytes.fill(0, Math.floor(row / scale) * width);
    }
    return frame;
  };
}

/** Chroma that nobody wrote. */
export function colourless(size) {
  return (frame) => {
    const [, u, v] = planes(frame, size);
    u.bytes.fill(0);
    v.bytes.fill(0);
    return frame;
  };
}
