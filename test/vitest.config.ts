import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Two workers: stories start real processes, and the limits they keep are real seconds.
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
