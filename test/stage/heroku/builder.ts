import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadArchive, stripTopFolder, unpack } from './archive.ts';

const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** The build failed: its output says why. */
export class BuildFailed extends Error {}

/** Fetches, unpacks and prepares a source; gives the Procfile's process types. Writes what a person would read. */
export async function buildSlug(
  url: string,
  dir: string,
  say: (line: string) => void,
): Promise<Record<string, string>> {
  const fetched = await fetch(url).catch(cause => {
    throw new BuildFailed('The source could not be fetched', { cause });
  });
  if (!fetched.ok) throw new BuildFailed(`The source could not be fetched: ${fetched.status}`);
  await mkdir(dir, { recursive: true });
  await unpack(new Uint8Array(await fetched.arrayBuffer()), dir).catch(error => {
    throw error instanceof BadArchive ? new BuildFailed(error.message) : error;
  });
  await stripTopFolder(dir);
  say('-----> Building on the Heroku-24 stack');
  if (existsSync(join(dir, 'package.json'))) await installPackages(dir, say);
  say('-----> Discovering process types');
  const procfile = await readFile(join(dir, 'Procfile'), 'utf8').catch(() => {
    throw new BuildFailed('There is no Procfile at the root of the source');
  });
  const types = Object.fromEntries(
    [...procfile.matchAll(/^([\w-]+):\s*(.+)$/gm)].map(([, type, command]) => [type, command]),
  );
  say(`       Procfile declares types -> ${Object.keys(types).join(', ')}`);
  say('-----> Compressing...');
  say('-----> Launching...');
  return types;
}

/** In place of a buildpack: declared packages come from this project's own, since there is no network here. */
async function installPackages(dir: string, say: (line: string) => void): Promise<void> {
  say('-----> Node.js app detected');
  say('-----> Installing dependencies');
  const declared: unknown = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
  const dependencies = Object.keys((declared as { dependencies?: object }).dependencies ?? {});
  const missing = dependencies.filter(name => !existsSync(join(packages, name)));
  if (missing.length > 0) {
    for (const name of missing) say(`       npm error 404 Not Found - GET ${name}`);
    say('-----> Build failed');
    throw new BuildFailed('Dependencies could not be installed');
  }
  for (const name of dependencies) {
    const link = join(dir, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(packages, name), link);
  }
  if (dependencies.length > 0) await symlink(join(packages, '.bin'), join(dir, 'node_modules/.bin'));
  say(`       added ${dependencies.length} packages`);
}
