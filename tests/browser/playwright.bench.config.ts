// Measurements, not tests: `make connect-time`. They need the machine for themselves.

import { defineConfig } from '@playwright/test';
import base from './playwright.config.ts';

export default defineConfig({ ...base, testDir: 'bench', testMatch: '*.bench.ts', retries: 0 });
