import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Stories mostly wait for real seconds, so there may be more workers than a small machine has cores.
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
