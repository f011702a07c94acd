// Pictures on their way: prepared, sent one after the other with progress, sent again after a break under their old id, until
// their entry is here.

import type { ErrorCode } from '../protocol/generated.ts';
import { backoffMs } from './backoff.ts';
import { randomId } from './base64.ts';
import { Store } from './emitter.ts';
import { PictureError, type PictureProblem, type PreparedPicture, preparePicture } from './picture-prep.ts';
import { type PictureAccess, type Upload, UploadError, uploadPicture } from './pictures.ts';

/** Pictures that may be on their way at once: each is held in memory, decoded, while it is shown. */
const PENDING_MAX = 6;

/** A picture on its way. */
export interface PendingPicture {
  /** Its id, the same in every attempt. */
  readonly clientId: string;
  /** The file's own name; empty for one from the clipboard. */
  readonly name: string;
  /** When it was chosen, ms since the Unix epoch, server's clock. */
  readonly atMs: number;
  /** `sent`: the server has it, its entry is on the way. `waiting`: the line is down, it goes on by itself. */
  readonly stage: 'preparing' | 'sending' | 'waiting' | 'sent' | 'refused';
  /** The share that is out, 0 to 1. */
  readonly progress: number;
  /** What is sent, for showing it; null while it is prepared or when that failed. */
  readonly picture: PreparedPicture | null;
  /** Why it is refused; null otherwise. */
  readonly problem: PictureProblem | ErrorCode | null;
}

/** Refusals that time heals. */
const PASSING: readonly (ErrorCode | 'disconnected')[] = [
  'disconnected',
  'rate_limited',
  'overloaded',
  'internal',
  // The upload broke off, or was too slow, on its way to the server.
  'malformed',
];

/** What an outbox needs. */
export interface PictureOutboxOptions {
  /** By what right. */
  access: PictureAccess;
  /** Agents: the conversation. Viewers have one. */
  conversation?: string;
  /** The server's clock, ms. */
  nowMs: () => number;
  /** Whether there is a conversation to put pictures into; until then they wait. Call `resume` when that changes. */
  ready?: () => boolean;
  /** Makes files ready; for tests. */
  prepare?: (file: Blob) => Promise<PreparedPicture>;
  /** Sends; for tests. */
  upload?: typeof uploadPicture;
}

/** Sends the pictures of one conversation. */
export class PictureOutbox {
  /** On their way, oldest first. */
  readonly pending = new Store<readonly PendingPicture[]>([]);
  readonly #options: PictureOutboxOptions;
  #running: { clientId: string; upload: Upload } | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: PictureOutboxOptions) {
    this.#options = options;
  }

  /** Takes a file. False when too many are on their way. */
  add(file: Blob, name = ''): boolean {
    if (this.pending.get().length >= PENDING_MAX) return false;
    const one: PendingPicture = {
      clientId: randomId(),
      name,
      atMs: this.#options.nowMs(),
      stage: 'preparing',
      progress: 0,
      picture: null,
      problem: null,
    };
    this.pending.update((list) => [...list, one]);
    void this.#prepare(one.clientId, file);
    return true;
  }

  /** Drops one that is refused, or ends one that is under way. */
  cancel(clientId: string): void {
    this.pending.update((list) => list.filter((one) => one.clientId !== clientId));
    if (this.#running?.clientId === clientId) this.#running.upload.abort();
    else this.#next();
  }

  /** Tries a refused one again. */
  again(clientId: string): void {
    this.#change(clientId, { stage: 'waiting', problem: null, progress: 0 });
    this.resume();
  }

  /** The line is back: does not wait for the next attempt. */
  resume(): void {
    this.#attempt = 0;
    clearTimeout(this.#retry);
    this.#next();
  }

  /** Entries with these ids are here: the pictures have arrived. */
  arrived(clientIds: Iterable<string | undefined>): void {
    const here = new Set(clientIds);
    this.pending.update((list) =>
      list.some((one) => here.has(one.clientId)) ? list.filter((one) => !here.has(one.clientId)) : list,
    );
  }

  /** Ends everything. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#running?.upload.abort();
  }

  async #prepare(clientId: string, file: Blob): Promise<void> {
    try {
      const picture = await (this.#options.prepare ?? preparePicture)(file);
      this.#change(clientId, { picture, stage: 'waiting' });
      this.#next();
    } catch (error) {
      const problem = error instanceof PictureError ? error.problem : 'not_a_picture';
      this.#change(clientId, { stage: 'refused', problem });
    }
  }

  #next(): void {
    if (this.#closed || this.#running || this.#options.ready?.() === false) return;
    const one = this.pending.get().find(({ stage }) => stage === 'waiting');
    if (!one?.picture) return;
    const { clientId } = one;
    const { access, conversation, upload = uploadPicture } = this.#options;
    const query = { client_id: clientId, ...(conversation === undefined ? {} : { conversation }) };
    this.#change(clientId, { stage: 'sending', progress: 0 });
    const running = upload(access, query, one.picture, (progress) => this.#change(clientId, { progress }));
    this.#running = { clientId, upload: running };
    running.done.then(
      () => {
        this.#running = null;
        this.#attempt = 0;
        this.#change(clientId, { stage: 'sent', progress: 1 });
        this.#next();
      },
      (error: unknown) => {
        this.#running = null;
        this.#failed(clientId, error instanceof UploadError ? error.code : 'internal');
      },
    );
  }

  #failed(clientId: string, code: UploadError['code']): void {
    if (this.#closed) return;
    if (code !== 'aborted' && !PASSING.includes(code)) {
      this.#change(clientId, { stage: 'refused', problem: code as ErrorCode });
      this.#next();
      return;
    }
    if (code === 'aborted') {
      this.#next();
      return;
    }
    this.#change(clientId, { stage: 'waiting', progress: 0 });
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#next(), backoffMs(this.#attempt));
  }

  #change(clientId: string, change: Partial<PendingPicture>): void {
    this.pending.update((list) => list.map((one) => (one.clientId === clientId ? { ...one, ...change } : one)));
  }
}
