#!/usr/bin/env node
// Makes assets/clip/: the loop that the demo's live stream plays. Run: node assets/make-clip.mjs (needs chromium, ffmpeg).
//
// The picture is drawn by clip-scene.js in headless Chromium and posted here frame by frame; the sound is computed below.
// Three loops are encoded in one go and the middle one is kept, so that neither the encoder's start nor its end is heard
// or seen at the seam. Decode times are then moved to count from the loop's start; the server adds the loops that went
// before (src/demo/stream.rs). A loop is 24 s: 12 segments of 2 s (60 frames, one closed GOP each) and exactly 1125 AAC frames.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, 'clip');
const LOOP_S = 24, SEGMENT_S = 2, FPS = 30, RATE = 48_000, SEGMENTS = LOOP_S / SEGMENT_S;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const RENDITIONS = [
  { name: '720p', size: '1280x720', profile: 'main', level: '3.1', crf: 25, max: '900k', audio: '48k' },
  { name: '360p', size: '640x360', profile: 'baseline', level: '3.0', crf: 26, max: '340k', audio: '32k' },
];

function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.on('error', fail);
    child.on('exit', (code) => (code === 0 ? done() : fail(new Error(`${command} ended with ${code}`))));
  });
}

/** Renders every frame of one loop into a lossless file. */
async function renderPicture(target) {
  const encoder = spawn('ffmpeg', ['-y', '-v', 'error', '-f', 'image2pipe', '-c:v', 'mjpeg', '-framerate', String(FPS), '-i', '-',
    '-c:v', 'libx264', '-qp', '4', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', target], { stdio: ['pipe', 'inherit', 'inherit'] });
  const encoded = new Promise((done) => encoder.on('exit', done));
  const profile = mkdtempSync(join(tmpdir(), 'clip-'));
  let browser;
  await new Promise((done) => {
    const server = createServer((request, response) => {
      if (request.method === 'POST' && request.url === '/frame') {
        request.pipe(encoder.stdin, { end: false });
        request.on('end', () => response.end());
      } else if (request.method === 'POST') {
        response.end();
        server.close();
        done();
      } else {
        const script = request.url === '/clip-scene.js';
        response.setHeader('content-type', script ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
        response.end(readFileSync(join(HERE, script ? 'clip-scene.js' : 'clip-scene.html')));
      }
    });
    server.listen(0, '127.0.0.1', () => {
      browser = spawn(CHROMIUM, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', `--user-data-dir=${profile}`, '--remote-debugging-port=0',
        `http://127.0.0.1:${server.address().port}/?render`], { stdio: 'ignore' });
    });
  });
  const closed = new Promise((done) => browser.on('exit', done));
  browser.kill();
  await closed;
  encoder.stdin.end();
  await encoded;
  rmSync(profile, { recursive: true, force: true });
}

/** A quiet pad and the sea, both periodic in LOOP_S: frequencies are multiples of 1/24 Hz, the noise filter runs in a circle. */
function renderSound(target) {
  const count = LOOP_S * RATE, samples = new Int16Array(count * 2);
  const chord = [[110, 0.05, 1], [165, 0.04, 2], [220, 0.03, 3], [261.625, 0.022, 2], [330, 0.018, 5]];
  let state = 7;
  const noise = Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2147483648 - 1;
  });
  const sea = new Float32Array(count);
  for (let pass = 0, low = 0; pass < 2; pass += 1) {
    for (let i = 0; i < count; i += 1) sea[i] = low += 0.035 * (noise[i] - low);
  }
  for (let i = 0; i < count; i += 1) {
    const t = i / RATE, swell = (cycles, phase) => 0.5 + 0.5 * Math.sin(2 * Math.PI * (cycles * t / LOOP_S + phase));
    let left = sea[i] * (0.25 + 0.55 * swell(4, 0.1)), right = sea[(i + 9000) % count] * (0.25 + 0.55 * swell(4, 0.3));
    for (const [hertz, gain, cycles] of chord) {
      const tone = Math.sin(2 * Math.PI * hertz * t) * gain * (0.3 + 0.7 * swell(cycles, hertz / 500));
      left += tone * (0.6 + 0.4 * swell(1, 0));
      right += tone * (0.6 + 0.4 * swell(1, 0.5));
    }
    samples[2 * i] = 32767 * Math.tanh(left);
    samples[2 * i + 1] = 32767 * Math.tanh(right);
  }
  writeFileSync(target, Buffer.from(samples.buffer));
}

/** The boxes between two offsets of an ISO file, and of those that only hold boxes the ones inside. */
function* boxes(file, from = 0, to = file.length) {
  for (let at = from; at < to; ) {
    const size = file.readUInt32BE(at), type = file.toString('latin1', at + 4, at + 8);
    yield { type, at, size };
    if (['moov', 'trak', 'moof', 'traf'].includes(type)) yield* boxes(file, at + 8, at + size);
    at += size;
  }
}

/** Takes the edit lists out of action: players disagree on them in live streams, and ours only shift by a priming frame. */
function plainInit(file) {
  for (const box of boxes(file)) if (box.type === 'edts') file.write('free', box.at + 4, 'latin1');
  return file;
}

/** A segment without its index boxes (meant for byte ranges), its decode times counted from the start of the loop. */
function plainSegment(file, bases) {
  let track = 0;
  const dropped = [];
  for (const box of boxes(file)) {
    if (box.type === 'sidx') dropped.push(box);
    if (box.type === 'tfhd') track = file.readUInt32BE(box.at + 12);
    if (box.type === 'tfdt') {
      const time = file.readBigUInt64BE(box.at + 12);
      bases[track] ??= time;
      file.writeBigUInt64BE(time - bases[track], box.at + 12);
    }
  }
  return Buffer.concat(dropped.reduceRight((parts, box) => [parts[0].subarray(0, box.at), parts[0].subarray(box.at + box.size), ...parts.slice(1)], [file]));
}

async function encode(rendition, picture, sound, work, kind = '') {
  const name = rendition.name + kind;
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  await run('ffmpeg', ['-y', '-v', 'error', '-stream_loop', '2', '-i', picture,
    '-stream_loop', '2', '-f', 's16le', '-ar', String(RATE), '-ac', '2', '-i', sound,
    '-map', '0:v', '-map', '1:a', '-t', String(3 * LOOP_S), '-vf', `scale=${rendition.size.replace('x', ':')}:flags=lanczos`,
    '-c:v', 'libx264', '-preset', 'veryslow', '-profile:v', rendition.profile, '-level', rendition.level, '-bf', '0',
    '-crf', String(rendition.crf), '-maxrate', rendition.max, '-bufsize', rendition.max,
    '-g', String(FPS * SEGMENT_S), '-keyint_min', String(FPS * SEGMENT_S), '-sc_threshold', '0', '-flags', '+cgop',
    '-x264-params', 'open-gop=0:repeat-headers=0', '-pix_fmt', 'yuv420p', '-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709',
    '-c:a', 'aac', '-b:a', rendition.audio, '-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact+cgop', '-flags:a', '+bitexact',
    '-f', 'hls', '-hls_time', String(SEGMENT_S), '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4', '-hls_flags', 'independent_segments',
    '-hls_fmp4_init_filename', 'init.mp4', '-hls_segment_filename', join(folder, '%d.m4s'), join(folder, 'index.m3u8')]);
  const out = join(OUT, name);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'init.mp4'), plainInit(readFileSync(join(folder, 'init.mp4'))));
  const bases = {};
  for (let i = 0; i < SEGMENTS; i += 1) {
    const segment = plainSegment(readFileSync(join(folder, `${SEGMENTS + i}.m4s`)), bases);
    writeFileSync(join(out, `${String(i).padStart(2, '0')}.m4s`), segment);
  }
}

/** Loops in which the picture stands still, and is black: the encoder goes on, what is fed into it does not. */
async function stills(sound, work) {
  const first = join(work, 'first.mp4'), clip = join(OUT, RENDITIONS[0].name);
  writeFileSync(first, Buffer.concat([readFileSync(join(clip, 'init.mp4')), readFileSync(join(clip, '00.m4s'))]));
  // As JPEG, like the drawn frames: the initialisation segment says where its colours come from.
  const still = (kind) => join(work, `${kind}.jpg`);
  await run('ffmpeg', ['-y', '-v', 'error', '-i', first, '-frames:v', '1', '-q:v', '2', still('frozen')]);
  await run('ffmpeg', ['-y', '-v', 'error', '-f', 'lavfi', '-i', 'color=black:s=1280x720', '-frames:v', '1', still('black')]);
  for (const kind of ['frozen', 'black']) {
    const picture = join(work, `${kind}.mkv`);
    await run('ffmpeg', ['-y', '-v', 'error', '-loop', '1', '-framerate', String(FPS), '-i', still(kind), '-t', String(LOOP_S),
      '-c:v', 'libx264', '-qp', '4', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', picture]);
    for (const rendition of RENDITIONS) {
      console.log(`encoding ${rendition.name} ${kind} …`);
      await encode(rendition, picture, sound, work, `-${kind}`);
      // They are spliced into the clip without a word to the player.
      const init = (name) => readFileSync(join(OUT, name, 'init.mp4'));
      if (!init(rendition.name).equals(init(`${rendition.name}-${kind}`))) throw new Error(`${kind}: another initialisation`);
      rmSync(join(OUT, `${rendition.name}-${kind}`, 'init.mp4'));
    }
  }
}

const work = mkdtempSync(join(tmpdir(), 'clip-')), sound = join(work, 'loop.pcm');
renderSound(sound);
// `--stills` makes only these, from the clip that is there.
if (!process.argv.includes('--stills')) {
  console.log('drawing 720 frames …');
  await renderPicture(join(work, 'loop.mkv'));
  rmSync(OUT, { recursive: true, force: true });
  for (const rendition of RENDITIONS) {
    console.log(`encoding ${rendition.name} …`);
    await encode(rendition, join(work, 'loop.mkv'), sound, work);
  }
}
await stills(sound, work);
rmSync(work, { recursive: true, force: true });
