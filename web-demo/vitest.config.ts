// Unit tests stand beside what they test. The few that need a document say so with `@vitest-environment happy-dom`.

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts'],
    environment: 'node',
    // Detectors on drawn scenes compute for seconds on a busy machine.
    testTimeout: 30_000,
  },
});
