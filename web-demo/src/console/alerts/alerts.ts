// Owns the alerts of the desk: listens to the session, judges what is news, sounds and notifies as the agent wishes.

import type { AgentSession } from '../../client/agent.ts';
import { Store } from '../../client/emitter.ts';
import { endReasonTexts } from '../../i18n/common.ts';
import type { Lang } from '../../i18n/i18n.ts';
import type { ConversationId } from '../../protocol/generated.ts';
import icon from '../../ui/icon.svg';
import { texts } from '../texts.ts';
import { type Known, type News, newsBetween } from './news.ts';
import { AlertWishes } from './settings.ts';
import { AlertSound } from './sound.ts';

/** What the system says of notifications; `unsupported` where there are none. */
export type Permission = NotificationPermission | 'unsupported';

/** What alerts need to know of the desk. */
export interface AlertsOptions {
  session: AgentSession;
  lang: Lang;
  /** The conversation on the screen; `null` on another page. */
  shown: () => ConversationId | null;
  /** Opens a conversation: its notification was clicked. */
  open: (conversation: ConversationId) => void;
}

/** The alerts. */
export class Alerts {
  readonly wishes = new AlertWishes();
  /** Whether the system allows notifications. */
  readonly permission = new Store<Permission>(permissionNow());
  readonly #options: AlertsOptions;
  readonly #sound = new AlertSound();
  readonly #end: () => void;
  #known: Known;

  constructor(options: AlertsOptions) {
    this.#options = options;
    const { state } = options.session;
    this.#known = state.get();
    this.#end = state.subscribe(() => {
      const after = state.get();
      const news = newsBetween(this.#known, after, inFront() ? options.shown() : null);
      this.#known = after;
      for (const one of news) this.#tell(one);
    });
  }

  /** Ends it. */
  close(): void {
    this.#end();
    this.wishes.close();
    this.#sound.close();
  }

  /** Plays a sound for the agent to hear how loud it is. */
  tryOut(): void {
    void this.#sound.play('waiting', this.wishes.state.get().volume);
  }

  /** Turns notifications on or off. Only here the system's permission is asked for: it is the click that wants them. */
  async setDesktop(on: boolean): Promise<void> {
    if (on && permissionNow() === 'default') {
      try {
        await Notification.requestPermission();
      } catch {
        // A browser that wants them asked for in another way; what it says now counts.
      }
    }
    this.permission.set(permissionNow());
    this.wishes.set({ desktop: on && this.permission.get() === 'granted' });
  }

  #tell(news: News): void {
    const { muted, sound, volume, desktop, kinds } = this.wishes.state.get();
    if (muted || !kinds[news.kind]) return;
    if (sound) void this.#sound.play(news.kind, volume);
    const seen = inFront() && this.#options.shown() === news.conversation;
    if (desktop && !seen && permissionNow() === 'granted') this.#notify(news);
  }

  #notify(news: News): void {
    const t = texts(this.#options.lang).alerts;
    const reason = news.reason === undefined ? '' : endReasonTexts(this.#options.lang)[news.reason];
    try {
      // One for each conversation: the newest thing replaces the one before.
      const shown = new Notification(t.title[news.kind](news.viewer, news.ticket), {
        body: news.kind === 'ended' ? reason : news.text,
        tag: `sightline ${news.conversation}`,
        icon,
        silent: true,
      });
      shown.onclick = () => {
        window.focus();
        this.#options.open(news.conversation);
        shown.close();
      };
    } catch {
      // Phones know notifications of service workers alone: the sound and the title have to do.
    }
  }
}

/** Whether the agent has this page in front. */
function inFront(): boolean {
  return !document.hidden && document.hasFocus();
}

function permissionNow(): Permission {
  return typeof Notification === 'undefined' ? 'unsupported' : Notification.permission;
}
