// force timezone to UTC to allow tests to work regardless of local timezone
// generally used by snapshots, but can affect specific tests
process.env.TZ = 'UTC';

const base = require('./.config/jest.config');

module.exports = {
  // Jest configuration provided by Grafana scaffolding
  ...base,
  // Machines of CI do other work meanwhile: what hangs is found late, what is slow is no failure.
  testTimeout: 60_000,
  testMatch: [...base.testMatch, '<rootDir>/overview/**/*.test.ts'],
  transform: {
    ...base.transform,
    // d3-color, which @grafana/data loads, has its modules in such files.
    '^.+\\.mjs$': base.transform['^.+\\.(t|j)sx?$'],
  },
  // living.test.ts asks a running demo, whose address is in WEFT_URL; without one it is not collected.
  testPathIgnorePatterns: ['/node_modules/', ...(process.env.WEFT_URL ? [] : ['/living\\.test\\.ts$'])],
};
