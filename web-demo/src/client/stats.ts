// Call samples: one reading of `getStats` a second, cut to the members of docs/protocol.md, both directions of one end.

import type { BlockSender } from './blocks.ts';
import type { ServerClock } from './clock.ts';
import type { Sample } from './lanes.ts';
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
  'estimatedPlayoutTimestamp',
] as const;
const AUDIO_OUT = ['bytesSent', 'packetsSent', 'nackCount'] as const;
const AUDIO_IN = [
  'bytesReceived',
  'packetsReceived',
  'packetsLost',
  'jitter',
  'concealedSamples',
  'silentConcealedSamples',
  'totalSamplesReceived',
  'estimatedPlayoutTimestamp',
] as const;

/** How long the last reading may take, ms. */
const LAST_READING_MS = 300;

/** One entry of a report, as the browser gives it. */
type Row = { id: string; type: string } & Record<string, unknown>;
/** A report: a map by id. `RTCStatsReport` has this shape. */
export type StatsRows = ReadonlyMap<string, unknown>;
/** One direction of one end of a call. */
export type CallLane = 'viewer_up' | 'viewer_down' | 'agent_up' | 'agent_down';
/** The two lanes of each end: first that of the shared picture. */
const LANES_OF = { viewer_up: ['viewer_up', 'viewer_down'], agent_down: ['agent_down', 'agent_up'] } as const;

/** A call sample of a report. `mid` is the m-line of the shared picture; without it `video` is absent. */
export function callSample(t: number, report: StatsRows, lane: CallLane, mid: string | null): Sample {
  const rows = [...report.values()] as Row[];
  const pair = pairOf(rows, report);
  const isMeant = (row: Row) => row.mid === mid;
  return { t, ...(pair && { pair }), ...streamsOf(rows, report, lane, isMeant) };
}

/** A sample of the way back, beside that of the shared picture: whatever is carried there. Null when nothing is. */
export function backSample(t: number, report: StatsRows, lane: CallLane): Sample | null {
  const streams = streamsOf([...report.values()] as Row[], report, lane, isActive);
  return Object.keys(streams).length === 0 ? null : { t, ...streams };
}

function streamsOf(rows: readonly Row[], report: StatsRows, lane: CallLane, isMeant: (row: Row) => boolean) {
  const sends = lane === 'viewer_up' || lane === 'agent_up';
  const streams = rows.filter((row) => row.type === (sends ? 'outbound-rtp' : 'inbound-rtp'));
  const video = streams.filter((row) => row.kind === 'video' && isMeant(row)).sort(byWidth)[0];
  const audio = streams.find((row) => row.kind === 'audio' && isActive(row));
  const stream = (row: Row, members: readonly string[]) => ({
    ...codecOf(row, report),
    ...picked(row, members),
    ...(sends ? remoteOf(row, report) : {}),
  });
  return {
    ...(video && { video: stream(video, sends ? OUTBOUND : INBOUND) }),
    ...(audio && { audio: stream(audio, sends ? AUDIO_OUT : AUDIO_IN) }),
  };
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
    ...(local ? picked(local, ['protocol', 'relayProtocol', 'networkType']) : {}),
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
  /** The lane of the shared picture at this end. */
  lane: keyof typeof LANES_OF;
  /** `mid` of the shared picture, asked at each reading, since it may not be assigned yet. */
  mid: () => string | null;
  clock: ServerClock;
  blocks: BlockSender;
  /** Sees each sample of the shared picture's lane too, for the screen. */
  onSample?: (sample: Sample) => void;
  /** Called at each second before it is put away, so that others may add their lanes to the same block. */
  onSecond?: (second: number) => void;
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
    const { pc, lane, mid, clock, blocks, onSample, onSecond } = this.#options;
    try {
      const report: StatsRows = await pc.getStats();
      this.#lastRead = { atMs: clock.nowMs(), report };
    } catch {
      // A connection being closed may refuse; the last reading stands for this second if it is of it.
    }
    onSecond?.(second);
    if (this.#lastRead && this.#lastRead.atMs >= second) {
      const { report } = this.#lastRead;
      const [there, back] = LANES_OF[lane];
      const sample = callSample(second, report, there, mid());
      blocks.push(there, sample);
      const returning = backSample(second, report, back);
      if (returning) blocks.push(back, returning);
      onSample?.(sample);
    }
    blocks.endSecond();
  }
}
