// Call samples: one reading of `getStats` a second, cut to the members of docs/protocol.md.

import type { BlockSender, Sample } from './blocks.ts';
import type { ServerClock } from './clock.ts';
import { SecondTicker } from './ticker.ts';

const PAIR = ['currentRoundTripTime', 'availableOutgoingBitrate', 'availableIncomingBitrate'] as const;
const OUTBOUND = [
  'frameWidth',
  'frameHeight',
  'framesPerSecond',
  'framesEncoded',
  'framesSent',
  'keyFramesEncoded',
  'bytesSent',
  'packetsSent',
  'retransmittedPacketsSent',
  'nackCount',
  'pliCount',
  'firCount',
  'qpSum',
  'totalEncodeTime',
  'targetBitrate',
  'qualityLimitationReason',
  'encoderImplementation',
  'powerEfficientEncoder',
] as const;
const REMOTE_INBOUND = ['roundTripTime', 'fractionLost', 'packetsLost', 'jitter'] as const;
const INBOUND = [
  'frameWidth',
  'frameHeight',
  'framesPerSecond',
  'framesReceived',
  'framesDecoded',
  'framesDropped',
  'keyFramesDecoded',
  'bytesReceived',
  'packetsReceived',
  'packetsLost',
  'packetsDiscarded',
  'jitter',
  'jitterBufferDelay',
  'jitterBufferEmittedCount',
  'nackCount',
  'pliCount',
  'firCount',
  'freezeCount',
  'totalFreezesDuration',
  'pauseCount',
  'totalPausesDuration',
  'qpSum',
  'totalDecodeTime',
  'totalInterFrameDelay',
  'decoderImplementation',
  'powerEfficientDecoder',
] as const;
const AUDIO_OUT = ['bytesSent', 'packetsSent', 'nackCount'] as const;
const AUDIO_IN = [
  'bytesReceived',
  'packetsReceived',
  'packetsLost',
  'jitter',
  'concealedSamples',
  'totalSamplesReceived',
] as const;

/** How long the last reading may take, ms. */
const LAST_READING_MS = 300;

/** One entry of a report, as the browser gives it. */
type Row = { id: string; type: string } & Record<string, unknown>;
/** A report: a map by id. `RTCStatsReport` has this shape. */
export type StatsRows = ReadonlyMap<string, unknown>;
/** Which end of the call. */
export type CallLeg = 'viewer_up' | 'agent_down';

/** A call sample of a report. `mid` is the m-line of the shared picture; without it `video` is absent. */
export function callSample(t: number, report: StatsRows, leg: CallLeg, mid: string | null): Sample {
  const rows = [...report.values()] as Row[];
  const sample: Record<string, unknown> & { t: number } = { t };
  const pair = pairOf(rows, report);
  if (pair) sample.pair = pair;
  const type = leg === 'viewer_up' ? 'outbound-rtp' : 'inbound-rtp';
  const streams = rows.filter((row) => row.type === type);
  const video = streams.filter((row) => row.kind === 'video' && row.mid === mid).sort(byWidth)[0];
  if (video) sample.video = { ...codecOf(video, report), ...picked(video, leg === 'viewer_up' ? OUTBOUND : INBOUND) };
  if (video && leg === 'viewer_up') Object.assign(sample.video as object, remoteOf(video, report));
  const audio = streams.find((row) => row.kind === 'audio' && isActive(row));
  if (audio) sample.audio = { ...codecOf(audio, report), ...picked(audio, leg === 'viewer_up' ? AUDIO_OUT : AUDIO_IN) };
  return sample;
}

/** The widest encoding first: with several, it is the picture that the agent is meant to see. */
function byWidth(a: Row, b: Row): number {
  return Number(b.frameWidth ?? 0) - Number(a.frameWidth ?? 0);
}

function isActive(row: Row): boolean {
  return Number(row.packetsSent ?? row.packetsReceived ?? 0) > 0;
}

function pairOf(rows: Row[], report: StatsRows): Record<string, unknown> | null {
  const transport = rows.find((row) => row.type === 'transport' && typeof row.selectedCandidatePairId === 'string');
  const pair = (report.get(String(transport?.selectedCandidatePairId)) ??
    rows.find((row) => row.type === 'candidate-pair' && row.nominated === true && row.state === 'succeeded')) as
    | Row
    | undefined;
  if (!pair) return null;
  const local = report.get(String(pair.localCandidateId)) as Row | undefined;
  const remote = report.get(String(pair.remoteCandidateId)) as Row | undefined;
  return {
    ...picked(pair, PAIR),
    ...(local ? picked(local, ['protocol', 'relayProtocol']) : {}),
    ...(local?.candidateType === undefined ? {} : { localCandidateType: local.candidateType }),
    ...(remote?.candidateType === undefined ? {} : { remoteCandidateType: remote.candidateType }),
  };
}

function codecOf(stream: Row, report: StatsRows): Record<string, unknown> {
  const codec = report.get(String(stream.codecId)) as Row | undefined;
  return codec?.mimeType === undefined ? {} : { mimeType: codec.mimeType };
}

function remoteOf(stream: Row, report: StatsRows): Record<string, unknown> {
  const remote = report.get(String(stream.remoteId)) as Row | undefined;
  return remote ? picked(remote, REMOTE_INBOUND) : {};
}

/** Members that were measured; the others stay absent. */
function picked(row: Row, names: readonly string[]): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name of names) if (row[name] !== undefined && row[name] !== null) out[name] = row[name];
  return out;
}

/** What a collector needs. */
export interface StatsOptions {
  pc: RTCPeerConnection;
  leg: CallLeg;
  /** `mid` of the shared picture, asked at each reading, since it may not be assigned yet. */
  mid: () => string | null;
  clock: ServerClock;
  blocks: BlockSender;
  /** Sees each sample too, for the screen. */
  onSample?: (sample: Sample) => void;
}

/** Reads a call's statistics every second until stopped. */
export class StatsCollector {
  readonly #options: StatsOptions;
  readonly #ticker: SecondTicker;
  #reading: Promise<void> = Promise.resolve();
  #lastRead: { atMs: number; report: StatsRows } | null = null;

  constructor(options: StatsOptions) {
    this.#options = options;
    this.#ticker = new SecondTicker({
      nowMs: () => options.clock.nowMs(),
      whileHidden: true,
      onSecond: (second) => {
        // In order even if a reading takes longer than a second.
        this.#reading = this.#reading.then(() => this.#read(second));
      },
    });
  }

  /** Starts. */
  start(): void {
    this.#ticker.start();
  }

  /** Stops and sends what is there. A reading under way is waited for, but not for ever. */
  async stop(): Promise<void> {
    this.#ticker.stop();
    await Promise.race([this.#reading, new Promise((done) => setTimeout(done, LAST_READING_MS))]);
    this.#options.blocks.finish();
  }

  async #read(second: number): Promise<void> {
    const { pc, leg, mid, clock, blocks, onSample } = this.#options;
    try {
      const report: StatsRows = await pc.getStats();
      this.#lastRead = { atMs: clock.nowMs(), report };
    } catch {
      // A connection being closed may refuse; the last reading stands for this second if it is of it.
    }
    if (!this.#lastRead || this.#lastRead.atMs < second) return;
    const sample = callSample(second, this.#lastRead.report, leg, mid());
    blocks.push(sample);
    onSample?.(sample);
  }
}
