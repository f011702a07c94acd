// A person without a mouse: Tab and Shift+Tab until a control has the focus, which must be seen; and that no action loses it.

import { expect, type Page } from '@playwright/test';

/** Presses that must be enough to get from one control to another of the same part of a page. */
const TABS_MAX = 14;

/** What has the focus, inside all shadow trees. */
export interface Focused {
  role: string;
  name: string;
  /** Whether the focus is drawn. */
  visible: boolean;
}

/** The focused element: its role, its name, and whether the focus is drawn. */
export async function focused(page: Page): Promise<Focused> {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (!element) return { role: '', name: '', visible: false };
    const implicit: Record<string, string> = { BUTTON: 'button', TEXTAREA: 'textbox', A: 'link', VIDEO: 'video', SELECT: 'combobox' };
    const input = element instanceof HTMLInputElement ? (element.type === 'radio' ? 'radio' : 'textbox') : undefined;
    const role = element.getAttribute('role') ?? input ?? implicit[element.tagName] ?? element.tagName.toLowerCase();
    const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])].map((label) => label.textContent) : [];
    const name = (element.getAttribute('aria-label') ?? (labels.join(' ') || element.textContent) ?? '').replace(/\s+/g, ' ').trim();
    // A text box may show the focus on its frame, a hidden radio on its label.
    const drawn = [element, element.parentElement, element.closest('label')].filter((one) => one !== null);
    const visible = drawn.some((one) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
      return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    });
    return { role, name, visible };
  });
}

/** Whether the focused element is the one with this role and name; a name that ends with … only has to begin so. */
function is(at: Focused, role: string, name: string): boolean {
  return at.role === role && (name.endsWith('…') ? at.name.startsWith(name.slice(0, -1)) : at.name === name);
}

/** Presses Tab until the control with this role and name has the focus, which must be visible. */
export async function tabTo(page: Page, role: string, name: string, presses = TABS_MAX, key = 'Tab'): Promise<void> {
  const passed: string[] = [];
  for (let n = 0; n < presses; n += 1) {
    await page.keyboard.press(key);
    const at = await focused(page);
    if (is(at, role, name)) {
      expect(at.visible, `the focus on "${name}" can be seen`).toBe(true);
      return;
    }
    passed.push(`${at.role} "${at.name}"`);
  }
  throw new Error(`${role} "${name}" is not reached by ${presses} × ${key}; passed: ${passed.join(', ')}`);
}

/** After an action whose result is there: the focus is somewhere, not lost to the page's body. */
export async function expectFocusKept(page: Page, after: string): Promise<void> {
  await expect
    .poll(async () => (await focused(page)).role, { message: `where the focus is after ${after}`, timeout: 3_000 })
    .not.toMatch(/^(body|html|)$/);
}

/** Presses Enter on what has the focus, waits for the result, and checks that the focus is not lost. */
export async function act(page: Page, what: string, result: () => Promise<void>): Promise<void> {
  await page.keyboard.press('Enter');
  await result();
  await expectFocusKept(page, what);
}
