import { afterEach, expect, it, vi } from 'vitest';
import { CallTabs } from './tabs.ts';

const open: CallTabs[] = [];
const tab = () => {
  const one = new CallTabs('test', 300);
  open.push(one);
  return one;
};

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

it('finds the tab with the call and gets its session, once', async () => {
  const [here, there] = [tab(), tab()];
  expect(await there.someoneHolds()).toBe(false);
  const holder = { give: vi.fn(() => 's_1'), given: vi.fn(), back: vi.fn() };
  here.hold(holder);
  expect(await there.someoneHolds()).toBe(true);
  expect(await there.take()).toBe('s_1');
  there.tookIt('s_1');
  await vi.waitFor(() => expect(holder.given).toHaveBeenCalledOnce());
  expect(holder.back).not.toHaveBeenCalled();
  expect(await there.take()).toBeNull();
});

it('takes the session back when nobody took it', async () => {
  const [here, there] = [tab(), tab()];
  const holder = { give: () => 's_1', given: vi.fn(), back: vi.fn() };
  here.hold(holder);
  expect(await there.take()).toBe('s_1');
  await vi.waitFor(() => expect(holder.back).toHaveBeenCalledWith('s_1'));
  expect(holder.given).not.toHaveBeenCalled();
});
