// Chat and voices while a picture connects, driven inside the pages: a driver that looks for elements does so on the same
// thread that has to show the picture, and would be measured with it.

import type { Page } from '@playwright/test';

/** How often a page writes by itself, ms. */
const WRITE_MS = 2_000;
/** How soon after a click of the person it writes too, ms. */
const AFTER_CLICK_MS = 30;
/** How often a page looks whether its microphone may be turned on, ms. */
const LOOK_MS = 100;

/** The page writes messages and turns its microphone on in every call, until it is closed. */
export async function talk(page: Page, composer: 'Message' | 'Reply'): Promise<void> {
  await page.evaluate(
    ({ composer, WRITE_MS, AFTER_CLICK_MS, LOOK_MS }) => {
      const root = document.querySelector('sightline-support')?.shadowRoot ?? document;
      let written = 0;
      const write = () => {
        const box = root.querySelector<HTMLTextAreaElement>(`textarea[aria-label="${composer}"]`);
        if (!box) return;
        written += 1;
        box.value = `${composer} ${written}`;
        box.dispatchEvent(new InputEvent('input', { bubbles: true }));
        box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
      };
      setInterval(write, WRITE_MS);
      if (composer === 'Message') root.addEventListener('click', () => setTimeout(write, AFTER_CLICK_MS));
      setInterval(() => {
        for (const button of root.querySelectorAll<HTMLButtonElement>('button')) {
          const name = button.getAttribute('aria-label') ?? button.textContent ?? '';
          if (name.includes('Turn on microphone') && button.checkVisibility() && !button.disabled) button.click();
        }
      }, LOOK_MS);
    },
    { composer, WRITE_MS, AFTER_CLICK_MS, LOOK_MS },
  );
}
