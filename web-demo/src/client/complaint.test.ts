import { expect, it } from 'vitest';
import { complains } from './complaint.ts';

it('hears complaints about the picture', () => {
  const all = [
    'The picture stutters',
    'it keeps FREEZING',
    'the video froze',
    'always buffering…',
    'so laggy',
    'Stripes or blocks on the picture',
    'black screen',
    'green picture',
    '画面卡顿',
    '直播好卡啊',
    '花屏了',
    '黑屏',
    '有马赛克',
    '画面有条纹或马赛克',
    '一直缓冲',
  ];
  for (const text of all) expect(complains(text), text).toBe(true);
});

it('leaves other messages alone', () => {
  for (const text of ['Hello!', 'How do I buy a ticket?', 'thanks, bye', '谢谢', '怎么退票', '声音很好']) {
    expect(complains(text), text).toBe(false);
  }
});
