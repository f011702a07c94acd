// The agent's side as a person meets it: the console, by roles and accessible names.

import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';
import type { Account } from './server.ts';

/** An agent at the console. */
export class Agent {
  readonly page: Page;
  readonly queue: Locator;
  readonly mine: Locator;
  /** Colleagues in calls. */
  readonly team: Locator;
  readonly log: Locator;
  readonly reply: Locator;
  readonly call: Locator;
  readonly video: Locator;
  readonly invite: Locator;
  readonly within: Page | FrameLocator;

  constructor(page: Page, within: Page | FrameLocator = page) {
    this.page = page;
    this.within = within;
    const lists = within.getByRole('navigation', { name: 'Conversations' });
    this.queue = lists.getByRole('list', { name: 'Queue' });
    this.mine = lists.getByRole('list', { name: 'Mine' });
    this.team = lists.getByRole('list', { name: 'Team' });
    this.log = within.getByRole('log', { name: 'Conversation' });
    this.reply = within.getByRole('textbox', { name: 'Reply' });
    this.call = within.getByRole('region', { name: 'Call' });
    this.video = this.call.locator('video[aria-label="Shared screen"]');
    this.invite = within.getByRole('button', { name: 'Invite to share screen' });
  }

  /** Opens the console and signs in as the demo's agent. */
  async signInToDemo(url: string): Promise<void> {
    await this.page.goto(`${url}/agent?lang=en`);
    await this.page.getByRole('button', { name: 'Sign in as the demo agent' }).click();
    await expect(this.queue).toBeAttached();
  }

  /** Opens the console and signs in by password. */
  async signIn(url: string, account: Account): Promise<void> {
    await this.page.goto(`${url}/agent?lang=en`);
    await this.page.getByRole('textbox', { name: 'Login' }).fill(account.login);
    await this.page.getByLabel('Password').fill(account.password);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(this.queue).toBeAttached();
  }

  /** Takes a ticket from the queue. */
  async take(ticket: number): Promise<void> {
    await this.queue.getByRole('button', { name: `Take #${ticket}`, exact: true }).click();
    await expect(this.reply).toBeVisible();
  }

  /** The row of an own conversation. */
  row(ticket: number): Locator {
    return this.mine.getByRole('button', { name: new RegExp(`^#${ticket}\\b`) });
  }

  /** Writes a reply and sends it with Enter. */
  async answer(text: string): Promise<void> {
    await this.reply.fill(text);
    await this.reply.press('Enter');
    await expect(this.log.getByText(text, { exact: true })).toBeVisible();
  }

  /** Joins the call of a colleague, by the team's list, and waits for its picture. */
  async joinCallOf(name: string): Promise<void> {
    await this.team.getByRole('listitem').filter({ hasText: name }).getByRole('button', { name: 'Join' }).click();
    await expect(this.call).toBeVisible();
  }

  /** Leaves a colleague's call. */
  async leaveCall(): Promise<void> {
    await this.call.getByRole('button', { name: 'Leave the call' }).click();
    await expect(this.call).toBeHidden();
  }

  /** Ends the running call. */
  async endCall(): Promise<void> {
    await this.call.getByRole('button', { name: 'End call' }).click();
    await expect(this.call).toBeHidden();
  }

  /** Waits until the shared picture is decoded at this size. */
  async expectPicture(width: number, height: number): Promise<void> {
    await expect
      .poll(() => this.video.evaluate((video: HTMLVideoElement) => [video.videoWidth, video.videoHeight]))
      .toEqual([width, height]);
  }

  /** Waits until some picture is decoded, and that it moves on. */
  async expectPictureMoving(): Promise<void> {
    await expect
      .poll(() => this.video.evaluate((video: HTMLVideoElement) => video.videoWidth > 0 && !video.paused))
      .toBe(true);
    const before = await this.#framesPresented();
    await expect.poll(() => this.#framesPresented()).toBeGreaterThan(before + 10);
  }

  /** Frames presented so far, told at the next one; 0 when none comes. Firefox's playback quality leaves streams out. */
  #framesPresented(): Promise<number> {
    return this.video.evaluate(
      (video: HTMLVideoElement) =>
        new Promise<number>((told) => {
          video.requestVideoFrameCallback((_, { presentedFrames }) => told(presentedFrames));
          setTimeout(() => told(0), 1_000);
        }),
    );
  }
}
