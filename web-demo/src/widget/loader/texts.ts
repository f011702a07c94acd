// Texts of the loader: few, since every page of the host carries them.

import { catalogue } from '../../i18n/i18n.ts';

/** The loader's texts. */
export const loaderTexts = catalogue(
  {
    launcher: 'Support',
    dialog: 'Support chat',
    minimize: 'Minimise',
    loading: 'Connecting to support…',
    failed: 'We cannot reach support right now. We keep trying.',
    retry: 'Try again',
    unread: (n: number) => (n === 1 ? '1 new message' : `${n} new messages`),
  },
  {
    launcher: '客服',
    dialog: '在线客服',
    minimize: '最小化',
    loading: '正在连接客服…',
    failed: '暂时无法连接客服，我们会继续尝试。',
    retry: '重试',
    unread: (n) => `${n} 条新消息`,
  },
);
