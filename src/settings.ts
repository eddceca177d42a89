import 'dotenv/config';
import { readFile } from 'node:fs/promises';
import { openDatabase } from './adapters/database.ts';
import { connectStarts } from './adapters/starts.ts';
import { Store } from './adapters/store.ts';
import { readDatabaseConfig } from './config.ts';
import { readSettingsFile } from './domain/settings-file.ts';

// `npm run settings -- import FILE` and `npm run settings -- export`: which apps there are, and who may deploy them.

const [verb, file] = process.argv.slice(2);
if (!(verb === 'export' || (verb === 'import' && file))) {
  console.error('Say `npm run settings -- import FILE` or `npm run settings -- export`.');
  process.exit(2);
}

const database = await openDatabase(readDatabaseConfig(process.env), error => console.error(error.message));
try {
  const store = new Store(database.pool);
  const starts = connectStarts(database.pool, () => []);
  if (verb === 'export') {
    console.log(JSON.stringify({ apps: await store.apps(), freezes: await starts.freezes() }, null, 2));
  } else {
    const { apps, freezes, problems } = readSettingsFile(await readFile(file ?? '', 'utf8'));
    if (problems.length > 0) {
      console.error(
        `Nothing was imported. ${file} needs these mended:\n${problems.map(problem => `  ${problem}`).join('\n')}`,
      );
      process.exitCode = 1;
    }
    for (const app of apps) await store.saveApp(app);
    if (freezes) await starts.saveFreezes(freezes);
    for (const { name, deployers, channel } of apps) {
      console.log(`${name}: ${deployers.length} may deploy it; its deploys are told in ${channel}.`);
    }
  }
} finally {
  await database.close();
}
