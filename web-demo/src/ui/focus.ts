// Keeps the focus of who works by keyboard: when what had it is taken away, the next of its kind gets it, or a place called
// home. Without this a browser puts the focus back to the top of the page.

/** What can have the focus by Tab. */
const FOCUSABLE = 'a[href], button, input, textarea, select, summary, [tabindex]:not([tabindex="-1"])';

/**
 * Watches a document or shadow tree until the returned function is called. A control that is only disabled for a moment gets
 * the focus back when it is enabled again. `home`: where the focus goes when nothing is left beside what was taken away.
 */
export function keepFocus(root: Document | ShadowRoot, home: () => HTMLElement | null): () => void {
  let last: HTMLElement | null = null;
  let beside: Element | null = null;
  const entered = (event: Event) => {
    last = event.target instanceof HTMLElement ? event.target : null;
    beside = last?.parentElement ?? null;
  };
  // What can still hold the focus was left by a person. What cannot is gone; but a dialog that closes gives the focus back by
  // itself, before the next task.
  const left = ({ target }: Event) =>
    queueMicrotask(() => {
      if (last === null || last !== target) return;
      if (canHold(last)) last = null;
      else setTimeout(look);
    });
  const look = () => {
    if (last === null || !isNowhere(root)) return;
    if (canHold(last)) last.focus();
    else if (!last.isConnected || !last.matches(':disabled')) (firstIn(beside) ?? home())?.focus();
  };
  const observer = new MutationObserver(look);
  observer.observe(root, { subtree: true, childList: true, attributeFilter: ['disabled', 'hidden'] });
  root.addEventListener('focusin', entered);
  root.addEventListener('focusout', left);
  return () => {
    observer.disconnect();
    root.removeEventListener('focusin', entered);
    root.removeEventListener('focusout', left);
  };
}

/** Nothing has the focus, here or elsewhere on the page. */
function isNowhere(root: Document | ShadowRoot): boolean {
  const { activeElement, body } = root.ownerDocument ?? (root as Document);
  return activeElement === null || activeElement === body;
}

function canHold(element: HTMLElement): boolean {
  return element.isConnected && !element.matches(':disabled') && element.getClientRects().length > 0;
}

function firstIn(place: Element | null): HTMLElement | null {
  if (!place?.isConnected) return null;
  return [...place.querySelectorAll<HTMLElement>(FOCUSABLE)].find(canHold) ?? null;
}
