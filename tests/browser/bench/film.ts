// Films pages while a test drives them, and cuts the films side by side into one.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { CDPSession, Page } from '@playwright/test';

const run = promisify(execFile);

/** Height of the film, pixels. */
const HEIGHT = 480;
/** Frames a second of the film. */
const FPS = 8;
/** A font that Debian's Chromium brings along. */
const FONT = '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf';

interface Shot {
  file: string;
  atMs: number;
}

/** A camera on a page. */
export class Camera {
  readonly #session: CDPSession;
  readonly #folder: string;
  readonly #shots: Shot[] = [];
  readonly #writes: Promise<void>[] = [];

  private constructor(session: CDPSession, folder: string) {
    this.#session = session;
    this.#folder = folder;
  }

  /** Starts filming. */
  static async on(page: Page): Promise<Camera> {
    const session = await page.context().newCDPSession(page);
    const camera = new Camera(session, await mkdtemp(join(tmpdir(), 'sightline-film-')));
    session.on('Page.screencastFrame', ({ data, sessionId, metadata }) => {
      const file = join(camera.#folder, `${camera.#shots.length}.jpg`);
      camera.#shots.push({ file, atMs: (metadata.timestamp ?? Date.now() / 1000) * 1000 });
      camera.#writes.push(writeFile(file, Buffer.from(data, 'base64')));
      session.send('Page.screencastFrameAck', { sessionId }).catch(() => {});
    });
    await session.send('Page.startScreencast', { format: 'jpeg', quality: 80, everyNthFrame: 3 });
    return camera;
  }

  /** Stops. The film lasts from `fromMs` to `toMs`, as a list that ffmpeg reads. */
  async stop(fromMs: number, toMs: number): Promise<string> {
    await this.#session.send('Page.stopScreencast').catch(() => {});
    await Promise.all(this.#writes);
    const seen = this.#shots.filter(({ atMs }) => atMs <= toMs);
    const first = Math.max(
      0,
      seen.findLastIndex(({ atMs }) => atMs <= fromMs),
    );
    const shots = seen.slice(first);
    if (shots.length === 0) throw new Error('nothing was filmed');
    const lines = shots.flatMap(({ file, atMs }, n) => {
      const until = shots[n + 1]?.atMs ?? toMs;
      return [`file '${file}'`, `duration ${Math.max(0.01, (until - Math.max(fromMs, atMs)) / 1000).toFixed(3)}`];
    });
    const list = join(this.#folder, 'list.txt');
    // The last picture stands twice, or its duration is not read.
    await writeFile(list, [...lines, `file '${shots.at(-1)?.file}'`].join('\n'));
    return list;
  }

  /** Removes what was filmed. */
  async dispose(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A line of text below the pictures. */
export interface Caption {
  fromMs: number;
  text: string;
}

/** Cuts two films side by side with captions: a GIF that every page shows, and an MP4 beside it. */
export async function cut(
  lists: readonly string[],
  captions: readonly Caption[],
  toMs: number,
  out: string,
): Promise<void> {
  await mkdir(dirname(out), { recursive: true });
  const [begin] = captions;
  if (!begin) throw new Error('a film without captions');
  const texts = captions.map(({ fromMs, text }, n) => {
    const [from, to] = [fromMs, captions[n + 1]?.fromMs ?? toMs].map((ms) => ((ms - begin.fromMs) / 1000).toFixed(2));
    const quoted = text.replaceAll('\\', '').replaceAll("'", '’').replaceAll(':', '\\:').replaceAll(',', '\\,');
    return `drawtext=fontfile=${FONT}:text='${quoted}':fontsize=20:fontcolor=white:x=(w-text_w)/2:y=h-32:enable='between(t,${from},${to})'`;
  });
  const filter = [
    `[0:v]fps=${FPS},scale=-2:${HEIGHT}[a]`,
    `[1:v]fps=${FPS},scale=-2:${HEIGHT}[b]`,
    `[a][b]hstack=shortest=1,pad=iw:ih+44:0:0:color=0x101418,${texts.join(',')}[film]`,
  ].join(';');
  const inputs = lists.flatMap((list) => ['-f', 'concat', '-safe', '0', '-i', list]);
  const mp4 = `${out}.mp4`;
  const quiet = ['-y', '-loglevel', 'error'];
  await run('ffmpeg', [
    ...quiet,
    ...inputs,
    '-filter_complex',
    filter,
    '-map',
    '[film]',
    '-pix_fmt',
    'yuv420p',
    '-crf',
    '28',
    mp4,
  ]);
  const palette =
    'fps=5,scale=1100:-2:flags=lanczos,split[s][t];[s]palettegen=max_colors=96[p];[t][p]paletteuse=dither=bayer:bayer_scale=4';
  await run('ffmpeg', [...quiet, '-i', mp4, '-vf', palette, `${out}.gif`]);
}
