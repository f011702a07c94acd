// Pictures over HTTP: up with progress, down with the right to see them. Who may is told by the headers: the viewer's key, or
// the agent's cookie.

import type { ApiError, ErrorCode } from '../protocol/generated.ts';
import type { PreparedPicture } from './picture-prep.ts';

/** Without a byte's progress for this long an upload counts as broken, ms. */
const STALLED_MS = 20_000;

/** The server does not want a picture, or could not be reached (`disconnected`). */
export class UploadError extends Error {
  readonly code: ErrorCode | 'disconnected' | 'aborted';

  constructor(code: ErrorCode | 'disconnected' | 'aborted') {
    super(`upload: ${code}`);
    this.name = 'UploadError';
    this.code = code;
  }
}

/** Whose pictures, and by what right. */
export interface PictureAccess {
  /** Origin of the server. */
  readonly server: string;
  /** The viewer's key; absent for an agent, whom the browser's cookie names. */
  readonly key?: string;
}

/** An upload under way. */
export interface Upload {
  /** Resolves when the picture's entry is committed. @throws UploadError */
  readonly done: Promise<void>;
  /** Ends it: `done` rejects with `aborted`. */
  abort(): void;
}

function headersOf({ key }: PictureAccess): Record<string, string> {
  return key === undefined ? {} : { authorization: `Viewer ${key}` };
}

/**
 * Sends a picture. `query`: `client_id` (the same in every attempt, so that a repeated one changes nothing), and for agents
 * `conversation`. `onProgress` gets the share that is out, 0 to 1. `fetch` cannot tell progress, hence XMLHttpRequest.
 */
export function uploadPicture(
  access: PictureAccess,
  query: { client_id: string; conversation?: string },
  picture: Pick<PreparedPicture, 'blob' | 'type'>,
  onProgress: (share: number) => void,
): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<void>((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout>;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        fail('disconnected');
        request.abort();
      }, STALLED_MS);
    };
    const fail = (code: UploadError['code']) => {
      clearTimeout(timer);
      reject(new UploadError(code));
    };
    request.upload.onprogress = (event) => {
      alive();
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    };
    request.onerror = () => fail('disconnected');
    request.onabort = () => fail('aborted');
    request.onload = () => {
      clearTimeout(timer);
      if (request.status >= 200 && request.status < 300) resolve();
      else fail(refusalOf(request));
    };
    request.open('POST', `${access.server}/api/v1/pictures?${new URLSearchParams(query)}`);
    for (const [name, value] of Object.entries(headersOf(access))) request.setRequestHeader(name, value);
    request.setRequestHeader('content-type', picture.type);
    alive();
    request.send(picture.blob);
  });
  return { done, abort: () => request.abort() };
}

function refusalOf(request: XMLHttpRequest): UploadError['code'] {
  try {
    const { code } = JSON.parse(request.responseText) as Partial<ApiError>;
    if (code) return code;
  } catch {
    // A proxy's own page: the status has to do.
  }
  if (request.status === 413) return 'too_large';
  if (request.status === 429) return 'rate_limited';
  return request.status >= 500 || request.status === 0 ? 'disconnected' : 'invalid';
}

/** Brings a picture, for drawing on a canvas: no `<img>`, so that a host's policy need not allow our pictures. */
export async function loadPicture(access: PictureAccess, picture: string, signal: AbortSignal): Promise<ImageBitmap> {
  const answer = await fetch(`${access.server}/api/v1/pictures/${encodeURIComponent(picture)}`, {
    headers: headersOf(access),
    credentials: access.key === undefined ? 'same-origin' : 'omit',
    signal,
  });
  if (!answer.ok) throw new Error(`picture: ${answer.status}`);
  return createImageBitmap(await answer.blob());
}
