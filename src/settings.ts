import 'dotenv/config';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { settingsNotices } from '../views/settings.ts';
import { openDatabase } from './adapters/database.ts';
import { connectSettings } from './adapters/settings.ts';
import { connectStarts } from './adapters/starts.ts';
import { Store } from './adapters/store.ts';
import { readDatabaseConfig } from './config.ts';
import { readSettingsFile } from './domain/settings-file.ts';

// `npm run settings -- import FILE`, `-- export` and `-- history APP`: which apps there are, and who may deploy them.

const [verb, file] = process.argv.slice(2);
if (!(verb === 'export' || ((verb === 'import' || verb === 'history') && file))) {
  console.error(
    'Say `npm run settings -- import FILE`, `npm run settings -- export` or `npm run settings -- history APP`.',
  );
  process.exit(2);
}

const database = await openDatabase(readDatabaseConfig(process.env), error => console.error(error.message));
try {
  const store = new Store(database.pool);
  const starts = connectStarts(database.pool, () => []);
  if (verb === 'export') {
    console.log(JSON.stringify({ apps: await store.apps(), freezes: await starts.freezes() }, null, 2));
  } else if (verb === 'history') {
    console.log(JSON.stringify(await connectSettings(database.pool, settingsNotices).history(file ?? ''), null, 2));
  } else {
    const { apps, freezes, problems } = readSettingsFile(await readFile(file ?? '', 'utf8'));
    if (problems.length > 0) {
      console.error(
        `Nothing was imported. ${file} needs these mended:\n${problems.map(problem => `  ${problem}`).join('\n')}`,
      );
      process.exitCode = 1;
    }
    // Of an app that is new here its channel has nothing to hear yet.
    const settings = connectSettings(database.pool, change => (change.version === 1 ? [] : settingsNotices(change)));
    for (const app of apps) await settings.save(app, `${userInfo().username} at the console`, null);
    if (freezes) await starts.saveFreezes(freezes);
    for (const { name, deployers, channel } of apps) {
      console.log(`${name}: ${deployers.length} may deploy it; its deploys are told in ${channel}.`);
    }
  }
} finally {
  await database.close();
}
