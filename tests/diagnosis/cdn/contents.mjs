// The contents that the stand-in CDN streams: made once by ffmpeg out of nothing but filters, kept in a cache outside git.
//
// Each content has variants (the picture as it should be; frozen, black and damaged before it was encoded) and levels. A
// level is a loop of 24 s: 12 segments of 2 s of fragmented MP4. 24 s are a whole number of video frames and of AAC
// frames (1,125), so that a segment of the n-th loop is the first one's with later decode times (GOTCHAS.md).

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Goes up when the recipes below change: the cache is made anew then. */
const RECIPES = 4;
export const LOOP_S = 24;
export const SEGMENT_S = 2;
export const SEGMENTS = LOOP_S / SEGMENT_S;
const FPS = 30;
const SIZE = '640x360';
/** Levels, the best first. A recipe uses the first, the first two, or all. */
export const LEVELS = [
  { name: 'a', width: 640, height: 360, kbps: 1_000 },
  { name: 'b', width: 480, height: 270, kbps: 520 },
  { name: 'c', width: 320, height: 180, kbps: 260 },
];
const SOUND_KBPS = 48;
export const CODECS = 'avc1.42c01e,mp4a.40.2';

/** Longest run of one ffmpeg, ms: some seconds on an idle machine. */
const FFMPEG_TIMEOUT_MS = 15 * 60_000;

/** A still made by an expensive filter, held for ever. */
const held = 'trim=end_frame=1,loop=loop=-1:size=1:start=0,setpts=N/30/TB';

const ellipse = (colour, width, height) =>
  `color=${colour}:s=${width}x${height}:r=${FPS},format=rgba,` +
  `geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(hypot((X-${width / 2})/${width / 2},(Y-${height / 2})/${height / 2}),1),255,0)',${held}`;

/** Figures that run over a field: a box each, on ways of their own. */
function runners(count, onto) {
  const colours = ['0xd32f2f', '0x1976d2', 'white', '0xfbc02d'];
  const sources = [];
  const overlays = [];
  for (let n = 0; n < count; n += 1) {
    sources.push(`color=${colours[n % colours.length]}:s=${12 + (n % 3) * 4}x${26 + (n % 4) * 5}:r=${FPS}[r${n}]`);
    const x = `320+${130 + 23 * n}*sin(t*${(0.9 + 0.17 * n).toFixed(2)}+${n})`;
    const y = `${130 + 12 * n}+60*sin(t*${(1.3 + 0.11 * n).toFixed(2)})`;
    overlays.push(`[${n === 0 ? onto : `o${n - 1}`}][r${n}]overlay=x='${x}':y='${y}':shortest=0[o${n}]`);
  }
  return { sources, overlays, last: `o${count - 1}` };
}

const SLIDES = [
  ['Quarterly results', 'Revenue grew by 14 percent', 'Churn fell to 2.1 percent', 'Two regions opened'],
  ['What we learned', 'Short answers win', 'Measure before you change', 'Ask the next question'],
  ['Next steps', 'Ship the second market', 'Hire for the night shift', 'Review in six weeks'],
  ['Questions', 'Write to the team', 'Slides will be sent around'],
];

function slides() {
  const texts = SLIDES.flatMap((lines, slide) => {
    const shown = `enable='between(mod(t,${LOOP_S}),${slide * 6},${slide * 6 + 5.999})'`;
    return lines.map(
      (line, n) =>
        `drawtext=text='${line}':fontcolor=0x20242c:fontsize=${n === 0 ? 38 : 24}:x=60:y=${50 + (n === 0 ? 0 : 40 + n * 44)}:${shown}`,
    );
  });
  return `color=0xf7f5ef:s=${SIZE}:r=${FPS},drawbox=x=0:y=340:w=640:h=20:color=0x2b4c7e:t=fill,${texts.join(',')}[out]`;
}

/** What is streamed: filter graphs that end in `[out]`, each made at 640×360 and 30 frames a second. */
const PICTURES = {
  sports() {
    const { sources, overlays, last } = runners(7, 'field');
    const field =
      `color=0x3a7d3a:s=1920x480:r=${FPS},noise=alls=34,boxblur=1,drawbox=x=0:y=0:w=1920:h=90:color=0x574b45:t=fill,noise=c0s=28,` +
      'drawbox=x=60:y=110:w=1800:h=340:color=white:t=4,drawbox=x=958:y=110:w=4:h=340:color=white:t=fill,' +
      `drawgrid=w=192:h=480:t=2:c=white@0.25,${held},` +
      `crop=640:360:x='640+560*sin(t*0.9)':y='60+50*sin(t*1.7)'[field]`;
    return [field, ...sources, ...overlays, `[${last}]null[out]`].join(';');
  },
  talk: () =>
    [
      `gradients=s=${SIZE}:r=${FPS}:c0=0x31465a:c1=0x93a7b5:n=2:speed=0.00001,${held}[wall]`,
      `color=0x5a3d5c:s=300x150:r=${FPS}[body]`,
      `${ellipse('0xd8a27a', 150, 200)}[head]`,
      `color=0x7a2f2f:s=44x10:r=${FPS}[mouth]`,
      `[wall][body]overlay=x='170+5*sin(t*0.8)':y='240+3*sin(t*1.9)'[w1]`,
      `[w1][head]overlay=x='245+9*sin(t*0.8)':y='60+5*sin(t*1.9)'[w2]`,
      `[w2][mouth]overlay=x='298+9*sin(t*0.8)':y='205+6*sin(t*9)':enable='lt(mod(t,2.7),1.9)'[w3]`,
      '[w3]noise=alls=5:allf=t[out]',
    ].join(';'),
  game() {
    const { sources, overlays, last } = runners(4, 'level');
    return [
      `cellauto=s=160x90:rate=15:rule=18:random_seed=5,format=rgb24,scale=640:360:flags=neighbor,fps=${FPS},` +
        'colorchannelmixer=.25:.1:.1:0:.1:.35:.15:0:.3:.1:.5,scroll=horizontal=0.004[level]',
      ...sources,
      ...overlays,
      `[${last}]drawbox=x=10:y=10:w=160:h=14:color=0x30d158:t=fill,drawbox=x=540:y=250:w=90:h=90:color=0x101418:t=fill,` +
        `drawtext=text='%{n}':fontcolor=white:fontsize=18:x=200:y=10[out]`,
    ].join(';');
  },
  slides,
  night() {
    const lights = ['0x3a3420', '0x2a2a38', '0x40281c'].map(
      (colour, n) => `color=${colour}:s=${14 + 6 * n}x10:r=${FPS}[l${n}]`,
    );
    const ways = [0, 1, 2].map(
      (n) =>
        `[${n === 0 ? 'dark' : `n${n - 1}`}][l${n}]overlay=x='mod(t*${38 + 31 * n}+${90 * n}\\,660)-20':y='${190 + 45 * n}'[n${n}]`,
    );
    return [
      `gradients=s=${SIZE}:r=${FPS}:c0=0x0a0d16:c1=0x141820:n=2:speed=0.00001,${held}[dark]`,
      ...lights,
      ...ways,
      '[n2]noise=alls=8:allf=t[out]',
    ].join(';');
  },
};

/** Names of the contents. */
export const CONTENTS = Object.keys(PICTURES);
/** Names of the variants. `sound`: the picture as it should be. */
export const VARIANTS = ['sound', 'frozen', 'black', 'damaged'];

async function ffmpeg(args) {
  await run('nice', ['ffmpeg', '-y', '-v', 'error', '-threads', '2', ...args], {
    timeout: FFMPEG_TIMEOUT_MS,
    maxBuffer: 16 << 20,
  });
}

const MASTER = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
/** Two loops are encoded and the second is kept, so that the encoder's start is not in it. */
const MADE_S = String(2 * LOOP_S);

/** The pictures of a variant in good quality; the levels are encoded from it. */
async function master(content, variant, folder) {
  const good = join(folder, 'sound.mkv');
  if (!existsSync(good)) {
    await ffmpeg([
      '-filter_complex',
      PICTURES[content](),
      '-map',
      '[out]',
      '-t',
      MADE_S,
      ...MASTER,
      '-crf',
      '14',
      good,
    ]);
  }
  if (variant === 'sound') return good;
  const file = join(folder, `${variant}.mkv`);
  if (variant === 'frozen') {
    const still = join(folder, 'still.png');
    await ffmpeg(['-ss', '7.3', '-i', good, '-frames:v', '1', still]);
    await ffmpeg(['-loop', '1', '-framerate', String(FPS), '-i', still, '-t', MADE_S, ...MASTER, '-crf', '14', file]);
  }
  if (variant === 'black') {
    await ffmpeg(['-f', 'lavfi', '-i', `color=black:s=${SIZE}:r=${FPS}`, '-t', MADE_S, ...MASTER, '-crf', '14', file]);
  }
  if (variant === 'damaged') {
    // Bits are broken on the way into the encoder that everybody watches: what it decodes is what all get, flawlessly.
    const broken = join(folder, 'broken.ts');
    await ffmpeg([
      '-i',
      good,
      '-c:v',
      'mpeg2video',
      '-q:v',
      '4',
      '-g',
      '24',
      '-bsf:v',
      "noise=amount='700'",
      '-f',
      'mpegts',
      broken,
    ]);
    const args = [
      '-err_detect',
      'ignore_err',
      '-i',
      broken,
      '-t',
      MADE_S,
      '-vf',
      `fps=${FPS},tpad=stop_mode=clone:stop_duration=8`,
    ];
    await ffmpeg([...args, ...MASTER, '-crf', '14', file]);
  }
  return file;
}

async function encode(picture, level, folder) {
  await mkdir(folder, { recursive: true });
  await ffmpeg([
    ...['-i', picture, '-f', 'lavfi', '-i', 'anoisesrc=color=pink:r=48000:a=0.05:seed=3,tremolo=f=3:d=0.8'],
    ...['-map', '0:v', '-map', '1:a', '-t', MADE_S, '-r', String(FPS), '-s', `${level.width}x${level.height}`],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'baseline', '-level', '3.0', '-pix_fmt', 'yuv420p'],
    ...['-b:v', `${level.kbps}k`, '-maxrate', `${Math.round(level.kbps * 1.2)}k`, '-bufsize', `${level.kbps * 2}k`],
    ...['-g', String(FPS * SEGMENT_S), '-keyint_min', String(FPS * SEGMENT_S), '-sc_threshold', '0'],
    ...['-c:a', 'aac', '-b:a', `${SOUND_KBPS}k`, '-ac', '1'],
    ...['-f', 'hls', '-hls_time', String(SEGMENT_S), '-hls_list_size', '0', '-hls_segment_type', 'fmp4'],
    ...[
      '-hls_fmp4_init_filename',
      'init.mp4',
      '-hls_segment_filename',
      join(folder, '%02d.m4s'),
      join(folder, 'all.m3u8'),
    ],
  ]);
}

/** Makes what is missing in `cache`; `said` is told what goes on. */
export async function makeContents(cache, contents = CONTENTS, said = () => {}) {
  const root = join(cache, `recipes-${RECIPES}`);
  for (const content of contents) {
    const target = join(root, content);
    if (existsSync(target)) continue;
    said(`making ${content}`);
    await mkdir(root, { recursive: true });
    const work = await mkdtemp(join(root, `.${content}-`));
    for (const variant of VARIANTS) {
      const picture = await master(content, variant, work);
      for (const level of LEVELS) await encode(picture, level, join(work, variant, level.name));
    }
    for (const name of ['sound.mkv', 'frozen.mkv', 'black.mkv', 'damaged.mkv', 'broken.ts', 'still.png']) {
      await rm(join(work, name), { force: true });
    }
    await writeFile(join(work, 'made.txt'), `recipes ${RECIPES}\n`);
    await rename(work, target);
  }
  return root;
}

/** Boxes of an ISO file between two places: `[type, start of its content, end]`. */
function* boxes(bytes, from = 0, to = bytes.length) {
  for (let at = from; at + 8 <= to; ) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > to) return;
    yield [bytes.toString('latin1', at + 4, at + 8), at + 8, at + size];
    at += size;
  }
}

function* nested(bytes, path, from = 0, to = bytes.length) {
  const [type, ...rest] = path;
  for (const [name, start, end] of boxes(bytes, from, to)) {
    if (name !== type) continue;
    if (rest.length === 0) yield [start, end];
    else yield* nested(bytes, rest, start, end);
  }
}

/** Ticks a second of each track, and the edit list out of the way: the decode times of the segments hold. */
function readInit(bytes) {
  const ticks = new Map();
  for (const [start, end] of nested(bytes, ['moov', 'trak'])) {
    const [tkhd] = nested(bytes, ['tkhd'], start, end);
    const [mdhd] = nested(bytes, ['mdia', 'mdhd'], start, end);
    if (!tkhd || !mdhd) continue;
    const track = bytes.readUInt32BE(tkhd[0] + (bytes[tkhd[0]] === 1 ? 20 : 12));
    ticks.set(track, bytes.readUInt32BE(mdhd[0] + (bytes[mdhd[0]] === 1 ? 20 : 12)));
    for (const [edts] of nested(bytes, ['edts'], start, end)) bytes.write('free', edts - 4, 'latin1');
  }
  return ticks;
}

/** One level of one variant, ready to be streamed. */
export class Rendition {
  constructor(init, ticks, segments) {
    this.init = init;
    this.ticks = ticks;
    this.segments = segments;
    const bytes = segments.reduce((sum, one) => sum + one.length, 0);
    /** Mean bit rate of picture and sound, kbit/s. */
    this.kbps = (bytes * 8) / LOOP_S / 1_000;
    /** Bit rate of the largest segment, kbit/s. */
    this.peakKbps = (Math.max(...segments.map((one) => one.length)) * 8) / SEGMENT_S / 1_000;
  }

  static async load(root, content, variant, level) {
    const folder = join(root, content, variant, level);
    const init = await readFile(join(folder, 'init.mp4'));
    const ticks = readInit(init);
    const name = (n) => join(folder, `${String(n).padStart(2, '0')}.m4s`);
    const segments = [];
    for (let n = 0; n < SEGMENTS; n += 1) segments.push(await readFile(name(SEGMENTS + n)));
    return new Rendition(init, ticks, segments);
  }

  /** The segment at this place of the endless stream. */
  segment(place) {
    const bytes = Buffer.from(this.segments[place % SEGMENTS]);
    const shiftS = (Math.floor(place / SEGMENTS) - 1) * LOOP_S;
    for (const [start, end] of nested(bytes, ['moof'])) {
      for (const [mfhd] of nested(bytes, ['mfhd'], start, end)) bytes.writeUInt32BE(place + 1, mfhd + 4);
      for (const [from, to] of nested(bytes, ['traf'], start, end)) {
        const [tfhd] = nested(bytes, ['tfhd'], from, to);
        const [tfdt] = nested(bytes, ['tfdt'], from, to);
        if (!tfhd || !tfdt) continue;
        const by = shiftS * (this.ticks.get(bytes.readUInt32BE(tfhd[0] + 4)) ?? 0);
        if (bytes[tfdt[0]] === 1) bytes.writeBigInt64BE(bytes.readBigInt64BE(tfdt[0] + 4) + BigInt(by), tfdt[0] + 4);
        else bytes.writeUInt32BE(bytes.readUInt32BE(tfdt[0] + 4) + by, tfdt[0] + 4);
      }
    }
    return bytes;
  }
}
