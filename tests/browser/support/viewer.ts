// The viewer's side as a person meets it: the host's page and the widget on it, by roles and accessible names.

import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';

/** The ways of the consent card, by the names of their buttons. */
export const WAYS = {
  player: 'Share only the player',
  tab: 'Share this tab',
  window: 'Share a window',
  screen: 'Share my screen',
  camera: 'Show by camera',
  audio: 'Talk only',
} as const;
/** A way to show a problem. */
export type Way = keyof typeof WAYS;

/** A viewer on a page with the widget. */
export class Viewer {
  readonly page: Page;
  readonly launcher: Locator;
  readonly dialog: Locator;
  readonly log: Locator;
  readonly message: Locator;
  readonly status: Locator;
  readonly card: Locator;
  readonly bar: Locator;
  readonly rating: Locator;
  /** The page's player. */
  readonly player: Locator;

  constructor(page: Page, within: Page | FrameLocator = page) {
    this.page = page;
    this.launcher = within.getByRole('button', { name: 'Support', exact: true });
    this.dialog = within.getByRole('dialog', { name: 'Support chat' });
    this.log = this.dialog.getByRole('log', { name: 'Conversation' });
    this.message = this.dialog.getByRole('textbox', { name: 'Message' });
    this.status = this.dialog.getByRole('status').first();
    this.card = this.dialog.getByRole('group', { name: 'Screen sharing request' });
    this.bar = within.getByRole('group', { name: 'Sharing', exact: true });
    this.rating = this.dialog.getByRole('group', { name: 'Rate the help' });
    this.player = within.locator('video').first();
  }

  /** Opens the demo's stream and waits for its picture. */
  async watchDemo(url: string): Promise<void> {
    await this.page.goto(`${url}/demo?lang=en`);
    await this.expectPlaying();
  }

  /** The player plays. */
  async expectPlaying(): Promise<void> {
    await expect
      .poll(() => this.player.evaluate((video: HTMLVideoElement) => video.currentTime > 0 && video.readyState >= 3))
      .toBe(true);
  }

  /** Opens the chat. */
  async openChat(): Promise<void> {
    await this.launcher.click();
    await expect(this.message).toBeVisible();
  }

  /** Picks the first-message chip. */
  async pick(chip: string): Promise<void> {
    await this.dialog.getByRole('button', { name: chip }).click();
  }

  /** Writes a message and sends it with Enter. */
  async say(text: string): Promise<void> {
    await this.message.fill(text);
    await this.message.press('Enter');
    await expect(this.log.getByText(text, { exact: true })).toBeVisible();
  }

  /** The ticket's number, once the status shows it. */
  async ticket(): Promise<number> {
    await expect(this.status).toContainText(/Ticket #\d+/);
    return Number(/Ticket #(\d+)/.exec((await this.status.textContent()) ?? '')?.[1]);
  }

  /** Accepts by sharing the page's player. */
  async sharePlayer(): Promise<void> {
    await this.card.getByRole('button', { name: 'Share only the player' }).click();
  }

  /** Accepts in one of the ways of the card. */
  async choose(way: Way): Promise<void> {
    await this.card.getByRole('button', { name: WAYS[way], exact: true }).click();
  }

  /** Accepts by sharing a screen. */
  async shareScreen(): Promise<void> {
    await this.card.getByRole('button', { name: 'Share my screen' }).click();
  }

  /** Stops sharing by the bar's button. */
  async stopSharing(): Promise<void> {
    await this.bar.getByRole('button', { name: 'Stop sharing' }).click();
    await expect(this.bar).toBeHidden();
  }

  /** Rates the help. */
  async rate(stars: number, comment: string): Promise<void> {
    await this.rating.getByRole('radio', { name: `${stars} star`, exact: false }).check({ force: true });
    await this.rating.getByRole('textbox', { name: 'Comment (optional)' }).fill(comment);
    await this.rating.getByRole('button', { name: 'Send rating' }).click();
    await expect(this.rating).toBeHidden();
  }
}
