// Owns what was written and not sent: one per conversation, kept over a reload of the page, forgotten with the tab.

import type { ConversationId } from '../../protocol/generated.ts';

/** Where drafts are kept; `sessionStorage` fits. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Names of the stored ones. A note never lies where a reply is looked for. */
const PREFIX = { reply: 'sightline.draft.', note: 'sightline.note.' } as const;

/** Drafts with a memory behind them. A storage that refuses (full, forbidden) costs the reload, not the draft. */
export class Drafts {
  readonly #memory = new Map<ConversationId, string>();
  readonly #storage: DraftStorage | undefined;
  readonly #prefix: string;

  constructor(storage: DraftStorage | undefined, kind: keyof typeof PREFIX = 'reply') {
    this.#storage = storage;
    this.#prefix = PREFIX[kind];
  }

  /** The draft, `''` when there is none. */
  get(conversation: ConversationId): string {
    const known = this.#memory.get(conversation);
    if (known !== undefined) return known;
    const stored = this.#read(conversation);
    this.#memory.set(conversation, stored);
    return stored;
  }

  /** Whether there is something worth a marker. */
  has(conversation: ConversationId): boolean {
    return this.get(conversation).trim() !== '';
  }

  /** Keeps the draft; `''` forgets it. */
  set(conversation: ConversationId, text: string): void {
    this.#memory.set(conversation, text);
    try {
      if (text === '') this.#storage?.removeItem(this.#prefix + conversation);
      else this.#storage?.setItem(this.#prefix + conversation, text);
    } catch {
      // Kept in memory all the same.
    }
  }

  #read(conversation: ConversationId): string {
    try {
      return this.#storage?.getItem(this.#prefix + conversation) ?? '';
    } catch {
      return '';
    }
  }
}
