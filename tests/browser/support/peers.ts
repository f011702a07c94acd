// Looks into a page's peer connections from outside: the page's own code knows nothing of it.

import { expect, type Page } from '@playwright/test';

interface Recorded {
  pc: RTCPeerConnection;
  channels: RTCDataChannel[];
}

declare global {
  interface Window {
    /** Every peer connection the page made, oldest first; put there by `recordPeers`. */
    recordedPeers?: Recorded[];
    /** Every audio element that the page made and put nowhere; put there by `recordPeers`. */
    recordedSounds?: HTMLAudioElement[];
  }
}

/** Records the peer connections of every document that `page` loads from now on. */
export async function recordPeers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const sounds: HTMLAudioElement[] = [];
    window.recordedSounds = sounds;
    window.Audio = class extends Audio {
      constructor(src?: string) {
        super(src);
        sounds.push(this);
      }
    };
    const recorded: Recorded[] = [];
    window.recordedPeers = recorded;
    const { createDataChannel } = RTCPeerConnection.prototype;
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        const channels: RTCDataChannel[] = [];
        recorded.push({ pc: this, channels });
        this.createDataChannel = (label, options) => {
          const channel = createDataChannel.call(this, label, options);
          channels.push(channel);
          return channel;
        };
      }
    };
  });
}

/** Waits until both data channels of the page's newest connection are open. */
export async function expectChannelsOpen(page: Page): Promise<void> {
  await expect
    .poll(() =>
      page.evaluate(() => {
        const channels = window.recordedPeers?.at(-1)?.channels ?? [];
        return channels.map(({ label, readyState }) => `${label}: ${readyState}`).sort();
      }),
    )
    .toEqual(['control: open', 'fast: open']);
}

/** What the channels of docs/protocol.md are made with. */
export async function channelOptions(page: Page): Promise<Record<string, { ordered: boolean; maxRetransmits: number | null }>> {
  return page.evaluate(() =>
    Object.fromEntries(
      (window.recordedPeers?.at(-1)?.channels ?? []).map(({ label, ordered, maxRetransmits }) => [
        label,
        { ordered, maxRetransmits },
      ]),
    ),
  );
}

/** Sends bytes on `fast` until their echo is back (a datagram may be lost), and returns the echo. */
export async function echoOnFast(page: Page, bytes: number[]): Promise<number[]> {
  return page.evaluate(async (sent) => {
    const fast = window.recordedPeers?.at(-1)?.channels.find(({ label }) => label === 'fast');
    if (!fast) throw new Error('no channel "fast"');
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const echo = await new Promise<number[] | null>((resolve) => {
        const heard = (event: MessageEvent) => {
          const bytes = [...new Uint8Array(event.data as ArrayBuffer)];
          if (bytes.length !== sent.length) return;
          fast.removeEventListener('message', heard);
          resolve(bytes);
        };
        fast.addEventListener('message', heard);
        setTimeout(() => resolve(null), 1_000);
        fast.send(new Uint8Array(sent));
      });
      if (echo) return echo;
    }
    throw new Error('no echo');
  }, bytes);
}
