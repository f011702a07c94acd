// Words of "What support can see". They must name everything that leaves the page: whoever adds a collector adds a word here.

import { catalogue } from '../../i18n/i18n.ts';

/** The texts. */
export const seesTexts = catalogue(
  {
    title: 'What support can see',
    intro: 'While this chat is open, and of the minute before it was opened:',
    items: [
      'The player: position, waiting, frames, quality and errors.',
      'Its downloads: address without its query, time, size and whether they failed; not their content. Session and content names that the site itself gives to its video host.',
      'The picture: whether it stands still, is black or damaged. That is judged on your device; the picture itself is not sent.',
      'Your device: browser, system and time zone, processor cores, memory, load, battery, kind of network, and whether this tab is hidden.',
      'Your connection: round trip, lost packets and speed. It is measured when the chat is opened, with at most 300 KB.',
      'This page: address without its query, title, and the name of your browser.',
    ],
    never:
      'Your screen, camera and microphone are seen only after you have said so. Other tabs and files are never seen.',
    check: 'Check my connection',
    checking: 'Checking. This takes up to 8 seconds.',
    nothing: 'The connection could not be measured.',
    blocked: 'Your network blocks UDP',
    roundTrip: (ms: string) => `Round trip ${ms} ms`,
    lost: (up: string, down: string) => `lost ${up} % up, ${down} % down`,
    speed: (mbps: string) => `${mbps} Mbit/s`,
    told: 'support sees this too',
  },
  {
    title: '客服能看到什么',
    intro: '在本会话打开期间，以及打开前的一分钟内：',
    items: [
      '播放器：播放位置、等待、帧数、清晰度和错误。',
      '视频下载：不含参数的地址、时间、大小以及是否失败，不含内容。也包括网站自己交给视频主机的会话名和内容名。',
      '画面：是否静止、黑屏或损坏。判断在您的设备上完成，画面本身不会发送。',
      '您的设备：浏览器、系统和时区，处理器核数、内存、负载、电量、网络类型，以及本标签页是否隐藏。',
      '您的网络：往返时间、丢包和速度。打开会话时测量，最多使用 300 KB 流量。',
      '本页面：不含参数的地址、标题和浏览器名称。',
    ],
    never: '只有在您同意之后，客服才能看到您的屏幕、摄像头或听到麦克风。其他标签页和文件永远不可见。',
    check: '检测我的网络',
    checking: '正在检测，最多需要 8 秒。',
    nothing: '无法测量网络连接。',
    blocked: '您的网络屏蔽了 UDP',
    roundTrip: (ms) => `往返 ${ms} 毫秒`,
    lost: (up, down) => `丢包：上行 ${up}%，下行 ${down}%`,
    speed: (mbps) => `${mbps} Mbit/s`,
    told: '客服也能看到此结果',
  },
);

/** The texts in one language. */
export type SeesTexts = ReturnType<typeof seesTexts>;
