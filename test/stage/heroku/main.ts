import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbedded } from '../../../src/adapters/postgres.ts';
import { makeShopRepository, packCommit } from '../apps/shop.ts';
import { makeFolder } from '../folder.ts';
import { startHeroku } from './heroku.ts';

// `npm run heroku -- --port 5001 --scale 6`: the local Heroku alone, with the sample app deployed.

const { values } = parseArgs({
  options: { port: { type: 'string', default: '5001' }, scale: { type: 'string', default: '6' } },
});
const { dir, remove } = await makeFolder();
const postgres = await startEmbedded(join(dir, 'postgres'));
const heroku = await startHeroku({ port: Number(values.port), scale: Number(values.scale), postgres: postgres.url });
const stop = async (): Promise<void> => {
  await heroku.stop();
  await postgres.stop();
  await remove();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().then(() => process.exit(0)));
}

try {
  const { dir: repository, commits } = await makeShopRepository(join(dir, 'shop'));
  const shop = await heroku.createApp({ name: 'shop', preboot: true });
  await heroku.addDatabase(shop);
  await heroku.deploy(shop, await packCommit(repository, commits.v1), commits.v1);
  console.log(
    `Heroku  ${heroku.url}   (any token; one minute of Heroku's windows lasts ${60 / Number(values.scale)} s)`,
  );
  console.log(`shop    ${shop.runtime.url}/`);
  console.log(`\nTry: HEROKU_HOST=${heroku.url} HEROKU_API_KEY=x npx heroku@11.10.0 ps -a shop\n`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stop();
  process.exit(1);
}
