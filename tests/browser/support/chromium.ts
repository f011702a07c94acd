// Chromium outside a network laboratory, for what is no test: recorders.

import { type Browser, chromium } from '@playwright/test';
import { browserFlags } from './flags.ts';

/** Starts one. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: browserFlags() });
}
