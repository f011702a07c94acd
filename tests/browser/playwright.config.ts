// One worker: two cores carry a server, two pages with video and their encoder, not more. Only what mostly waits (tag
// `@waits`) is run side by side, by `make test`. The reporters are the caller's choice; by default a list, and the count at its end.

import { defineConfig } from '@playwright/test';
import { browserFlags } from './support/flags.ts';

export default defineConfig({
  testDir: 'specs',
  outputDir: 'test-results',
  workers: 1,
  fullyParallel: false,
  // A shared machine has bad seconds. A test that needs its second try is listed as flaky, and that is to be read.
  retries: process.env.CI ? 2 : 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  globalSetup: './support/global-setup.ts',
  use: {
    browserName: 'chromium',
    actionTimeout: 15_000,
    navigationTimeout: 20_000,
    ignoreHTTPSErrors: true,
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: browserFlags(),
    },
    trace: 'off',
    video: 'off',
    screenshot: 'off',
  },
});
