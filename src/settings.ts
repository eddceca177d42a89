import 'dotenv/config';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { settingsNotices } from '../views/settings.ts';
import { teamNotices } from '../views/team-settings.ts';
import { openDatabase } from './adapters/database.ts';
import { connectSettings } from './adapters/settings.ts';
import { connectStarts } from './adapters/starts.ts';
import { Store } from './adapters/store.ts';
import { readDatabaseConfig } from './config.ts';
import { ALL_APPS } from './domain/lock.ts';
import { readSettingsFile } from './domain/settings-file.ts';

// `npm run settings -- import FILE`, `-- export` and `-- history APP|all`: which apps there are, and who may deploy them.

const [verb, file] = process.argv.slice(2);
if (!(verb === 'export' || ((verb === 'import' || verb === 'history') && file))) {
  console.error(
    'Say `npm run settings -- import FILE`, `npm run settings -- export` or `npm run settings -- history APP|all`.',
  );
  process.exit(2);
}

const words = {
  // Of an app that is new here its channel has nothing to hear yet.
  app: (change: Parameters<typeof settingsNotices>[0]) => (change.version === 1 ? [] : settingsNotices(change)),
  team: teamNotices,
};
const database = await openDatabase(readDatabaseConfig(process.env), error => console.error(error.message));
try {
  const store = new Store(database.pool);
  const starts = connectStarts(database.pool, () => []);
  if (verb === 'export') {
    console.log(JSON.stringify({ apps: await store.apps(), freezes: await starts.freezes() }, null, 2));
  } else if (verb === 'history') {
    const { history, teamHistory } = connectSettings(database.pool, words);
    console.log(JSON.stringify(file === ALL_APPS ? await teamHistory() : await history(file ?? ''), null, 2));
  } else {
    const { apps, freezes, problems } = readSettingsFile(await readFile(file ?? '', 'utf8'));
    if (problems.length > 0) {
      console.error(
        `Nothing was imported. ${file} needs these mended:\n${problems.map(problem => `  ${problem}`).join('\n')}`,
      );
      process.exitCode = 1;
    }
    const settings = connectSettings(database.pool, words);
    const by = `${userInfo().username} at the console`;
    for (const app of apps) await settings.save(app, by, null);
    if (freezes) await settings.saveTeam(freezes, by, null);
    for (const { name, deployers, channel } of apps) {
      console.log(`${name}: ${deployers.length} may deploy it; its deploys are told in ${channel}.`);
    }
  }
} finally {
  await database.close();
}
