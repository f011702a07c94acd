// Accessible names in the two languages: tests speak English and translate here.

/** Language of a page under test. */
export type Lang = 'en' | 'zh';

/** English names of controls and regions, and what the Chinese interface calls them. */
const CHINESE: Record<string, string> = {
  // Widget.
  Support: '客服',
  'Support chat': '在线客服',
  Conversation: '会话',
  Message: '消息',
  Send: '发送',
  Minimise: '最小化',
  'The picture stutters': '画面卡顿',
  'Copy private link': '复制私密链接',
  'Screen sharing request': '屏幕共享请求',
  'Share only the player': '仅共享播放器',
  'Share this tab': '共享此标签页',
  'Share a window': '共享一个窗口',
  'Share my screen': '共享我的屏幕',
  'Show by camera': '用摄像头拍摄',
  'Talk only': '仅语音通话',
  'Send a picture': '发送图片',
  'Ask for a call': '申请通话',
  'Withdraw the request': '撤回申请',
  Picture: '图片',
  'Turn on microphone': '打开麦克风',
  'Turn off microphone': '关闭麦克风',
  Decline: '拒绝',
  Sharing: '正在共享',
  'Stop sharing': '停止共享',
  'Rate the help': '评价服务',
  'Send rating': '提交评价',
  // Console.
  List: '列表',
  'Sign in': '登录',
  'Sign in as the demo agent': '以演示客服身份登录',
  Conversations: '会话列表',
  Queue: '排队中',
  Mine: '我的会话',
  Reply: '回复',
  'Invite to share screen': '邀请共享屏幕',
  Call: '通话',
  Team: '团队',
  Join: '加入',
  'Join the call': '加入通话',
  'Leave the call': '离开通话',
  Resolve: '标为已解决',
  'Internal note': '内部备注',
  'Canned replies': '快捷回复',
  Alerts: '提醒',
  Theme: '主题',
  'Accept the call request': '接受通话请求',
  'Keyboard shortcuts': '键盘快捷键',
  Ticket: '工单',
  'All tickets': '全部工单',
  Diagnosis: '诊断',
  'Diagnosis timeline': '诊断时间线',
  Why: '依据',
  Wrong: '错误',
};

/** The name of a control in a language. */
export function named(lang: Lang, english: string): string {
  if (lang === 'en') return english;
  const chinese = CHINESE[english];
  if (chinese === undefined) throw new Error(`no Chinese name for "${english}" in support/names.ts`);
  return chinese;
}
