import 'dotenv/config';
import { plural } from '../views/text.ts';
import { openDatabase } from './adapters/database.ts';
import { readChain } from './adapters/receipts.ts';
import { readDatabaseConfig } from './config.ts';
import { checkChain } from './domain/receipts.ts';

// `npm run audit -- verify [HASH]` and `npm run audit -- export`: the receipts of all deploys, each chained to the one
// before. 0: all is as it was written. 1: something is not. 2: it could not be looked at.

const [verb, anchor = null, ...more] = process.argv.slice(2);
const isAnchor = anchor === null || /^[0-9a-f]{12,64}$/.test(anchor);
if (!(verb === 'export' && anchor === null) && !(verb === 'verify' && isAnchor && more.length === 0)) {
  console.error(
    'Say `npm run audit -- verify`, `npm run audit -- verify HASH` (12 digits or more) or `npm run audit -- export`.',
  );
  process.exit(2);
}

const chain = await look().catch(error => {
  console.error(`The receipts could not be read. ${error.message || error}`);
  process.exit(2);
});
const { links, deploys } = chain;
const newest = links.at(-1);
if (verb === 'export') {
  console.log(JSON.stringify(links, null, 2));
} else {
  const problems = checkChain(links, deploys, anchor);
  console.log(`Looked at ${plural(links.length, 'receipt')} and ${plural(deploys.length, 'deploy')} that ended.`);
  for (const problem of problems) console.log(problem);
  if (problems.length === 0) {
    console.log(
      `Nothing was changed or taken out${anchor === null ? '' : `, and ${anchor} is among them`}.${
        newest ? ` The newest is ${newest.number}, ${newest.hash}.` : ''
      }`,
    );
    console.log(
      'Who can write to the database could cut off the newest with their deploys, or make all anew. Keep that hash elsewhere, and give it to `verify` later; the messages in Slack have it too.',
    );
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}

async function look(): ReturnType<typeof readChain> {
  const database = await openDatabase(readDatabaseConfig(process.env), error => console.error(error.message));
  try {
    return await readChain(database.pool);
  } finally {
    await database.close();
  }
}
