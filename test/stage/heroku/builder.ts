import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { BadArchive, unpack } from './archive.ts';

const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const packageFile = z.object({
  // A name is a path below node_modules: `../..` must not be one.
  dependencies: z.record(z.string().regex(/^(@[\w-][\w.-]*\/)?[\w-][\w.-]*$/), z.string()).default({}),
});

/** The build failed: its output says why. */
export class BuildFailed extends Error {}

/**
 * Fetches, unpacks and prepares a source; gives the Procfile's process types. Writes what a person would read.
 * `checksum` as in `SHA256:…` (build article), null when none is known.
 */
export async function buildSlug(
  url: string,
  dir: string,
  say: (line: string) => void,
  { checksum = null, signal }: { checksum?: string | null; signal?: AbortSignal } = {},
): Promise<Record<string, string>> {
  const source = await fetchSource(url, signal);
  const sum = createHash('sha256').update(source).digest('hex');
  if (checksum !== null && checksum.toLowerCase() !== `sha256:${sum}`)
    throw new BuildFailed(`The source's checksum is SHA256:${sum}, not ${checksum}`);
  await mkdir(dir, { recursive: true });
  await unpack(source, dir).catch(error => {
    throw error instanceof BadArchive ? new BuildFailed(error.message) : error;
  });
  say('-----> Building on the Heroku-24 stack');
  if (existsSync(join(dir, 'package.json'))) await installPackages(dir, say);
  say('-----> Discovering process types');
  const procfile = await readFile(join(dir, 'Procfile'), 'utf8').catch(() => {
    throw new BuildFailed('There is no Procfile at the root of the source');
  });
  const types = Object.fromEntries(
    [...procfile.matchAll(/^([\w-]+):[ \t]*(\S.*?)\s*$/gm)].map(([, type, command]) => [type, command]),
  );
  say(`       Procfile declares types -> ${Object.keys(types).join(', ')}`);
  say('-----> Compressing...');
  say('-----> Launching...');
  return types;
}

async function fetchSource(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    const fetched = await fetch(url, { ...(signal && { signal }) });
    if (!fetched.ok) throw new BuildFailed(`The source could not be fetched: ${fetched.status}`);
    return await fetched.bytes();
  } catch (cause) {
    throw cause instanceof BuildFailed ? cause : new BuildFailed('The source could not be fetched', { cause });
  }
}

/** In place of a buildpack: declared packages come from this project's own, since there is no network here. */
async function installPackages(dir: string, say: (line: string) => void): Promise<void> {
  say('-----> Node.js app detected');
  say('-----> Installing dependencies');
  const dependencies = await declared(dir);
  const missing = dependencies.filter(name => !existsSync(join(packages, name)));
  if (missing.length > 0) {
    for (const name of missing) say(`       npm error 404 Not Found - GET ${name}`);
    say('-----> Build failed');
    throw new BuildFailed('Dependencies could not be installed');
  }
  for (const name of dependencies) await link(dir, name);
  if (dependencies.length > 0) await link(dir, '.bin');
  say(`       added ${dependencies.length} packages`);
}

async function declared(dir: string): Promise<string[]> {
  try {
    const { dependencies } = packageFile.parse(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')));
    return Object.keys(dependencies);
  } catch (cause) {
    throw new BuildFailed('package.json cannot be read', { cause });
  }
}

/** What the source brought itself stays. */
async function link(dir: string, name: string): Promise<void> {
  const at = join(dir, 'node_modules', name);
  await mkdir(dirname(at), { recursive: true });
  await symlink(join(packages, name), at).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
