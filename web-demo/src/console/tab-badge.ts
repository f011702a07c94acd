// Owns how the browser's tab tells of unread messages: a number in the title, a mark on the icon.

import { useEffect } from 'preact/hooks';
import icon from '../ui/icon.svg';
import { useTexts } from './context.ts';
import unreadIcon from './icon-unread.svg';

/** Title of the tab with `count` unread messages. */
export function tabTitle(count: number, title: string): string {
  return count === 0 ? title : `(${count > 99 ? '99+' : count}) ${title}`;
}

/** Keeps title and icon up to date. */
export function useTabBadge(count: number): void {
  const { t } = useTexts();
  useEffect(() => {
    document.title = tabTitle(count, t.pageTitle);
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]');
    const wanted = count === 0 ? icon : unreadIcon;
    if (link !== null && link.getAttribute('href') !== wanted) link.href = wanted;
  }, [count, t]);
}
