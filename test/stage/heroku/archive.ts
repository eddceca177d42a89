import { createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract } from 'tar-stream';

const MOST_BYTES = 500 * 1024 * 1024;
const MOST_FILES = 50_000;

/** An archive that is broken, or that would reach out of its folder. */
export class BadArchive extends Error {}

/** Unpacks a gzipped tarball into `dir`. Throws BadArchive for paths and links out of it, devices, and bombs. */
export async function unpack(tarball: Uint8Array, dir: string): Promise<void> {
  const tar = await promisify(gunzip)(tarball, { maxOutputLength: MOST_BYTES }).catch(cause => {
    throw new BadArchive('The archive is no gzipped tarball, or too large unpacked', { cause });
  });
  const entries = extract();
  entries.end(tar);
  let files = 0;
  try {
    for await (const entry of entries) {
      const { name, type, mode = 0o644, linkname } = entry.header;
      if (++files > MOST_FILES) throw new BadArchive('The archive holds too many files');
      const path = inside(name);
      if (type === 'directory') {
        await mkdir(join(dir, path), { recursive: true });
        entry.resume();
      } else if (type === 'symlink') {
        inside(join(dirname(path), linkname ?? ''));
        if (linkname?.startsWith('/')) throw new BadArchive(`${name} links out of the archive`);
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await symlink(linkname ?? '', join(dir, path));
        entry.resume();
      } else if (type === 'file' || type === 'contiguous-file') {
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await pipeline(entry, createWriteStream(join(dir, path), { flags: 'wx' }));
        await chmod(join(dir, path), mode & 0o755);
      } else {
        throw new BadArchive(`${name} is a ${type}`);
      }
    }
  } catch (cause) {
    throw cause instanceof BadArchive ? cause : new BadArchive('The archive is broken', { cause });
  }
}

function inside(name: string): string {
  const path = normalize(name);
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new BadArchive(`${name} reaches out of the archive`);
  return path;
}

/** GitHub packs a commit under one folder: that one is taken for the root [assumed of the real build system]. */
export async function stripTopFolder(dir: string): Promise<void> {
  const names = await readdir(dir);
  const [only = ''] = names;
  if (names.length !== 1 || !(await stat(join(dir, only))).isDirectory()) return;
  const aside = `${dir}.top`;
  await rename(join(dir, only), aside);
  await rm(dir, { recursive: true });
  await rename(aside, dir);
}
