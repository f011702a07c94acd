import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { base64OfText, base64url, randomId } from './base64.ts';
import { BlockSender } from './blocks.ts';
import { ServerClock } from './clock.ts';
import { Connection } from './connection.ts';
import { FakeSockets } from './fake-socket.ts';
import { decodeBlock } from './lanes-decoder.ts';
import { backSample, callSample } from './stats.ts';
import { SecondTicker } from './ticker.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 10_400 });
  vi.stubGlobal('WebSocket', { OPEN: 1 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('base64', () => {
  it('is that of RFC 4648', () => {
    expect(base64OfText('f')).toBe('Zg==');
    expect(base64OfText('fü')).toBe('ZsO8');
    expect(base64url(new Uint8Array([0xfb, 0xff]))).toBe('-_8');
    expect(base64OfText('x'.repeat(100_000))).toHaveLength(133_336);
  });

  it('makes ids that differ and have the bits asked for', () => {
    expect(randomId(192)).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(randomId()).not.toBe(randomId());
  });
});

describe('the ticker', () => {
  it('ticks once for every whole second', () => {
    const seconds: number[] = [];
    const ticker = new SecondTicker({ nowMs: () => Date.now(), onSecond: (second) => seconds.push(second) });
    ticker.start();
    vi.advanceTimersByTime(3_000);
    expect(seconds).toEqual([11_000, 12_000, 13_000]);
    ticker.stop();
    vi.advanceTimersByTime(3_000);
    expect(seconds).toHaveLength(3);
  });

  it('gives a second that a busy page missed, leaves a hole after longer, and never repeats one', () => {
    const seconds: number[] = [];
    let now = 10_400;
    const ticker = new SecondTicker({ nowMs: () => now, onSecond: (second) => seconds.push(second) });
    ticker.start();
    now = 12_300;
    vi.advanceTimersByTime(700);
    expect(seconds).toEqual([11_000, 12_000]);
    now = 17_100;
    vi.advanceTimersByTime(800);
    expect(seconds).toEqual([11_000, 12_000, 17_000]);
    now = 16_500;
    vi.advanceTimersByTime(1_000);
    expect(seconds).toEqual([11_000, 12_000, 17_000]);
    ticker.stop();
  });
});

describe('telemetry blocks', () => {
  function connected() {
    const sockets = new FakeSockets();
    const connection = new Connection({
      url: 'ws://test/ws',
      hello: () => ({ t: 'hello_agent', v: 1, lang: '' }),
      openSocket: sockets.open,
      clock: new ServerClock(() => Date.now()),
      random: () => 0.5,
    });
    const welcome = () => {
      sockets.last.accept();
      sockets.last.say({
        t: 'welcome',
        v: 1,
        server_ms: 0,
        boot: '',
        session: 's',
        name: '',
        agents_online: 0,
        video_codecs: [],
      });
    };
    connection.open();
    welcome();
    return { sockets, connection, welcome };
  }

  const minute = (from: number, count: number) => ({
    player: Array.from({ length: count }, (_, n) => ({ t: from + n * 1000 })),
  });

  async function push(blocks: BlockSender, from: number, count: number) {
    for (const sample of minute(from, count).player) {
      blocks.push('player', sample);
      blocks.endSecond();
    }
    await settled(blocks);
  }

  /** Deflating is the browser's, which takes real time. */
  async function settled(blocks: BlockSender) {
    vi.useRealTimers();
    await blocks.flush();
    vi.useFakeTimers({ now: 10_400 });
  }

  it('hold five seconds each, all lanes of the leg, and say from when', async () => {
    const { sockets, connection } = connected();
    const blocks = new BlockSender(connection, { leg: 'player' });
    blocks.push('marks', { t: 900, kind: 'hidden' });
    await push(blocks, 1_000, 7);
    expect(sockets.last.of('block').map(({ seq, t0_ms, codec }) => [seq, t0_ms, codec])).toEqual([
      [0, 900, 'lanes1z'],
      [1, 6_000, 'lanes1z'],
    ]);
    const [first, second] = sockets.last.of('block').map(({ codec, bytes }) => decodeBlock(codec, bytes));
    expect(first).toEqual({ ...minute(1_000, 5), marks: [{ t: 900, kind: 'hidden' }] });
    expect(second).toEqual(minute(6_000, 2));
  });

  it('go at once, as they are, when the page goes, in their order', async () => {
    const { sockets, connection } = connected();
    const blocks = new BlockSender(connection, { leg: 'player' });
    blocks.pushAll(minute(1_000, 60));
    blocks.push('player', { t: 61_000 });
    blocks.flushNow();
    const sent = sockets.last.of('block');
    expect(sent.map(({ seq, t0_ms, codec }) => [seq, t0_ms, codec])).toEqual([
      [0, 1_000, 'lanes1'],
      [1, 61_000, 'lanes1'],
    ]);
    await settled(blocks);
    expect(sockets.last.of('block')).toHaveLength(2);
    expect(decodeBlock('lanes1', sent[0]?.bytes ?? '')).toEqual(minute(1_000, 60));
  });

  it('are cut when they do not fit', () => {
    const { sockets, connection } = connected();
    const blocks = new BlockSender(connection, { leg: 'player' });
    const rows = Array.from({ length: 200 }, (_, n) => ({ t: n * 1000, text: `${n} ${'x'.repeat(400)}` }));
    for (const row of rows) blocks.push('player', row);
    blocks.flushNow();
    const sent = sockets.last.of('block');
    expect(sent.length).toBeGreaterThan(1);
    expect(sent.flatMap(({ codec, bytes }) => decodeBlock(codec, bytes).player)).toEqual(rows);
  });

  it('are sent again after a break until the server has them, a few at a time', async () => {
    const { sockets, connection, welcome } = connected();
    const blocks = new BlockSender(connection, { leg: 'player' });
    await push(blocks, 0, 60);
    expect(sockets.last.of('block')).toHaveLength(8);
    const { source } = sockets.last.of('block')[0] ?? { source: '' };
    sockets.last.say({ t: 'block_ack', leg: 'player', source, seq: 0 });
    expect(sockets.last.of('block')).toHaveLength(9);
    const again = new Promise<void>((done) => connection.on('welcome', () => done()));
    vi.useRealTimers();
    sockets.last.break();
    await new Promise((done) => setTimeout(done, 400));
    welcome();
    await again;
    expect(sockets.last.of('block').map((one) => one.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (let seq = 1; seq < 12; seq++) sockets.last.say({ t: 'block_ack', leg: 'player', source, seq });
    expect(blocks.unackedCount).toBe(0);
  });

  it('are held until there is something to put them with, bounded, the newest kept', async () => {
    const { sockets, connection } = connected();
    let ready = false;
    const blocks = new BlockSender(connection, { leg: 'player' }, () => ready);
    await push(blocks, 0, 5 * 130);
    expect(sockets.last.of('block')).toHaveLength(0);
    expect(blocks.unackedCount).toBe(120);
    ready = true;
    blocks.pump();
    expect(sockets.last.of('block')[0]?.seq).toBe(10);
  });
});

describe('a call sample', () => {
  const report = new Map<string, unknown>(
    Object.entries({
      T: { type: 'transport', selectedCandidatePairId: 'P' },
      P: { type: 'candidate-pair', currentRoundTripTime: 0.02, localCandidateId: 'L', remoteCandidateId: 'R', x: 1 },
      L: { type: 'local-candidate', protocol: 'udp', candidateType: 'host' },
      R: { type: 'remote-candidate', protocol: 'udp', candidateType: 'srflx' },
      C: { type: 'codec', mimeType: 'video/VP8' },
      O: { type: 'outbound-rtp', kind: 'video', mid: '1', codecId: 'C', remoteId: 'I', frameWidth: 1280, bytesSent: 9 },
      O2: { type: 'outbound-rtp', kind: 'video', mid: '2', frameWidth: 1920 },
      I: { type: 'remote-inbound-rtp', roundTripTime: 0.03, fractionLost: 0 },
      D: { type: 'inbound-rtp', kind: 'video', mid: '5', framesDecoded: 3 },
    }),
  );

  it('has the members of the protocol, of the picture that is meant', () => {
    expect(callSample(5_000, report, 'viewer_up', '1')).toEqual({
      t: 5_000,
      pair: { currentRoundTripTime: 0.02, protocol: 'udp', localCandidateType: 'host', remoteCandidateType: 'srflx' },
      video: { mimeType: 'video/VP8', frameWidth: 1280, bytesSent: 9, roundTripTime: 0.03, fractionLost: 0 },
    });
    expect(callSample(5_000, report, 'agent_down', '5').video).toEqual({ framesDecoded: 3 });
  });

  it('has a companion for the way back, of what is carried there', () => {
    const back = new Map([...report, ['D', { type: 'inbound-rtp', kind: 'video', mid: '5', packetsReceived: 7 }]]);
    expect(backSample(5_000, back, 'viewer_down')).toEqual({ t: 5_000, video: { packetsReceived: 7 } });
    expect(backSample(5_000, report, 'viewer_down')).toBeNull();
  });

  it('leaves out what was not measured', () => {
    expect(callSample(1_000, new Map(), 'agent_down', null)).toEqual({ t: 1_000 });
  });
});
