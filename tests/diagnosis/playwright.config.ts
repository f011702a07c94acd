// The recorder runs as one Playwright test without a time limit: that gives it TypeScript and the browser tests' support.

export default {
  testDir: '.',
  testMatch: ['record.run.ts', 'desk.run.ts', 'dumps.run.ts'],
  outputDir: '../browser/test-results',
  workers: 1,
  timeout: 0,
  // Pages over bad lines take their time.
  expect: { timeout: 40_000 },
  reporter: [['line']],
};
