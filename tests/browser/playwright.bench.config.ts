// Measurements and recordings, not tests: `make connect-time`, `make story`. They need the machine for themselves.

import { defineConfig } from '@playwright/test';
import base from './playwright.config.ts';

export default defineConfig({ ...base, testDir: 'bench', testMatch: process.env.BENCH ?? '*.bench.ts', retries: 0 });
