import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { isAlive } from './claim.ts';

const MOST_BYTES = 250 * 1024 * 1024;
/** Of the archive itself, what lies between its files too: gzip makes a thousandth of nothing. */
const MOST_ARCHIVED = 2 * MOST_BYTES;
const MOST_FILES = 50_000;

/** An archive that is broken, too large, or reaches out of its folder. The message is for people. */
export class BadTarball extends Error {}

const FOLDER = 'switchover-commit';

/**
 * Calls back with an empty folder of its own, which is removed afterwards. New for each reading: what loads programs
 * remembers them by their path.
 */
export async function inFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  await removeLeftovers();
  const dir = await realpath(await mkdtemp(join(tmpdir(), `${FOLDER}-${process.pid}-`)));
  try {
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Those of processes that were killed before they could. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = new RegExp(`^${FOLDER}-(\\d+)-`).exec(name) ?? [];
    if (pid && !isAlive(Number(pid))) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/**
 * Unpacks a commit's gzipped tarball, as GitHub packs it in one top folder, into `dir`. Links are never made, so none
 * can lead out. Gives the paths of files, and of links, from the root of the commit. Throws BadTarball, nothing having
 * been written where the archive says of itself what is wrong with it.
 */
export async function unpack(tarball: Uint8Array, dir: string): Promise<{ paths: string[]; links: string[] }> {
  const paths: string[] = [];
  const links: string[] = [];
  let bytes = 0;
  let count = 0;
  await walk(tarball, async ({ name, type, size = 0 }, entry) => {
    const path = inside(name);
    bytes += size;
    if (++count > MOST_FILES) throw new BadTarball(`The commit holds more than ${MOST_FILES} files.`);
    if (bytes > MOST_BYTES) throw tooLarge();
    if (isFile(type) && path !== '') paths.push(path);
    if (type === 'symlink' || type === 'link') links.push(path);
    entry.resume();
  });
  await walk(tarball, async ({ name, type }, entry, signal) => {
    const path = inside(name);
    if (!isFile(type) || path === '') return void entry.resume();
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await pipeline(entry, createWriteStream(join(dir, path), { flags: 'wx', mode: 0o600 }), { signal });
  });
  return { paths, links };
}

const isFile = (type: Header['type']): boolean => type === 'file' || type === 'contiguous-file';

type Entry = Readable & { header: Header };
type OnEntry = (header: Header, entry: Entry, signal: AbortSignal) => Promise<void>;

/** Calls back with each entry, which is to be read or resumed. Where the archive breaks off inside of one, that one never ends. */
async function walk(tarball: Uint8Array, onEntry: OnEntry): Promise<void> {
  const entries = extract();
  const over = new AbortController();
  let bad: unknown = null;
  let busy = Promise.resolve();
  const walked = async (): Promise<void> => {
    for await (const entry of entries) {
      busy = onEntry(entry.header, entry as unknown as Entry, over.signal).catch(error => {
        bad ??= error;
        throw error;
      });
      await busy;
    }
  };
  try {
    await Promise.all([pipeline(Readable.from([tarball]), createGunzip(), measured, entries), walked()]);
  } catch (error) {
    over.abort();
    await busy.catch(() => {});
    const cause = bad ?? error;
    if (cause instanceof BadTarball) throw cause;
    throw new BadTarball('The archive of the commit is broken: fetch it again.', { cause });
  }
}

async function* measured(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > MOST_ARCHIVED) throw tooLarge();
    yield chunk;
  }
}

const tooLarge = () => new BadTarball(`The commit is larger than ${MOST_BYTES / 1024 ** 2} MB.`);

/** Without the top folder. */
function inside(name: string): string {
  const path = normalize(name);
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new BadTarball(`The archive holds \`${name}\`, which reaches out of it: nothing of it was read.`);
  return path.split('/').slice(1).join('/').replace(/\/$/, '');
}
