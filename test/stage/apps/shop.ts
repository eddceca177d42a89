import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const files = fileURLToPath(new URL('shop', import.meta.url));

export type ShopRepository = { dir: string; commits: { v1: string; v2: string; v3: string } };

/**
 * The sample app's git repository, made anew in `dir`: tags v1, v2, v3; `main` is v2 and `next` v3. Branches that go
 * wrong each in their way: crashes, crashes-later, never-binds, bad-build, bad-release, slow-release, tells (its secrets). `cents` replaces
 * a column: what is new before the release, and what is old in `contract/`; `cents-at-once` does it all in its release
 * phase, and `cents-by-command` by commands of its own. `fails` breaks every third visit, as `fails-too` does after it;
 * `hangs-up` leaves every third visit to /cart without an answer, and `hangs-up-too` after it;
 * `with-worker` has a worker, which `worker-crashes` breaks; `smoke` wants an answer that it does not give.
 */
export async function makeShopRepository(dir: string): Promise<ShopRepository> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  let minute = 0;
  const git = async (...args: string[]): Promise<string> => {
    const at = `2026-01-05T10:${String(minute).padStart(2, '0')}:00Z`;
    const who = { NAME: 'Hatty Milliner', EMAIL: 'hatty@example.com', DATE: at };
    const identity = Object.entries(who).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]);
    const env = {
      ...Object.fromEntries(identity),
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
    };
    const { stdout } = await run('git', ['-C', dir, ...args], { env });
    return stdout.trim();
  };
  const commit = async (message: string): Promise<string> => {
    minute++;
    await git('add', '--all');
    await git('commit', '--quiet', '--message', message);
    return git('rev-parse', 'HEAD');
  };
  const branch = async (name: string, from: string, message: string, change: Record<string, string>): Promise<void> => {
    await git('checkout', '--quiet', '-b', name, from);
    for (const [file, text] of Object.entries(change)) {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), text);
    }
    await commit(message);
  };

  await git('init', '--quiet', '--initial-branch', 'main');
  await cp(join(files, 'base'), dir, { recursive: true });
  const v1 = await commit('Open the shop');
  await git('tag', 'v1');

  await writeFile(join(dir, 'README.md'), 'Hats.\n');
  await commit('Tell <!channel> that R&D <sells> hats *now*');
  await cp(join(files, 'v2'), dir, { recursive: true });
  const v2 = await commit('Count the hats in stock\n\nThe shop sold a fez that it did not have.');
  await git('tag', 'v2');

  await git('checkout', '--quiet', '-b', 'next');
  await cp(join(files, 'v3'), dir, { recursive: true });
  const v3 = await commit('Show what is left of each hat');
  await git('tag', 'v3');

  const procfile = (release: string) => ({ Procfile: `web: node server.js\nrelease: ${release}\n` });
  const up = 'node_modules/.bin/node-pg-migrate up';
  await branch('crashes', 'main', 'Crash on the way up', { 'server.js': "throw new Error('There are no hats');\n" });
  await branch('crashes-later', 'main', 'Leave after a while', {
    'server.js':
      "require('node:http').createServer().listen(process.env.PORT);\nsetTimeout(() => process.exit(1), 2000);\n",
    'package.json': '{ "name": "shop", "private": true, "dependencies": { "node-pg-migrate": "*" } }\n',
  });
  await branch('never-binds', 'main', 'Forget to listen', { 'server.js': 'setInterval(() => {}, 1000);\n' });
  await branch('bad-build', 'main', 'Want a package that nobody has', {
    'package.json': '{ "name": "shop", "type": "module", "dependencies": { "hats-that-nobody-has": "1.0.0" } }\n',
  });
  await branch('bad-release', 'main', 'Fail the release phase', procfile("echo 'No such hat' && exit 1"));
  const tells = 'printenv DATABASE_URL CHARGE_KEY ODD; printenv CHARGE_KEY | base64; exit 1';
  await branch('tells', 'main', 'Tell what it should not', procfile(tells));
  // Longer than a scaled window, as a migration can be.
  const slowly = `sleep $(( \${SLOW_RELEASE_MS:-45000} / 1000 )) && ${up}`;
  await branch('slow-release', 'main', 'Take long to release', procfile(slowly));
  await branch('cents', 'main', 'Count prices in cents', {
    'catalogue.js': [
      "export const QUERY = 'SELECT name, price_cents FROM hats ORDER BY name';",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a file of the app
      'export const show = ({ name, price_cents }) => `${name}: ${price_cents / 100} EUR`;',
      `export const RAISE = "UPDATE hats SET price_cents = price_cents + 100 WHERE name = 'Fez'";`,
      '',
    ].join('\n'),
    'switchover.json': '{ "soakSeconds": 2 }\n',
    // Old and new code write side by side for a while, each to its own column.
    'migrations/3_price_cents.sql': [
      'ALTER TABLE hats ADD COLUMN price_cents integer;',
      'CREATE FUNCTION keep_price() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN',
      '  IF NEW.price IS DISTINCT FROM OLD.price THEN NEW.price_cents := NEW.price * 100;',
      '  ELSE NEW.price := NEW.price_cents / 100; END IF;',
      '  RETURN NEW;',
      'END $$;',
      'CREATE TRIGGER keep_price BEFORE UPDATE OF price, price_cents ON hats FOR EACH ROW EXECUTE FUNCTION keep_price();',
      '',
    ].join('\n'),
    'migrations/4_fill_cents.sql': [
      '-- allow: backfill-in-migration there are three hats',
      'UPDATE hats SET price_cents = price * 100 WHERE price_cents IS NULL;',
      '',
    ].join('\n'),
    'migrations/contract/5_drop_price.sql':
      'DROP TRIGGER keep_price ON hats;\nDROP FUNCTION keep_price;\nALTER TABLE hats DROP COLUMN price;\n',
  });
  // Neither code can live with the schema of the other.
  await branch('renamed', 'main', 'Call a price a price in euros', {
    Procfile: 'web: node server.js\n',
    'catalogue.js': [
      "export const QUERY = 'SELECT name, price_eur FROM hats ORDER BY name';",
      '',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a file of the app
      'export const show = ({ name, price_eur }) => `${name}: ${price_eur} EUR`;',
      `export const RAISE = "UPDATE hats SET price_eur = price_eur + 1 WHERE name = 'Fez'";`,
      '',
    ].join('\n'),
    'migrations/3_price_eur.sql': 'ALTER TABLE hats RENAME COLUMN price TO price_eur;\n',
  });
  await git('checkout', '--quiet', 'cents');
  await git('checkout', '--quiet', '-b', 'cents-at-once');
  await git('mv', 'migrations/contract/5_drop_price.sql', 'migrations/5_drop_price.sql');
  await commit('Do it all in the release phase');
  await branch('cents-by-command', 'cents', 'Migrate as other stacks do', {
    // New dynos boot while the expand command runs.
    'catalogue.js': [
      "export const QUERY = `SELECT name, to_jsonb(hats) -> 'price_cents' AS price_cents FROM hats ORDER BY name`;",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a file of the app
      'export const show = ({ name, price_cents }) => `${name}: ${price_cents / 100} EUR`;',
      `export const RAISE = "UPDATE hats SET price_cents = price_cents + 100 WHERE name = 'Fez'";`,
      '',
    ].join('\n'),
    'switchover.json': JSON.stringify({
      soakSeconds: 2,
      migrations: {
        expand: 'node migrate.js expand',
        contract: 'node migrate.js contract',
        plan: 'node migrate.js plan',
      },
    }),
    Procfile: 'web: node server.js\n',
    'migrate.js': await readFile(join(files, 'migrate.js'), 'utf8'),
  });
  const server = await readFile(join(files, 'base', 'server.js'), 'utf8');
  const query = 'const { rows } = await pool.query(QUERY);';
  await branch('fails', 'main', 'Lose every third visitor', {
    'server.js': server
      .replace(query, `if (++asked % 3 === 0) throw new Error('The hats are out');\n    ${query}`)
      .replace('let closing = false;', 'let closing = false;\nlet asked = 0;'),
  });
  await branch('fails-too', 'fails', 'Say nothing of it', { 'README.md': 'Hats, mostly.\n' });
  await branch('hangs-up', 'main', 'Lose the cart of every third visitor', {
    'server.js': server
      .replace(
        '  try {\n',
        "  if (request.url === '/cart' && ++asked % 3 === 0) return request.socket.destroy();\n  try {\n",
      )
      .replace('let closing = false;', 'let closing = false;\nlet asked = 0;'),
  });
  await branch('hangs-up-too', 'hangs-up', 'Say nothing of it', { 'README.md': 'Hats, and carts.\n' });
  const worker = 'web: node server.js\nrelease: node_modules/.bin/node-pg-migrate up\nworker: node worker.js\n';
  await branch('with-worker', 'main', 'Brush the hats at night', {
    Procfile: worker,
    'worker.js': "setInterval(() => console.log('Brushing'), 60_000);\n",
  });
  await branch('worker-crashes', 'with-worker', 'Brush them too hard', {
    'worker.js': 'setTimeout(() => process.exit(1), 500);\n',
  });
  await branch('smoke', 'main', 'Want what there is not', {
    'switchover.json': JSON.stringify({
      smoke: [{ path: '/version' }, { path: '/', status: [204] }],
      connections: 5,
    }),
  });
  await git('checkout', '--quiet', 'main');
  return { dir, commits: { v1, v2, v3 } };
}

/** The full id of a branch's, a tag's or a short id's commit. */
export async function commitOf(dir: string, ref: string): Promise<string> {
  const { stdout } = await run('git', ['-C', dir, 'rev-parse', '--verify', `${ref}^{commit}`]);
  return stdout.trim();
}

/** A commit as a gzipped tarball, its files under one top folder as GitHub packs them, or at the root without one. */
export async function packCommit(dir: string, sha: string, top = ''): Promise<Buffer> {
  const prefix = top ? [`--prefix=${top}/`] : [];
  const { stdout } = await run('git', ['-C', dir, 'archive', '--format=tar.gz', ...prefix, sha], {
    encoding: 'buffer',
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout;
}
