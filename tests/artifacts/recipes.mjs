// What is done to sources. A recipe names what is to be found in its clips; `ignore` names what may be found as well, since
// the same damage is rightly called by either name.

import { rmSync } from 'node:fs';
import { ffmpeg } from './place.mjs';
import { bars, colourless, shifts, smears, tears, unwritten } from './pixels.mjs';
import { loseDatagrams } from './packets.mjs';
import { encode, frames, sizeOf } from './raw.mjs';
import { RATE, source } from './sources.mjs';

/** Length of a clip, s. */
const SECONDS = 6;
/** Encoders at a rate at which nothing is seen of them. Each does clips of one part alone. */
export const ENCODERS = {
  x264: { half: 'tune', ext: 'mp4', args: ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-threads', '1'] },
  theora: { half: 'tune', ext: 'mkv', args: ['-c:v', 'libtheora', '-q:v', '10'] },
  vp9: {
    half: 'check',
    ext: 'webm',
    args: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-crf', '20', '-b:v', '0', '-threads', '1'],
  },
  x265: {
    half: 'check',
    ext: 'mkv',
    args: ['-c:v', 'libx265', '-preset', 'superfast', '-crf', '20', '-x265-params', 'log-level=none:pools=1:frame-threads=1'],
  },
  mpeg2: { half: 'check', ext: 'mkv', args: ['-c:v', 'mpeg2video', '-q:v', '1', '-qmin', '1', '-threads', '1'] },
  av1: { half: 'report', ext: 'mp4', args: ['-c:v', 'libsvtav1', '-preset', '10', '-crf', '22', '-svtav1-params', 'lp=1'] },
  vp8: {
    half: 'report',
    ext: 'webm',
    args: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '6', '-crf', '5', '-qmin', '2', '-b:v', '20M', '-threads', '1'],
  },
  mpeg1: { half: 'report', ext: 'mkv', args: ['-c:v', 'mpeg1video', '-q:v', '1', '-qmin', '1', '-threads', '1'] },
};

/** Frames changed one by one. */
const byPixels = (change) => async (name, encoder, file) => {
  const from = await source(name);
  const size = await sizeOf(from);
  const changing = change(size, name);
  async function* made() {
    let left = SECONDS * RATE;
    for await (const frame of frames(from, size)) {
      if (left-- <= 0) return;
      yield changing(frame);
    }
  }
  await encode(made(), size, ENCODERS[encoder].args, file);
};

/** An ffmpeg filter. */
const byFilter = (filter, seconds = SECONDS) => async (name, encoder, file) => {
  await ffmpeg(['-i', await source(name), '-vf', filter, '-r', `${RATE}`, '-t', `${seconds}`, ...ENCODERS[encoder].args, file]);
};

/** An encoder of its own. */
const byEncoder = (args) => async (name, _encoder, file) => {
  await ffmpeg(['-i', await source(name), '-t', `${SECONDS}`, ...args, file]);
};

/** Bits of the encoded stream turned, as by a bad disk or memory. */
const byNoise = (args, amount) => async (name, _encoder, file) => {
  const whole = `${file}.whole.mkv`;
  await ffmpeg(['-i', await source(name), '-t', `${SECONDS}`, ...args, '-f', 'matroska', whole]);
  await ffmpeg(['-i', whole, '-c', 'copy', '-bsf:v', `noise=amount=${amount}`, '-f', 'matroska', file]);
  rmSync(whole);
};

/** Datagrams of the stream lost. */
const byLoss = (args, model) => async (name, _encoder, file) => {
  const whole = `${file}.whole.ts`;
  await ffmpeg(['-i', await source(name), '-t', `${SECONDS}`, ...args, '-f', 'mpegts', whole]);
  loseDatagrams(whole, file, name, model);
  rmSync(whole);
};

/**
 * The same, on the way into the encoder that everybody watches: what its decoder made of the broken stream is encoded anew, and
 * that stream is whole.
 */
const bySource = (args, amount, format, again) => async (name, _encoder, file) => {
  const whole = `${file}.whole.mkv`;
  const broken = `${file}.broken`;
  await ffmpeg(['-i', await source(name), '-t', `${SECONDS}`, ...args, '-f', 'matroska', whole]);
  await ffmpeg(['-i', whole, '-c', 'copy', '-bsf:v', `noise=amount=${amount}`, '-f', format, broken]);
  const filter = `fps=${RATE},tpad=stop_mode=clone:stop_duration=2`;
  await ffmpeg(['-v', 'quiet', '-err_detect', 'ignore_err', '-i', broken, '-t', `${SECONDS}`, '-vf', filter, ...again, file]);
  rmSync(whole);
  rmSync(broken);
};

const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '24', '-g', '50', '-threads', '1'];
const H264_SLICES = [...H264, '-x264-params', 'slices=4'];
const MPEG4 = ['-c:v', 'mpeg4', '-q:v', '6', '-g', '50', '-threads', '1'];
const HEVC = ['-c:v', 'libx265', '-preset', 'superfast', '-crf', '26', '-x265-params', 'log-level=none:keyint=50:pools=1:frame-threads=1'];
const MPEG2 = ['-c:v', 'mpeg2video', '-q:v', '6', '-g', '25', '-threads', '1'];
const MPEG2_SENT = ['-c:v', 'mpeg2video', '-q:v', '4', '-g', '24', '-threads', '1'];
const XVID = ['-c:v', 'libxvid', '-q:v', '5', '-g', '60'];
const MPEG1 = ['-c:v', 'mpeg1video', '-q:v', '5', '-g', '25', '-threads', '1'];
const noDeblock = (qp) => [...['-c:v', 'libx264', '-preset', 'veryfast', '-qp', `${qp}`], '-x264-params', 'no-deblock=1', '-threads', '1'];
const X265_BARE = (qp) => [
  ...['-c:v', 'libx265', '-preset', 'superfast', '-x265-params'],
  `log-level=none:qp=${qp}:no-deblock=1:no-sao=1:pools=1:frame-threads=1`,
];

/** Live streams as they are sent, 1000 kbit/s. */
const H264_LIVE = [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'baseline', '-b:v', '1000k', '-maxrate', '1200k', '-bufsize', '2000k'],
  ...['-g', '50', '-sc_threshold', '0', '-threads', '1'],
];
const VP8_LIVE = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '6', '-b:v', '1000k', '-g', '50', '-threads', '1'];

/** Names a damaged stream's frames may rightly be called besides `corrupt`. */
const ANY_DAMAGE = ['striped', 'blocky', 'frozen', 'torn', 'banded'];

/** Every recipe. `half`: only for that one; `encoders`: false where the recipe is one. */
export const RECIPES = {
  // Damage.
  noise_h264: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mkv', encoders: false, make: byNoise(H264, 800) },
  noise_h264_less: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mkv', encoders: false, make: byNoise(H264, 6000) },
  noise_mpeg4: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mkv', encoders: false, half: 'tune', make: byNoise(MPEG4, 700) },
  noise_mpeg2: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mkv', encoders: false, half: 'check', make: byNoise(MPEG2, 1500) },
  loss_h264: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'ts', encoders: false, make: byLoss(H264_SLICES, { loss: 0.05, burst: 4 }) },
  loss_mpeg4: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'ts', encoders: false, half: 'tune', make: byLoss(MPEG4, { loss: 0.05, burst: 3 }) },
  loss_mpeg2: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'ts', encoders: false, half: 'check', make: byLoss(MPEG2, { loss: 0.03, burst: 3 }) },
  loss_hevc: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'ts', encoders: false, half: 'check', make: byLoss(HEVC, { loss: 0.05, burst: 4 }) },
  noise_xvid: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mkv', encoders: false, half: 'report', make: byNoise(XVID, 900) },
  noise_mpeg1: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mkv', encoders: false, half: 'report', make: byNoise(MPEG1, 1500) },
  loss_xvid: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'ts', encoders: false, half: 'report', make: byLoss(XVID, { loss: 0.05, burst: 3 }) },
  loss_mpeg1: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'ts', encoders: false, half: 'report', make: byLoss(MPEG1, { loss: 0.03, burst: 3 }) },
  source_mpeg2: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mp4', encoders: false, make: bySource(MPEG2_SENT, 700, 'mpegts', H264_LIVE) },
  source_h264: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'mp4', encoders: false, make: bySource(H264, 800, 'matroska', H264_LIVE) },
  source_xvid: { label: 'corrupt', ignore: ANY_DAMAGE, ext: 'webm', encoders: false, half: 'report', make: bySource(XVID, 900, 'matroska', VP8_LIVE) },
  unwritten_part: { label: 'corrupt', ignore: ['striped', 'torn'], make: byPixels((size, name) => unwritten(size, name, 0.6, 0.6)) },
  unwritten_all: { label: 'corrupt', ignore: [], make: byPixels((size, name) => unwritten(size, name, 0, 0.6)) },
  colourless: { label: 'corrupt', ignore: [], make: byPixels((size) => colourless(size)) },
  lowrate_h264: { label: 'blocky', ignore: ['banded'], ext: 'mp4', encoders: false, make: byEncoder(noDeblock(40)) },
  lowrate_h264_lower: { label: 'blocky', ignore: ['banded'], ext: 'mp4', encoders: false, make: byEncoder(noDeblock(45)) },
  lowrate_mpeg4: { label: 'blocky', ignore: ['banded'], ext: 'mkv', encoders: false, half: 'tune', make: byEncoder(['-c:v', 'mpeg4', '-q:v', '24', '-threads', '1']) },
  lowrate_mpeg2: { label: 'blocky', ignore: ['banded'], ext: 'mkv', encoders: false, half: 'check', make: byEncoder(['-c:v', 'mpeg2video', '-q:v', '28', '-threads', '1']) },
  lowrate_hevc: { label: 'blocky', ignore: ['banded'], ext: 'mkv', encoders: false, half: 'check', make: byEncoder(X265_BARE(42)) },
  lowrate_mjpeg: { label: 'blocky', ignore: ['banded'], ext: 'mkv', encoders: false, half: 'check', make: byEncoder(['-c:v', 'mjpeg', '-q:v', '28', '-pix_fmt', 'yuvj420p', '-threads', '1']) },
  lowrate_flv: { label: 'blocky', ignore: ['banded'], ext: 'flv', encoders: false, half: 'report', make: byEncoder(['-c:v', 'flv', '-q:v', '24', '-threads', '1']) },
  lowrate_xvid: { label: 'blocky', ignore: ['banded'], ext: 'mkv', encoders: false, half: 'report', make: byEncoder(['-c:v', 'libxvid', '-q:v', '22']) },
  lowrate_mpeg1: { label: 'blocky', ignore: ['banded'], ext: 'mkv', encoders: false, half: 'report', make: byEncoder(['-c:v', 'mpeg1video', '-q:v', '24', '-threads', '1']) },
  freeze: { label: 'frozen', ignore: [], make: byFilter(`tpad=stop_mode=clone:stop_duration=7`, 16) },
  black_after: { label: 'black', ignore: ['frozen'], make: byFilter("drawbox=c=black:t=fill:enable='gte(t,1)'") },
  black_noise: { label: 'black', ignore: ['frozen'], make: byFilter("drawbox=c=black:t=fill:enable='gte(t,1)',noise=alls=3:allf=t") },
  smear: { label: 'striped', ignore: ['corrupt'], make: byPixels((size, name) => smears(size, name, 3)) },
  shift: { label: 'striped', ignore: ['corrupt', 'torn'], make: byPixels((size, name) => shifts(size, name, 4)) },
  bars: { label: 'striped', ignore: ['corrupt'], make: byPixels((size, name) => bars(size, name, 8)) },
  bands_5: { label: 'banded', ignore: [], make: byFilter("lutyuv=y='bitand(val,248)+4'") },
  tear_stands: { label: 'torn', ignore: [], make: byPixels((size, name) => tears(size, name, { wanders: false, newerBelow: true })) },
  tear_wanders: { label: 'torn', ignore: [], make: byPixels((size, name) => tears(size, name, { wanders: true, newerBelow: false })) },
  comb: { label: 'torn', ignore: [], make: byFilter('setpts=PTS/2,fps=50,tinterlace=interleave_top') },
  bands_3: { label: 'banded', ignore: [], make: byFilter("lutyuv=y='bitand(val,224)+16'") },
  bands_4: { label: 'banded', ignore: [], make: byFilter("lutyuv=y='bitand(val,240)+8'") },
  // None.
  good: { make: byFilter('null') },
  modest: { encoders: false, ext: 'mp4', make: byEncoder(['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '29', '-threads', '1']) },
  live: { encoders: false, ext: 'mp4', make: byEncoder(H264_LIVE) },
  modest_vp9: { encoders: false, ext: 'webm', half: 'check', make: byEncoder(['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-crf', '38', '-b:v', '0', '-threads', '1']) },
  modest_av1: { encoders: false, ext: 'mp4', half: 'report', make: byEncoder(['-c:v', 'libsvtav1', '-preset', '10', '-crf', '42', '-svtav1-params', 'lp=1']) },
  letterbox: { make: byFilter('scale=iw:trunc(ih*0.74/2)*2,pad=iw:iw*9/16:0:(oh-ih)/2') },
  pillars: { make: byFilter('crop=ih*4/3:ih,pad=ih*16/9:ih:(ow-iw)/2:0') },
  fades: {
    make: byFilter(
      'split[a][b];[a]trim=0:2.4,fade=t=out:st=1.5:d=0.8[x];[b]trim=2.4:6,setpts=PTS-STARTPTS,fade=t=in:st=0:d=0.8[y];[x][y]concat',
    ),
  },
  night: { make: byFilter("lutyuv=y='16+(val-16)*0.16':u='128+(val-128)*0.3':v='128+(val-128)*0.3',noise=alls=4:allf=t") },
  grain: { make: byFilter('noise=alls=14:allf=t+u') },
  lines: { make: byFilter("geq=lum='lum(X,Y)*(1-0.3*mod(Y,2))':cb='cb(X,Y)':cr='cr(X,Y)'") },
  lines_wide: { make: byFilter("geq=lum='lum(X,Y)*if(lt(mod(Y,4),2),1,0.6)':cb='cb(X,Y)':cr='cr(X,Y)'") },
  hud: { make: byFilter('drawgrid=w=32:h=32:t=1:c=white@0.5,drawbox=x=8:y=8:w=160:h=24:c=black@0.6:t=fill,drawbox=x=iw-80:y=ih-80:w=64:h=64:c=lime@0.7:t=4') },
  tiles: { make: byFilter('drawgrid=w=8:h=8:t=1:c=black@0.25') },
  cuts: { make: byFilter("trim=0:8,select='not(mod(floor(t/1.1),2))',setpts=N/FRAME_RATE/TB") },
  slides: { make: byFilter("select='not(mod(n,50))',fps=25") },
};
