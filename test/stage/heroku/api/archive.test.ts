import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, makeFolder } from '../../folder.ts';
import { BadArchive, unpack } from '../archive.ts';
import { packed, tarball } from './rig.ts';

let folder: Folder;
let dir: string;
beforeEach(async () => {
  folder = await makeFolder();
  dir = join(folder.dir, 'slugs', 'one');
  await mkdir(dir, { recursive: true });
});
afterEach(() => folder.remove());

const link = (name: string, linkname: string) => ({ name, linkname, type: 'symlink' as const });
const file = (name: string, text = 'x') => ({ name, text });

describe('an archive', () => {
  it('is unpacked with its links, without the one folder that all of it lies in', async () => {
    await unpack(await packed([file('hats-1/a/b', 'fez'), link('hats-1/a/c', 'b'), link('hats-1/d', 'a/b')]), dir);
    for (const name of ['a/b', 'a/c', 'd']) expect(await readFile(join(dir, name), 'utf8')).toBe('fez');
    expect(await readdir(join(folder.dir, 'slugs'))).toEqual(['one']);
  });

  it('keeps its one folder beside other files', async () => {
    await unpack(await tarball({ 'a/b': 'x', Procfile: 'x' }), dir);
    expect((await readdir(dir)).toSorted()).toEqual(['Procfile', 'a']);
  });

  const bad = {
    'a path upwards': [file('../../out')],
    'an absolute path': [file('/tmp/out-of-the-archive')],
    'an absolute link': [link('etc', '/etc')],
    'a link upwards': [link('a/b', '../../..')],
    'a file below a link': [link('a', '.'), file('a/out')],
    'a link below a link, which leads out though its text does not': [
      link('a/b/l', '../..'),
      link('a/b/l/x', '../..'),
      file('x/out'),
    ],
    'a link that goes up after another link': [link('a/b/l', '../..'), link('k', 'a/b/l/../..')],
    'a link to beside its only folder': [file('top/a'), link('top/up', '..')],
    'a hard link': [{ name: 'a', linkname: '/etc/passwd', type: 'link' as const }],
    'a device': [{ name: 'a', type: 'character-device' as const }],
    'a file twice': [file('a'), file('a')],
  };
  for (const [what, entries] of Object.entries(bad)) {
    it(`is refused for ${what}, and nothing is written outside`, async () => {
      await expect(unpack(await packed(entries), dir)).rejects.toThrow(BadArchive);
      expect(await readdir(folder.dir)).toEqual(['slugs']);
      expect((await readdir(join(folder.dir, 'slugs'))).filter(name => !name.startsWith('one'))).toEqual([]);
    });
  }

  it('is refused when it is cut, none, or far larger than it looks', async () => {
    const whole = await tarball({ a: 'x'.repeat(100_000) });
    const bomb = gzipSync(Buffer.alloc(251 * 1024 * 1024), { level: 1 });
    for (const broken of [whole.subarray(0, whole.length / 2), Buffer.from('x'), bomb])
      await expect(unpack(broken, dir)).rejects.toThrow(BadArchive);
  });
});
