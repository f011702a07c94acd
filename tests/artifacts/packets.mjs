// Packets of a transport stream lost as networks lose them: in bursts (Gilbert's model).

import { readFileSync, writeFileSync } from 'node:fs';
import { random } from './random.mjs';

/** Bytes of a packet of an MPEG transport stream. */
const PACKET = 188;
/** Such packets in a datagram, as they are sent. */
const DATAGRAM = 7;
/** The video's packet identifier, as ffmpeg numbers it. */
const VIDEO = 256;

/** Loses datagrams of a stream: `loss` of all, in bursts of `burst` on average. The first ones come through. */
export function loseDatagrams(from, to, seed, { loss, burst }) {
  const bytes = readFileSync(from);
  const next = random(seed);
  const out = 1 / burst;
  const into = (loss * out) / (1 - loss);
  const kept = [];
  let bad = false;
  for (let at = 0, n = 0; at < bytes.length; at += PACKET * DATAGRAM, n++) {
    bad = bad ? next() >= out : next() < into;
    const datagram = bytes.subarray(at, at + PACKET * DATAGRAM);
    if (!bad || n < 20) kept.push(datagram);
    else kept.push(withoutVideo(datagram));
  }
  writeFileSync(to, Buffer.concat(kept));
}

/** What is left of a datagram: its tables, so that the stream is still found. */
function withoutVideo(datagram) {
  const kept = [];
  for (let at = 0; at + PACKET <= datagram.length; at += PACKET) {
    const id = ((datagram[at + 1] & 0x1f) << 8) | datagram[at + 2];
    if (id !== VIDEO) kept.push(datagram.subarray(at, at + PACKET));
  }
  return Buffer.concat(kept);
}
