// Owns the desk's canned replies at this page: read when they are first wanted, and read again now and then, since
// colleagues change them.

import { addCannedReply, changeCannedReply, deleteCannedReply, listCannedReplies } from '../../client/api.ts';
import { Store } from '../../client/emitter.ts';
import type { CannedReply, CannedReplyDraft, CannedReplyId } from '../../protocol/generated.ts';

/** What was read is fresh enough for so long, ms. */
const FRESH_MS = 60_000;

/** Where the list stands. */
export interface RepliesState {
  readonly replies: readonly CannedReply[];
  /** `failed`: the last reading failed; what was known before is still there. */
  readonly state: 'unread' | 'ready' | 'failed';
}

/** The canned replies. */
export class Replies {
  /** The list. */
  readonly state = new Store<RepliesState>({ replies: [], state: 'unread' });
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  /** The list is wanted: reads it unless it was read a moment ago. */
  want(): void {
    if (performance.now() - this.#readAtMs > FRESH_MS) void this.read();
  }

  /** Reads it now; a failure is told by the state. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** Adds one, or changes the one with `id`. @throws ApiFailure */
  async save(id: CannedReplyId | null, draft: CannedReplyDraft): Promise<void> {
    await (id === null ? addCannedReply(draft) : changeCannedReply(id, draft));
    await this.#again();
  }

  /** Deletes one. @throws ApiFailure */
  async remove(id: CannedReplyId): Promise<void> {
    await deleteCannedReply(id);
    await this.#again();
  }

  /** After a change: a reading that began before it does not count. */
  async #again(): Promise<void> {
    await this.#reading;
    await this.read();
  }

  async #read(): Promise<void> {
    try {
      const { replies } = await listCannedReplies();
      this.#readAtMs = performance.now();
      this.state.set({ replies, state: 'ready' });
    } catch {
      this.state.update((known) => ({ ...known, state: 'failed' }));
    }
  }
}
