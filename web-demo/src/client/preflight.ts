// Measures the viewer's line itself, without the player: echoes of datagrams with the server, its rate, its round trip under
// load, and a second's fetch from the host that the player uses. A light one of at most 3 s and 300 KB when the chat opens, a
// long one of at most 8 s when somebody asks for it.

import type { Connection } from './connection.ts';
import { type Rate, type Timed, timedFetch } from './download-rate.ts';
import { type EchoFacts, EchoTrain, runEchoes } from './echo-train.ts';
import type { PreflightKind, PreflightResult } from './preflight-result.ts';
import { offerPreflight } from './signaling.ts';
import { SLOTS } from './slots.ts';

/** How much of each, by kind. */
interface Plan {
  /** All of it, ms. */
  totalMs: number;
  /** Until the data channel is open, ms. */
  connectMs: number;
  /** Echoes with nothing else under way, ms. */
  idleMs: number;
  /** Fetches from our server at most, bytes of each, and ms of all of them. */
  fetches: number;
  lineBytes: number;
  lineMs: number;
  /** From the player's host, bytes and ms. */
  hostBytes: number;
  hostMs: number;
  /** No answer of the host within that time is a finding. */
  patient: boolean;
}

const PLANS: Record<PreflightKind, Plan> = {
  // 50 echoes make 10 KB, with everything around them; with the fetches 260 KB at most.
  light: {
    totalMs: 2_900,
    connectMs: 1_100,
    idleMs: 1_000,
    fetches: 1,
    lineBytes: 150_000,
    lineMs: 450,
    hostBytes: 100_000,
    hostMs: 350,
    patient: false,
  },
  // Echoes and nothing else, on a line that took too long for the light one: 20 KB.
  patient: {
    totalMs: 7_900,
    connectMs: 5_400,
    idleMs: 2_000,
    fetches: 0,
    lineBytes: 0,
    lineMs: 0,
    hostBytes: 0,
    hostMs: 0,
    patient: false,
  },
  long: {
    totalMs: 7_900,
    connectMs: 3_400,
    idleMs: 2_400,
    fetches: 4,
    lineBytes: 300_000,
    lineMs: 2_000,
    hostBytes: 1_000_000,
    hostMs: 1_000,
    patient: true,
  },
};
/** A light fetch is over so long before the player's buffer would be, s: it never makes a player stall. */
const BUFFER_LEFT_S = 0.2;
/** With less than this ahead the player stands still already, and what holds it up is what the fetch is to find, s. */
const EMPTY_S = 0.1;
/** Echoes that are still under way when the last was sent are waited for, ms. */
const STRAGGLERS_MS = 250;
/** A download measured over fewer round trips than this may have waited for the sender and not for the line. */
const ROUND_TRIPS_MIN = 3;
/** With more loss than this a host's first byte, its rate and its silence are a matter of luck, and say nothing of it. */
const LOSS_MAX = 0.03;
/** A rate that may be the sender's is told when it is so many times what the stream needs, or above the second figure, kbit/s. */
const NEEDS_TIMES = 2.5;
const PLENTY_KBPS = 10_000;

/** Datagrams count as kept out when none came for so long after the answer, or for so many round trips of the socket. */
const UNREACHABLE_MS = 700;
const UNREACHABLE_ROUND_TRIPS = 4;

/** The newest piece of media that the player fetched. */
export interface MediaPiece {
  url: string;
  /** Scripts of this page may read its answer. */
  readable: boolean;
}

/** What a preflight needs. */
export interface PreflightOptions {
  kind: PreflightKind;
  connection: Connection;
  /** Origin of our server. */
  server: string;
  /** The newest piece that the player fetched; null when there is none. Asked when its host's turn comes. */
  media: () => MediaPiece | null;
  /** Called before a piece is fetched from there. */
  fetching: (url: string) => void;
  /** Media that the player has ahead, s; null when nothing plays. */
  bufferedAheadS: () => number | null;
  /** What the stream needs, kbit/s; null while unknown. */
  needsKbps: number | null;
  /** The person saves data. */
  saveData: boolean;
}

/** Runs one. `null`: nothing could be measured at all. Never throws. */
export async function runPreflight(options: PreflightOptions): Promise<PreflightResult | null> {
  const plan = PLANS[options.kind];
  const endMs = performance.now() + plan.totalMs;
  const line = await EchoLine.open(options.connection, plan.connectMs);
  const train = new EchoTrain(Math.random() * 2 ** 32);
  let stop = () => {};
  try {
    if (line.channel) {
      line.onMessage = (message) => train.take(message, performance.now());
      stop = runEchoes(line.channel, train);
      await pause(Math.min(plan.idleMs, left(endMs) - plan.lineMs - plan.hostMs));
    }
    const loadedFrom = train.sent;
    const rttMs = train.rttMs();
    const fetched = await fetches(options, plan, endMs, rttMs);
    stop();
    if (line.channel) await pause(Math.min(STRAGGLERS_MS, left(endMs)));
    const idleRtt = train.rttMs(0, loadedFrom) ?? rttMs;
    const loadedRttMs = fetched.loaded ? train.rttMs(loadedFrom) : null;
    // What our own fetches push out of a thin line's queue is no loss of the line.
    const directions = train.directions(loadedFrom) ?? train.directions();
    return resultOf(line, directions, idleRtt, loadedRttMs, fetched);
  } finally {
    stop();
    line.close();
  }
}

interface Fetched {
  line: Rate | null;
  host: (Timed & { name: string; answered: boolean }) | null;
  /** Enough came to load the line. */
  loaded: boolean;
}

async function fetches(options: PreflightOptions, plan: Plan, endMs: number, rttMs: number | null): Promise<Fetched> {
  const scale = options.saveData ? 0.5 : 1;
  const allowedMs = (wantedMs: number) => {
    const ahead = options.bufferedAheadS();
    if (options.kind === 'long' || ahead === null || ahead < EMPTY_S) return wantedMs;
    return Math.min(wantedMs, (ahead - BUFFER_LEFT_S) * 1_000);
  };
  const rates: Rate[] = [];
  const lineEndMs = Math.min(performance.now() + plan.lineMs, endMs - plan.hostMs);
  const bytes = Math.round(plan.lineBytes * scale);
  for (let n = 0; n < plan.fetches; n++) {
    const forMs = allowedMs(left(lineEndMs));
    if (forMs <= 0) break;
    const { rate } = await timedFetch(`${options.server}/api/v1/probe/${bytes}`, {}, bytes, forMs, rttMs);
    if (rate) rates.push(rate);
  }
  const hostMs = plan.hostMs > 0 ? allowedMs(left(endMs)) : 0;
  const media = hostMs > 0 ? options.media() : null;
  if (media) options.fetching(media.url);
  const host = media ? await fetchHost(media, plan, scale, hostMs, rttMs) : null;
  return {
    line: trusted(surest(rates), rttMs, options.needsKbps),
    host: host && { ...host, rate: trusted(host.rate, rttMs, options.needsKbps) },
    loaded: rates.length > 0,
  };
}

/** What was measured over the longest time; where nothing was, the most that was seen to go through. */
function surest(rates: readonly Rate[]): Rate | null {
  const better = (a: Rate, b: Rate) => {
    if (a.atLeast !== b.atLeast) return a.atLeast ? b : a;
    return (a.atLeast ? a.kbps >= b.kbps : a.overMs >= b.overMs) ? a : b;
  };
  return rates.length === 0 ? null : rates.reduce(better);
}

/** Where the rate may be that of the sender's start or of a wait, it is told only as far as it says that there is enough. */
function trusted(rate: Rate | null, rttMs: number | null, needsKbps: number | null): Rate | null {
  if (!rate) return null;
  if (!rate.atLeast && (rttMs === null || rate.overMs >= ROUND_TRIPS_MIN * rttMs)) return rate;
  return rate.kbps >= PLENTY_KBPS || (needsKbps !== null && rate.kbps >= NEEDS_TIMES * needsKbps) ? rate : null;
}

/**
 * The beginning of the player's newest piece, again. A host that lets no script read it still tells when it answers; to try
 * would write an error into the host page's console.
 */
async function fetchHost(
  { url, readable }: MediaPiece,
  plan: Plan,
  scale: number,
  leftMs: number,
  rttMs: number | null,
): Promise<Fetched['host']> {
  const name = new URL(url).host;
  const bytes = Math.round(plan.hostBytes * scale);
  // The light one takes what time is left: a host that has not answered by then may still do so soon.
  const forMs = plan.patient ? Math.min(plan.hostMs, leftMs) : leftMs;
  const init: RequestInit = readable ? { headers: { range: `bytes=0-${bytes - 1}` } } : { mode: 'no-cors' };
  const timed = await timedFetch(url, init, readable ? bytes : 0, forMs, rttMs);
  const nothing = timed.ttfbMs === null && !timed.failed;
  return nothing && !plan.patient ? null : { ...timed, name, answered: timed.ttfbMs !== null };
}

function resultOf(
  { reachable }: EchoLine,
  directions: Pick<EchoFacts, 'up' | 'down'> | null,
  rttMs: number | null,
  loadedRttMs: number | null,
  { line, host }: Fetched,
): PreflightResult | null {
  const lossy = Math.max(directions?.up.loss ?? 0, directions?.down.loss ?? 0) > LOSS_MAX;
  const result: PreflightResult = {
    ...(reachable !== null && { udpReachable: reachable }),
    ...(rttMs !== null && { rttMs: round1(rttMs) }),
    ...(loadedRttMs !== null && { loadedRttMs: round1(loadedRttMs) }),
    ...directions,
    ...(line && { lineKbps: Math.round(line.kbps) }),
    ...(host &&
      (!lossy || host.answered) && { fetch: hostFacts(lossy ? { ...host, rate: null, ttfbMs: null } : host) }),
  };
  return Object.keys(result).length === 0 ? null : result;
}

function hostFacts({ name, ttfbMs, rate, status, failed, answered }: NonNullable<Fetched['host']>) {
  return {
    host: name,
    ...(ttfbMs !== null && { ttfbMs: round1(ttfbMs) }),
    ...(rate && { kbps: Math.round(rate.kbps) }),
    ...(status !== null && { status }),
    ...(failed && { error: 'network' as const }),
    // Its time was over before an answer came.
    ...(!failed && !answered && { error: 'timeout' as const }),
  };
}

/** A connection with the server for echoes alone. */
class EchoLine {
  onMessage: (message: ArrayBuffer) => void = () => {};
  /** The open channel; null when there is none. */
  channel: RTCDataChannel | null = null;
  /** Whether datagrams get through; null when that could not be tried. */
  reachable: boolean | null = null;
  readonly #connection: Connection;
  #pc: RTCPeerConnection | null = null;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Opens one within `forMs`, or finds out that it cannot be. */
  static async open(connection: Connection, forMs: number): Promise<EchoLine> {
    const line = new EchoLine(connection);
    if (typeof RTCPeerConnection === 'undefined') return line;
    const endMs = performance.now() + forMs;
    try {
      const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      line.#pc = pc;
      // The server takes no other offer; nothing is put on them.
      for (const { kind, direction } of SLOTS) pc.addTransceiver(kind, { direction });
      const channel = pc.createDataChannel('fast', { ordered: false, maxRetransmits: 0 });
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => data instanceof ArrayBuffer && line.onMessage(data);
      const opened = new Promise<boolean>((done) => {
        channel.onopen = () => done(true);
        setTimeout(() => done(false), forMs);
      });
      const offer = await pc.createOffer();
      await pc.setLocalDescription(offer);
      const sdp = await Promise.race([offerPreflight(connection, offer.sdp ?? ''), pause(left(endMs))]);
      // No answer of the server's says nothing about datagrams.
      if (sdp === undefined) return line;
      const answeredMs = performance.now();
      await pc.setRemoteDescription({ type: 'answer', sdp });
      if (await opened) line.channel = channel;
      // A handshake that is slow on a line with loss is not one that gets no datagram through.
      if (line.channel || /^(?:connected|completed)$/.test(pc.iceConnectionState)) line.reachable = true;
      else if (performance.now() - answeredMs >= patienceMs(connection)) line.reachable = false;
    } catch {
      // Refused, or the browser forbids connections: nothing is known.
    }
    return line;
  }

  close(): void {
    if (!this.#pc) return;
    this.#pc.close();
    this.#pc = null;
    this.#connection.send({ t: 'preflight_close' });
  }
}

function patienceMs({ clock }: Connection): number {
  return Math.max(UNREACHABLE_MS, UNREACHABLE_ROUND_TRIPS * (clock.rttMs() ?? Number.POSITIVE_INFINITY));
}

function left(endMs: number): number {
  return Math.max(0, endMs - performance.now());
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, Math.max(0, ms)));
}

function round1(ms: number): number {
  return Math.round(ms * 10) / 10;
}
