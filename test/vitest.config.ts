import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Those that wait for real minutes of Heroku's, or for locks to time out, in the order in which they begin. Torture and
 * most stories take a core nearly to themselves; the kills and the engine, beside them, a third of one.
 */
const LONG = [
  ...['torture', 'kill', 'stories', 'engine', 'demo', 'health-stories', 'migration-stories', 'pictures-story'],
  ...['outage-story', 'torture-gather'],
  ...['migrator-kill', 'secrets', 'closed-stories', 'migrator-locks'],
];
const FILES_OF_THE_LONG = LONG.map(name => `test/${name}.test.ts`);

/** The longest first, so that at the end no worker waits for another. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = LONG.indexOf(basename(moduleId, '.test.ts'));
      return index < 0 ? LONG.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

// Stories mostly wait for real seconds, so there may be more workers than a small machine has cores.
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    globalSetup: 'test/setup.ts',
    pool: 'forks',
    maxWorkers: 4,
    // Far longer than any takes: on a slow or busy machine the real seconds of a story stretch.
    testTimeout: 240_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'long', include: FILES_OF_THE_LONG } },
      // In one process after the other: to begin anew takes most of them longer than they do.
      {
        extends: true,
        test: { name: 'short', include: ['test/**/*.test.ts'], exclude: FILES_OF_THE_LONG, isolate: false },
      },
    ],
  },
});
