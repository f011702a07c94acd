import { expect, it } from 'vitest';
import { base64 } from './base64.ts';
import { encodeLanes, halves, type Lanes, moved, pack, packPlain, ROWS_MAX, type Sample } from './lanes.ts';
import { decodeBlock, decodeLanes } from './lanes-decoder.ts';
import { backSample, callSample } from './stats.ts';

/** A minute of a leg as sent, base64 included, may not be more: what rtcstats takes, gzipped (issue's mark), bytes. */
const LEG_BYTES_A_MINUTE = 45_000;

const through = (lanes: Lanes) => decodeLanes(JSON.stringify(encodeLanes(lanes)));

it('gives back every value, and what is absent stays absent', () => {
  const player: Sample[] = [
    { t: 1_700_000_000_000, currentTime: 1.25, waiting: false, stalls: 0, video: { bytesSent: 10, a: { b: 'x' } } },
    { t: 1_700_000_001_000, currentTime: 2.251, waiting: true, video: { bytesSent: 1_000_000_000_000 } },
    { t: 1_700_000_003_000, waiting: true, stalls: 3, reason: 'ü', video: { jitter: 0.000123 } },
  ];
  const marks: Sample[] = [{ t: 1_700_000_000_123, kind: 'hidden' }];
  expect(through({ player, marks })).toEqual({ player, marks });
});

it('leaves out null, undefined and what is no finite number', () => {
  const rows = [{ t: 1, a: null, b: undefined, c: Number.NaN, d: Number.POSITIVE_INFINITY, e: 0, f: false, g: '' }];
  expect(through({ device: rows })).toEqual({ device: [{ t: 1, e: 0, f: false, g: '' }] });
  expect(encodeLanes({ device: [], player: undefined as never })).toEqual({ lanes: {} });
});

it('keeps six decimals at most, fewer of numbers too large for them, and falls back where integers end', () => {
  const values = [0.1234567, -0.5, 3_900_000_000_000.123, 1e300, 2 ** 53, 5];
  const rows = values.map((value, n) => ({ t: n, value }));
  const kept = through({ device: rows }).device?.map(({ value }) => value);
  expect(kept).toEqual([0.123457, -0.5, 3_900_000_000_000.123, 1e300, 2 ** 53, 5]);
  const small = through({ device: [0.1234567, 2].map((value, t) => ({ t, value })) }).device;
  expect(small?.map(({ value }) => value)).toEqual([0.123457, 2]);
});

it('tells counters by their differences and what never changes once', () => {
  const document = encodeLanes({
    viewer_up: [1, 2, 3].map((n) => ({
      t: n * 1000,
      video: { framesSent: 30 * n, mimeType: 'video/VP8', jitter: n / 100 },
    })),
  });
  expect(document.lanes.viewer_up).toEqual({
    n: 3,
    c: {
      t: { d: [1000, 1000, 1000] },
      'video.framesSent': { d: [30, 30, 30] },
      'video.mimeType': { k: 'video/VP8' },
      'video.jitter': { d: [1, 1, 1], s: 2 },
    },
  });
});

it('is bounded in rows and columns, the newest rows kept', () => {
  const many = Array.from({ length: ROWS_MAX + 5 }, (_, n) => ({ t: n }));
  expect(through({ segments: many }).segments?.[0]).toEqual({ t: 5 });
  const wide = { t: 0, ...Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`m${n}`, n])) };
  expect(Object.keys(through({ device: [wide] }).device?.[0] ?? {})).toHaveLength(200);
});

it('is the same deflated', async () => {
  const lanes: Lanes = {
    player: Array.from({ length: 60 }, (_, n) => ({ t: n * 1000, currentTime: n + 0.017, stalls: 0 })),
  };
  const packed = await pack(lanes);
  expect(packed.codec).toBe('lanes1z');
  expect(decodeBlock(packed.codec, base64(packed.bytes))).toEqual(lanes);
  const plain = packPlain(lanes);
  expect(decodeBlock(plain.codec, base64(plain.bytes))).toEqual(lanes);
});

it("moves to the server's clock: samples to whole seconds, one a second, events to the millisecond", () => {
  const lanes = moved(
    {
      player: [
        { t: 1_000, n: 1 },
        { t: 2_000, n: 2 },
        { t: 2_010, n: 3 },
      ],
      marks: [{ t: 1_234, kind: 'hidden' }],
    },
    5_480,
  );
  expect(lanes).toEqual({
    player: [
      { t: 6_000, n: 1 },
      { t: 7_000, n: 3 },
    ],
    marks: [{ t: 6_714, kind: 'hidden' }],
  });
});

it('is cut in two by time until one moment is left', () => {
  const player = [1, 2, 3, 4].map((t) => ({ t }));
  expect(halves({ player, marks: [{ t: 4 }] })).toEqual([
    { player: [{ t: 1 }, { t: 2 }], marks: [] },
    { player: [{ t: 3 }, { t: 4 }], marks: [{ t: 4 }] },
  ]);
  expect(halves({ player: [{ t: 1 }], marks: [{ t: 1 }] })).toBeNull();
});

it("a call's viewer leg takes less than the mark, as sent", async () => {
  let sent = 0;
  for (let block = 0; block < 12; block++) {
    const seconds = [0, 1, 2, 3, 4].map((n) => block * 5 + n);
    const lanes: Lanes = {
      viewer_up: seconds.map((n) => callSample(t(n), report(n), 'viewer_up', '1')),
      viewer_down: seconds.flatMap((n) => backSample(t(n), report(n), 'viewer_down') ?? []),
    };
    const { codec, bytes } = await pack(lanes);
    const frame = {
      t: 'block',
      leg: 'viewer_up',
      call: 'c'.repeat(22),
      source: 's'.repeat(22),
      seq: block,
      t0_ms: t(block * 5),
      codec,
      bytes: base64(bytes),
    };
    sent += JSON.stringify(frame).length;
  }
  // 21,278 when this was written.
  expect(sent).toBeLessThan(LEG_BYTES_A_MINUTE);
});

const t = (second: number) => 1_795_393_200_000 + second * 1000;

/** Noise that is the same in every run. */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
}

/** A report as Chromium gives it in a call with screen, both voices and the agent's camera, counters at uneven steps. */
function report(n: number): Map<string, unknown> {
  const grow = (perSecond: number, salt: number) =>
    Array.from({ length: n + 1 }, (_, k) => Math.round(perSecond * (0.7 + 0.6 * noise(k * 31 + salt)))).reduce(
      (a, b) => a + b,
      0,
    );
  const seconds = (perSecond: number, salt: number) => grow(perSecond * 1e6, salt) / 1e6;
  const sending = (salt: number) => ({
    bytesSent: grow(260_000, salt),
    packetsSent: grow(260, salt + 1),
    retransmittedPacketsSent: grow(2, salt + 2),
    nackCount: grow(1, salt + 3),
  });
  const receiving = (salt: number) => ({
    bytesReceived: grow(60_000, salt),
    packetsReceived: grow(80, salt + 1),
    packetsLost: grow(1, salt + 2),
    jitter: Math.round(noise(n + salt) * 9_000) / 1e6,
    jitterBufferDelay: seconds(1.3, salt + 4),
    jitterBufferEmittedCount: grow(48_000, salt + 5),
    estimatedPlayoutTimestamp: 3_900_000_000_000 + t(n) / 1000 + Math.round(noise(n) * 1000),
  });
  const remote = (salt: number) => ({
    roundTripTime: Math.round(noise(n + salt) * 40_000) / 1e6,
    fractionLost: Math.round(noise(n + salt) * 3) / 256,
    packetsLost: grow(1, salt),
    jitter: Math.round(noise(n) * 1e5) / 9e6,
  });
  return new Map<string, unknown>(
    Object.entries({
      T: { type: 'transport', selectedCandidatePairId: 'P' },
      P: {
        type: 'candidate-pair',
        currentRoundTripTime: Math.round(noise(n) * 40) / 1000,
        availableOutgoingBitrate: 2_000_000 + grow(1e4, 9),
        localCandidateId: 'L',
        remoteCandidateId: 'R',
      },
      L: { type: 'local-candidate', protocol: 'udp', candidateType: 'host', networkType: 'wifi' },
      R: { type: 'remote-candidate', candidateType: 'host' },
      C: { type: 'codec', mimeType: 'video/VP8' },
      A: { type: 'codec', mimeType: 'audio/opus' },
      OV: {
        type: 'outbound-rtp',
        kind: 'video',
        mid: '1',
        codecId: 'C',
        remoteId: 'RV',
        frameWidth: 1280,
        frameHeight: 720,
        framesPerSecond: 28 + Math.round(noise(n) * 3),
        framesEncoded: grow(29, 1),
        framesSent: grow(29, 1),
        keyFramesEncoded: 1,
        ...sending(2),
        pliCount: 1,
        firCount: 0,
        qpSum: grow(700, 3),
        totalEncodeTime: seconds(0.21, 4),
        targetBitrate: 2_000_000 + Math.round(noise(n) * 1e5),
        qualityLimitationReason: noise(n) > 0.9 ? 'bandwidth' : 'none',
        encoderImplementation: 'libvpx',
        powerEfficientEncoder: false,
      },
      RV: { type: 'remote-inbound-rtp', ...remote(40) },
      OA: { type: 'outbound-rtp', kind: 'audio', mid: '0', codecId: 'A', remoteId: 'RA', ...sending(50) },
      RA: { type: 'remote-inbound-rtp', ...remote(60) },
      IV: {
        type: 'inbound-rtp',
        kind: 'video',
        mid: '5',
        codecId: 'C',
        frameWidth: 640,
        frameHeight: 480,
        framesPerSecond: 30,
        framesReceived: grow(30, 5),
        framesDecoded: grow(30, 5),
        framesDropped: grow(0.4, 6),
        keyFramesDecoded: 2,
        ...receiving(70),
        nackCount: grow(1, 8),
        pliCount: 0,
        firCount: 0,
        freezeCount: 0,
        totalFreezesDuration: 0,
        pauseCount: 0,
        totalPausesDuration: 0,
        qpSum: grow(900, 7),
        totalDecodeTime: seconds(0.05, 8),
        totalInterFrameDelay: seconds(1, 9),
        packetsDiscarded: 0,
        decoderImplementation: 'libvpx',
        powerEfficientDecoder: false,
      },
      IA: {
        type: 'inbound-rtp',
        kind: 'audio',
        mid: '3',
        codecId: 'A',
        ...receiving(90),
        concealedSamples: grow(60, 11),
        silentConcealedSamples: grow(10, 12),
        totalSamplesReceived: grow(48_000, 13),
      },
    }),
  );
}
