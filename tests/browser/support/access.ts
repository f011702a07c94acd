// What makes a page usable for everybody, checked: axe's rules of WCAG 2.2 A and AA, and what axe cannot see.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, type Page } from '@playwright/test';
import type { AxeResults, RunOptions } from 'axe-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The rules: all of WCAG 2.2 A and AA and axe's own advice, target size included, which axe leaves off by default. */
const RULES: RunOptions = { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } };
/** What fails a test. The lesser ones are advice. */
const IMPACTS = ['serious', 'critical'];

/** Everything that can be operated. */
const INTERACTIVE = [
  ...['a[href]', 'button', 'input:not([type=hidden])', 'textarea', 'select', 'summary'],
  ...['[tabindex]:not([tabindex="-1"])', '[role=button]', '[role=option]', 'video[controls]'],
].join(',');

/** Higher than this it is an area, not a control, CSS px. */
const AREA_PX = 120;

/** No serious or critical fault, in light and in dark. `what` names the state in a failure. Shadow trees are included. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    expect.soft(await axeFaults(page), `${what}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** The faults, each as rule, place and axe's own explanation. */
async function axeFaults(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const results = await page.evaluate(
    (options) => (window as unknown as { axe: { run(o: RunOptions): Promise<AxeResults> } }).axe.run(options),
    RULES,
  );
  return results.violations
    .filter(({ impact }) => IMPACTS.includes(impact ?? ''))
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary, html }) => `${id} at ${JSON.stringify(target)}: ${failureSummary} ${html.slice(0, 200)}`),
    );
}

/** What changes with the colour scheme has changed: frames drawn, transitions at their ends. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    const roots = (root: Document | ShadowRoot): (Document | ShadowRoot)[] => [
      root,
      ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => (shadowRoot ? roots(shadowRoot) : [])),
    ];
    await frame();
    await frame();
    const ending = roots(document)
      .flatMap((root) => root.getAnimations())
      .filter((one) => one.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY && one.playState === 'running');
    await Promise.all(ending.map((one) => one.finished.catch(() => {})));
    await frame();
  });
}

/** Every control that can have the focus looks different with it: an outline or a shadow on it, its frame or its label. */
export async function expectFocusShown(page: Page, what: string): Promise<void> {
  // The browser draws the focus for those who use the keyboard: so do we.
  await page.keyboard.press('Tab');
  const unseen = await page.evaluate((selector) => {
    const look = (element: Element) =>
      [element, element.parentElement, element.closest('label'), element.nextElementSibling]
        .filter((one) => one !== null)
        .map((one) => {
          const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(one);
          return `${outlineStyle === 'none' ? '' : outlineWidth + outlineColor} ${boxShadow}`;
        })
        .join('|');
    const faults: string[] = [];
    let held = document.activeElement;
    while (held?.shadowRoot?.activeElement) held = held.shadowRoot.activeElement;
    if (held instanceof HTMLElement) held.blur();
    const visit = (root: ParentNode) => {
      for (const element of root.querySelectorAll<HTMLElement>('*')) {
        if (element.shadowRoot) visit(element.shadowRoot);
        if (!element.matches(selector) || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.matches(':disabled, video')) continue;
        const before = look(element);
        element.focus({ preventScroll: true });
        const holds = (element.getRootNode() as Document | ShadowRoot).activeElement === element;
        if (!holds) continue;
        if (look(element) === before) faults.push(element.outerHTML.slice(0, 160));
        element.blur();
      }
    };
    visit(document);
    if (held instanceof HTMLElement) held.focus();
    return faults;
  }, INTERACTIVE);
  expect.soft(unseen, `${what}: controls whose focus cannot be seen`).toEqual([]);
}

/**
 * Nothing scrolls sideways, and every control below `within` (the page, unless given) can be brought into sight and is not
 * covered there. While a modal dialog is open its controls alone count.
 */
export async function expectReachable(page: Page, what: string, within = 'html'): Promise<void> {
  const { wide, hidden } = await page.evaluate(([selector, within, AREA_PX]) => {
    const hidden: string[] = [];
    const tell = (element: Element, why: string) => {
      const name = element.getAttribute('aria-label') ?? element.textContent ?? '';
      hidden.push(`${element.tagName.toLowerCase()} "${name.trim().slice(0, 60)}" ${why}`);
    };
    const deepest = (x: number, y: number) => {
      let at = document.elementFromPoint(x, y);
      while (at?.shadowRoot) {
        const inside = at.shadowRoot.elementFromPoint(x, y);
        if (!inside || inside === at) break;
        at = inside;
      }
      return at;
    };
    const visit = (root: ParentNode) => {
      for (const element of root.querySelectorAll<HTMLElement>('*')) {
        if (element.shadowRoot) visit(element.shadowRoot);
        if (!element.matches(selector) || !element.checkVisibility({ visibilityProperty: true })) continue;
        // Some come into sight only with the focus.
        element.focus({ preventScroll: true });
        element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
        const box = element.getBoundingClientRect();
        // Read by assistive technology alone until it has the focus.
        if (box.width <= 1 || box.height <= 1) continue;
        if (box.left < -1 || box.right > innerWidth + 1) tell(element, `is cut: ${Math.round(box.left)} to ${Math.round(box.right)} px`);
        // Of a small control the middle must be free; of an area that scrolls, some part.
        const parts = box.height > AREA_PX ? [0.05, 0.25, 0.5, 0.75, 0.95] : [0.5];
        const at = parts.map((part) => deepest(box.left + box.width / 2, box.top + box.height * part));
        const label = element.closest('label');
        const free = at.some((one) => one && (element.contains(one) || label?.contains(one)));
        // A list of choices and an open panel stand over what is behind them until they are closed.
        if (at.some((one) => one?.closest('[role=listbox], .sl-popover__panel'))) continue;
        if (!free) tell(element, `at ${Math.round(box.top)} to ${Math.round(box.bottom)} px is covered by ${at[0]?.outerHTML.slice(0, 80)}`);
      }
    };
    const modal = (root: ParentNode): Element | null => {
      for (const element of root.querySelectorAll('*')) {
        const found = element.matches('dialog:modal') ? element : element.shadowRoot && modal(element.shadowRoot);
        if (found) return found;
      }
      return null;
    };
    const start = modal(document) ?? document.querySelector(within);
    if (start) visit(start.shadowRoot ?? start);
    return { wide: document.documentElement.scrollWidth - innerWidth, hidden };
  }, [INTERACTIVE, within, AREA_PX] as const);
  expect.soft(wide, `${what}: px to scroll sideways`).toBeLessThanOrEqual(0);
  expect.soft(hidden, `${what}: controls that cannot be reached`).toEqual([]);
}

/** Every button, field and choice of the widget is as large as a fingertip: 44 px, less the rounding. */
export async function expectFingerSized(page: Page, what: string): Promise<void> {
  const small = await page.evaluate((selector) => {
    const faults: string[] = [];
    const root = document.querySelector('sightline-support')?.shadowRoot;
    for (const element of root?.querySelectorAll<HTMLElement>(selector) ?? []) {
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      // A field's frame belongs to it.
      const box = (element.matches('textarea') ? (element.parentElement ?? element) : element).getBoundingClientRect();
      if (box.width <= 1 || (box.width >= 43.5 && box.height >= 43.5)) continue;
      const name = element.getAttribute('aria-label') ?? element.textContent ?? '';
      faults.push(`${element.tagName.toLowerCase()} "${name.trim().slice(0, 60)}": ${Math.round(box.width)}×${Math.round(box.height)}`);
    }
    return faults;
  }, INTERACTIVE);
  expect.soft(small, `${what}: smaller than a fingertip`).toEqual([]);
}

/** With motion switched off in the system, nothing moves: no animation runs, no transition takes time. */
export async function expectStill(page: Page, what: string): Promise<void> {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await settled(page);
  const moving = await page.evaluate(() => {
    const faults: string[] = [];
    const visit = (root: Document | ShadowRoot) => {
      for (const animation of root.getAnimations()) {
        const { duration, iterations } = animation.effect?.getComputedTiming() ?? {};
        if (Number(duration) > 1) faults.push(`${(animation as CSSAnimation).animationName ?? 'transition'}: ${duration} ms × ${iterations}`);
      }
      for (const element of root.querySelectorAll('*')) {
        if (element.shadowRoot) visit(element.shadowRoot);
        const { transitionDuration } = getComputedStyle(element);
        const longest = Math.max(...transitionDuration.split(',').map((one) => Number.parseFloat(one) * (one.trim().endsWith('ms') ? 1 : 1000)));
        if (longest > 1) faults.push(`${element.className}: a transition of ${longest} ms`);
      }
    };
    visit(document);
    return faults;
  });
  expect.soft(moving, `${what}: motion`).toEqual([]);
}

/** In forced colours each filled button has an edge instead of its filling, and the focus is still drawn. */
export async function expectForcedColours(page: Page, what: string): Promise<void> {
  const filled = await page.evaluateHandle(() => {
    const found: HTMLElement[] = [];
    const visit = (root: ParentNode) => {
      for (const element of root.querySelectorAll<HTMLElement>('*')) {
        if (element.shadowRoot) visit(element.shadowRoot);
        if (!element.matches('button') || !element.checkVisibility({ visibilityProperty: true })) continue;
        const iconAlone = element.querySelector('svg') !== null && (element.textContent ?? '').trim() === '';
        if (!iconAlone && !/(transparent|, 0\))$/.test(getComputedStyle(element).backgroundColor)) found.push(element);
      }
    };
    visit(document);
    return found;
  });
  await page.emulateMedia({ forcedColors: 'active' });
  await settled(page);
  const edgeless = await filled.evaluate((buttons) =>
    buttons
      .filter((button) => Number.parseFloat(getComputedStyle(button).borderTopWidth) === 0)
      .map((button) => button.outerHTML.slice(0, 160)),
  );
  expect.soft(edgeless, `${what}: filled buttons without an edge in forced colours`).toEqual([]);
  await expectFocusShown(page, `${what}, forced colours`);
  await page.emulateMedia({ forcedColors: null });
}
