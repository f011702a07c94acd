// Texts of the call.

import { catalogue } from '../../i18n/i18n.ts';

/** The call's texts. */
export const callTexts = catalogue(
  {
    card: 'Screen sharing request',
    title: (name: string) => `${name} would like to see the problem`,
    sees: (name: string) => `Only ${name} sees it, and only what you choose.`,
    notRecorded: 'It is not recorded.',
    stopAny: 'You can stop at any moment.',
    player: 'Share only the player',
    playerHint: 'Just the video of this page. Nothing else on your screen.',
    screen: 'Share my screen',
    screenHint: 'You choose a tab, a window or the whole screen next.',
    screenMissing: 'This browser cannot share the screen.',
    nothingToShare:
      'This browser can share neither the player nor the screen. Tell us in words what you see, or open this page on a computer.',
    decline: 'Decline',
    expires: (time: string) => `The request ends in ${time}`,
    capturing: 'Waiting for your choice…',
    cancelled: 'Nothing is shared. Choose again whenever you like.',
    playerProtected: 'This player is protected and cannot be shared by itself. Share your screen instead.',
    playerProtectedAlone: 'This player is protected and cannot be shared.',
    playerUnsupported: 'This browser cannot share the player by itself.',
    playerEmpty: 'The player gives no picture right now. Start the stream and try again, or share your screen.',
    failed: 'The system did not let the browser capture. Check its screen recording permission and try again.',
    path: 'The connection for the picture could not be made. Try again.',
    bar: 'Sharing',
    sharingScreen: (name: string) => `Sharing your screen with ${name}`,
    sharingPlayer: (name: string) => `Sharing the player with ${name}`,
    stop: 'Stop sharing',
  },
  {
    card: '屏幕共享请求',
    title: (name) => `${name} 想看看您遇到的问题`,
    sees: (name) => `只有 ${name} 能看到，且仅限您选择的内容。`,
    notRecorded: '不会录制。',
    stopAny: '您可以随时停止。',
    player: '仅共享播放器',
    playerHint: '只共享本页的视频，不含屏幕上的其他内容。',
    screen: '共享我的屏幕',
    screenHint: '接下来可选择标签页、窗口或整个屏幕。',
    screenMissing: '此浏览器无法共享屏幕。',
    nothingToShare: '此浏览器既不能共享播放器也不能共享屏幕。请用文字描述，或在电脑上打开本页。',
    decline: '拒绝',
    expires: (time) => `请求将在 ${time} 后失效`,
    capturing: '等待您的选择…',
    cancelled: '尚未共享任何内容，可随时重新选择。',
    playerProtected: '此播放器受保护，无法单独共享。请改为共享屏幕。',
    playerProtectedAlone: '此播放器受保护，无法共享。',
    playerUnsupported: '此浏览器无法单独共享播放器。',
    playerEmpty: '播放器当前没有画面。请先播放直播再试，或共享屏幕。',
    failed: '系统未允许浏览器捕获画面。请检查屏幕录制权限后重试。',
    path: '无法建立画面连接，请重试。',
    bar: '正在共享',
    sharingScreen: (name) => `正在与 ${name} 共享屏幕`,
    sharingPlayer: (name) => `正在与 ${name} 共享播放器`,
    stop: '停止共享',
  },
);

/** The call's texts in one language. */
export type CallTexts = ReturnType<typeof callTexts>;
