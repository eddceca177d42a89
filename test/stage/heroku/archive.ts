import { createWriteStream } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { extract } from 'tar-stream';

const MOST_BYTES = 250 * 1024 * 1024;
const MOST_FILES = 50_000;

type Link = { path: string; target: string };

/** An archive that is broken, or that would reach out of its folder. */
export class BadArchive extends Error {}

/**
 * Unpacks a gzipped tarball into `dir`, without the one folder that all of it may lie in (GitHub packs a commit so; that
 * the real build system takes it off is [assumed]). Throws BadArchive for paths and links out of it, devices, and bombs.
 */
export async function unpack(tarball: Uint8Array, dir: string): Promise<void> {
  const tar = await promisify(gunzip)(tarball, { maxOutputLength: MOST_BYTES }).catch(cause => {
    throw new BadArchive('The archive is no gzipped tarball, or too large unpacked', { cause });
  });
  const entries = extract();
  entries.end(tar);
  const links: Link[] = [];
  let files = 0;
  try {
    for await (const entry of entries) {
      const { name, type, mode = 0o644, linkname } = entry.header;
      if (++files > MOST_FILES) throw new BadArchive('The archive holds too many files');
      const path = inside(name);
      await refuseBelowLink(dir, path);
      await mkdir(type === 'directory' ? join(dir, path) : dirname(join(dir, path)), { recursive: true });
      if (type === 'directory') {
        entry.resume();
      } else if (type === 'symlink') {
        const link = { path, target: linkname ?? '' };
        refuseLinkOut(link);
        links.push(link);
        await symlink(link.target, join(dir, path));
        entry.resume();
      } else if (type === 'file' || type === 'contiguous-file') {
        await pipeline(entry, createWriteStream(join(dir, path), { flags: 'wx' }));
        await chmod(join(dir, path), (mode & 0o755) | 0o600);
      } else {
        throw new BadArchive(`${name} is a ${type}`);
      }
    }
  } catch (cause) {
    throw cause instanceof BadArchive ? cause : new BadArchive('The archive is broken', { cause });
  }
  await stripTopFolder(dir, links);
}

function inside(name: string): string {
  const path = normalize(name).replace(/\/$/, '');
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new BadArchive(`${name} reaches out of the archive`);
  return path;
}

/** What is written below a link lands wherever the link leads. */
async function refuseBelowLink(dir: string, path: string): Promise<void> {
  for (let above = dirname(path); above !== '.'; above = dirname(above)) {
    const found = await lstat(join(dir, above)).catch(() => null);
    if (found?.isSymbolicLink()) throw new BadArchive(`${path} lies below a link`);
  }
}

/** Up first, then down: `..` after a name may be meant of where another link leads, and cannot be judged by its text. */
function refuseLinkOut({ path, target }: Link): void {
  const steps = target.split('/').filter(step => step !== '.' && step !== '');
  const up = steps.lastIndexOf('..') + 1;
  const depth = path.split('/').length - 1;
  if (target.startsWith('/') || up > depth || steps.slice(0, up).some(step => step !== '..'))
    throw new BadArchive(`${path} links out of the archive`);
}

async function stripTopFolder(dir: string, links: Link[]): Promise<void> {
  const [top = '', ...others] = await readdir(dir);
  if (top === '' || others.length > 0 || !(await lstat(join(dir, top))).isDirectory()) return;
  for (const { path, target } of links) refuseLinkOut({ path: path.slice(top.length + 1), target });
  const aside = `${dir}.top`;
  await rename(join(dir, top), aside);
  await rm(dir, { recursive: true });
  await rename(aside, dir);
}
