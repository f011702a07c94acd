// A picture as it is sent: known by its first bytes, small enough for a line in trouble, and without the place where it was
// taken. Everything happens in the page; what cannot be drawn is not sent.

import { PICTURE_BYTES_MAX } from '../protocol/generated.ts';

/** Longer sides are scaled down, px: enough to read a full 2560 px screen. */
export const SIDE_MAX = 2_560;
/** Larger files are made smaller, bytes: ten seconds of a poor uplink (1.6 Mbit/s). */
export const BYTES_WANTED = 2 * 1024 * 1024;
/** Larger files are not even read, bytes: no camera makes them, and decoding would stop the page. */
export const BYTES_READ_MAX = 40 * 1024 * 1024;
/** JPEG quality: no difference to be seen in a photograph. */
const QUALITY = 0.88;

/** What pictures may be on the wire. */
export type PictureType = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/gif';

/** Why a picture cannot be sent. */
export type PictureProblem = 'not_a_picture' | 'too_large';

/** A file is no picture that can be sent. */
export class PictureError extends Error {
  readonly problem: PictureProblem;

  constructor(problem: PictureProblem, options?: ErrorOptions) {
    super(`picture: ${problem}`, options);
    this.name = 'PictureError';
    this.problem = problem;
  }
}

/** A picture ready to be sent. */
export interface PreparedPicture {
  readonly blob: Blob;
  readonly type: PictureType;
  readonly width: number;
  readonly height: number;
}

/** The type by a file's first bytes; null for none of ours. A name or a declared type proves nothing. */
export function sniff(bytes: Uint8Array): PictureType | null {
  const at = (offset: number, text: string) =>
    bytes.length >= offset + text.length && [...text].every((char, n) => bytes[offset + n] === char.charCodeAt(0));
  if (at(0, '\x89PNG\r\n\x1a\n')) return 'image/png';
  if (at(0, '\xff\xd8\xff')) return 'image/jpeg';
  if (at(0, 'RIFF') && at(8, 'WEBP')) return 'image/webp';
  if (at(0, 'GIF87a') || at(0, 'GIF89a')) return 'image/gif';
  return null;
}

/** Whether a file may say where and with what it was taken: Exif in any of the formats. */
export function hasExif(head: Uint8Array): boolean {
  for (let n = 0; n + 3 < head.length; n++) {
    const four = String.fromCharCode(head[n] ?? 0, head[n + 1] ?? 0, head[n + 2] ?? 0, head[n + 3] ?? 0);
    if (four === 'Exif' || four === 'eXIf' || four === 'EXIF') return true;
  }
  return false;
}

/** The size to draw at, so that no side is longer than `SIDE_MAX`. */
export function fitted(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, SIDE_MAX / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Bytes in which Exif is looked for: it stands before the picture, behind a profile at most. */
const HEAD_BYTES = 128 * 1024;

/** Makes a file ready. @throws PictureError */
export async function preparePicture(file: Blob): Promise<PreparedPicture> {
  if (file.size > BYTES_READ_MAX) throw new PictureError('too_large');
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const type = sniff(head);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (cause) {
    throw new PictureError('not_a_picture', { cause });
  }
  try {
    const size = fitted(bitmap.width, bitmap.height);
    const asIs =
      type !== null && file.size <= BYTES_WANTED && size.width === bitmap.width && size.height === bitmap.height;
    if (asIs && !hasExif(head)) return { blob: new Blob([file], { type }), type, ...size };
    return await redrawn(bitmap, type === 'image/png', size);
  } finally {
    bitmap.close();
  }
}

/** Screenshots stay PNG as long as they are small: text survives. Everything else becomes a JPEG. */
async function redrawn(
  bitmap: ImageBitmap,
  wasPng: boolean,
  size: { width: number; height: number },
): Promise<PreparedPicture> {
  const canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext('2d');
  if (!context) throw new PictureError('not_a_picture');
  context.imageSmoothingQuality = 'high';
  if (wasPng) {
    context.drawImage(bitmap, 0, 0, size.width, size.height);
    const png = await encoded(canvas, 'image/png');
    if (png && png.size <= BYTES_WANTED) return { blob: png, type: 'image/png', ...size };
  }
  // JPEG knows no transparency: what shows through is paper, not black.
  context.globalCompositeOperation = 'source-over';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, size.width, size.height);
  context.drawImage(bitmap, 0, 0, size.width, size.height);
  const jpeg = await encoded(canvas, 'image/jpeg');
  if (!jpeg) throw new PictureError('not_a_picture');
  if (jpeg.size > PICTURE_BYTES_MAX) throw new PictureError('too_large');
  return { blob: jpeg, type: 'image/jpeg', ...size };
}

function encoded(canvas: HTMLCanvasElement, type: PictureType): Promise<Blob | null> {
  return new Promise((done) => canvas.toBlob(done, type, QUALITY));
}
