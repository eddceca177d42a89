import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { packCommit } from '../apps/shop.ts';
import { makeFolder } from '../folder.ts';
import { shopRepository, startPostgres } from '../made.ts';
import { startHeroku } from './heroku.ts';

// `npm run heroku -- --port 5001 --scale 6`: the local Heroku alone, with the sample app deployed.

const options = z.object({
  port: z.coerce.number('--port must be a number').int().min(0).max(65_535).default(5001),
  scale: z.coerce.number('--scale must be a number').min(1).default(6),
});

// Asked to end while it starts, it ends when it has started: nothing is left behind then.
const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
const undo: (() => Promise<void>)[] = [];
try {
  const { port, scale } = options.parse(
    parseArgs({ options: { port: { type: 'string' }, scale: { type: 'string' } } }).values,
  );
  const { dir, remove } = await makeFolder();
  undo.unshift(remove);
  const postgres = await startPostgres(join(dir, 'postgres'));
  undo.unshift(postgres.stop);
  const heroku = await startHeroku({ port, scale, postgres: postgres.url });
  undo.unshift(heroku.stop);
  const { dir: repository, commits } = await shopRepository(join(dir, 'shop'));
  const shop = await heroku.createApp({ name: 'shop', preboot: true });
  await heroku.addDatabase(shop);
  await heroku.deploy(shop, await packCommit(repository, commits.v1), commits.v1);
  console.log(`Heroku  ${heroku.url}   (any token; one minute of Heroku's windows lasts ${60 / scale} s)`);
  console.log(`shop    ${shop.runtime.url}/`);
  console.log(`CA      ${heroku.caFile}   (heroku run needs it: NODE_EXTRA_CA_CERTS)`);
  console.log(`\nTry: HEROKU_HOST=${heroku.url} HEROKU_API_KEY=x npx heroku@11.10.0 ps -a shop\n`);
  await asked;
} catch (error) {
  console.error(error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
for (const step of undo) await step();
process.exit();
