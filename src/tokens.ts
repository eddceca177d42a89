import 'dotenv/config';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { tokenNotices } from '../views/settings.ts';
import { connectAppTokens } from './adapters/app-tokens.ts';
import { openDatabase } from './adapters/database.ts';
import { connectHeroku } from './adapters/heroku.ts';
import { Store } from './adapters/store.ts';
import { ConfigError, readTokenConfig } from './config.ts';

// `npm run tokens -- set APP`, `-- remove APP`, `-- list` and `-- rotate`: Heroku tokens that apps have of their own. A
// token is read from stdin, so that neither a list of processes nor a shell's history has it, and never shown again.

const [verb, app = ''] = process.argv.slice(2);
if (!(verb === 'list' || verb === 'rotate' || ((verb === 'set' || verb === 'remove') && app))) {
  console.error('Say `npm run tokens -- set APP`, `-- remove APP`, `-- list` or `-- rotate`.');
  process.exit(2);
}
const config = configOrExit();
const by = `${userInfo().username} at the console`;
const database = await openDatabase(config, error => console.error(error.message));
try {
  const tokens = connectAppTokens(database.pool, config.keys, tokenNotices);
  if (verb === 'list') await list();
  else if (verb === 'rotate') await rotate();
  else if (!(await new Store(database.pool).app(app))) fail(`There is no app ${app} here: add it first.`);
  else if (verb === 'remove') await remove();
  else await set();

  async function set(): Promise<void> {
    const token = await readToken();
    if (!/^\S{8,500}$/.test(token)) return fail('That is no token: it is one word, and nothing else may be on stdin.');
    // One that does not see the app would stop its next deploy.
    await connectHeroku({ url: config.herokuUrl, token }).app(app);
    await tokens.set(app, token, by);
    console.log(`Kept. The bot uses it for ${app} from now on, within 5 s.`);
  }

  async function remove(): Promise<void> {
    if (!(await tokens.remove(app, by))) return fail(`${app} has no token of its own.`);
    console.log(`Taken away: the bot uses HEROKU_API_KEY for ${app}. Revoke it at Heroku: \`heroku authorizations\`.`);
  }

  async function rotate(): Promise<void> {
    const anew = await tokens.rotate(by);
    console.log(`Sealed with TOKEN_KEY now: ${anew.join(', ') || 'all of them were'}. TOKEN_KEY_BEFORE can go.`);
  }

  async function list(): Promise<void> {
    const { tokens: all, changes } = await tokens.list();
    const sealedWith = (key: number) => ['TOKEN_KEY', 'TOKEN_KEY_BEFORE'][key] ?? 'a key that is not set';
    for (const { app, by, at, key } of all) {
      console.log(`${app}: given by ${by}, ${at.toISOString()}; sealed with ${sealedWith(key)}.`);
    }
    for (const { app, what, by, at } of changes) console.log(`${at.toISOString()} ${app} ${what} by ${by}`);
    if (all.length === 0) console.log('No app has a token of its own.');
  }
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
} finally {
  await database.close();
}

/** The first line of stdin; at a terminal what is typed is not shown. */
async function readToken(): Promise<string> {
  const terminal = process.stdin.isTTY === true;
  if (terminal) console.log(`Paste the token for ${app} and press Enter; it is not shown.`);
  const nowhere = new Writable({ write: (_, __, done) => done() });
  for await (const line of createInterface({ input: process.stdin, output: nowhere, terminal })) return line.trim();
  return '';
}

function fail(why: string): void {
  console.error(`Nothing was changed. ${why}`);
  process.exitCode = 1;
}

function configOrExit(): ReturnType<typeof readTokenConfig> {
  try {
    return readTokenConfig(process.env, verb ?? '');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
