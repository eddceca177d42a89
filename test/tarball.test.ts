import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadTarball, unpack } from '../src/adapters/tarball.ts';
import { cases } from './fuzzing.ts';

// Archives that nobody means well with. Beside the folder that they are unpacked into lies a file that must stay as it is.

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'switchover-tarball-'));
  await writeFile(join(base, 'outside'), 'as it was');
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** Unpacks it, and gives what came of it: paths, or what was said against it. Nothing but plain files may lie there. */
async function unpacked(tarball: Uint8Array): Promise<{ paths: string[]; links: string[] } | string> {
  const dir = await mkdtemp(join(base, 'commit-'));
  try {
    const found = await unpack(tarball, dir).catch(error => {
      if (error instanceof BadTarball) return error.message;
      throw error;
    });
    const names = await readdir(dir, { recursive: true });
    for (const name of names) {
      const stat = await lstat(join(dir, name));
      expect(stat.isDirectory() || (stat.isFile() && (stat.mode & 0o777) === 0o600), name).toBe(true);
    }
    if (typeof found !== 'string') for (const path of found.paths) expect(names).toContain(path);
    expect(await readFile(join(base, 'outside'), 'utf8')).toBe('as it was');
    expect((await readdir(base)).filter(name => !name.startsWith('commit-'))).toEqual(['outside']);
    return found;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

type Entry = { name: string; type?: string; size?: number; linkname?: string; prefix?: string; body?: string };

/** An entry as it lies in an archive (POSIX ustar), with whatever its header claims; its checksum is right. */
function block({
  name,
  type = '0',
  linkname = '',
  prefix = '',
  body = '',
  size = Buffer.byteLength(body),
}: Entry): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0006777\0', 100);
  header.write(`${size.toString(8).padStart(11, '0').slice(-11)}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156, 1);
  header.write(linkname, 157, 100);
  header.write('ustar\x0000', 257);
  header.write(prefix, 345, 155);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const bytes = Buffer.from(body);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const raw = (entries: readonly Entry[]): Buffer => Buffer.concat([...entries.map(block), Buffer.alloc(1024)]);
const archive = (...entries: Entry[]): Buffer => gzipSync(raw(entries), { level: 1 });
const pax = (key: string, value: string): Entry => {
  const rest = ` ${key}=${value}\n`;
  const length = [...Array(9).keys()]
    .map(extra => Buffer.byteLength(rest) + extra)
    .find(n => n === Buffer.byteLength(rest) + String(n).length);
  return { name: 'x', type: 'x', body: `${length}${rest}` };
};

describe('an archive', () => {
  it.each<[string, Entry[]]>([
    ['by ..', [{ name: 'shop/../../outside', body: 'x' }]],
    ['by .. in its first folder', [{ name: '../outside', body: 'x' }]],
    ['from the root', [{ name: '/etc/cron.d/x', body: 'x' }]],
    ['by its prefix', [{ name: 'outside', prefix: '../..', body: 'x' }]],
    ['by a long name', [pax('path', 'shop/a/../../../outside'), { name: 'short', body: 'x' }]],
  ])('that reaches out of its folder, %s, is refused', async (_, entries) => {
    expect(await unpacked(archive(...entries))).toMatch(/reaches out of it/);
  });

  it('cannot write through a link, hard or soft: none is made', async () => {
    for (const type of ['1', '2']) {
      const through = archive({ name: 'shop/a', type, linkname: '../outside' }, { name: 'shop/a', body: 'x' });
      expect(await unpacked(through)).toEqual({ paths: ['a'], links: ['a'] });
      const below = archive({ name: 'shop/d', type, linkname: '..' }, { name: 'shop/d/outside', body: 'x' });
      expect(await unpacked(below)).toEqual({ paths: ['d/outside'], links: ['d'] });
    }
  });

  it('makes no devices, pipes or sockets', async () => {
    const odd = ['3', '4', '6', 's', 'S', 'V', 'Z'].map(type => ({ name: `shop/${type}`, type }));
    expect(await unpacked(archive(...odd, { name: 'shop/a', body: 'x' }))).toEqual({ paths: ['a'], links: [] });
  });

  it('writes no file twice, and none where a folder is', async () => {
    for (const name of ['shop/a', 'shop/a/b', 'shop/a/b/c']) {
      const twice = archive({ name: 'shop/a/b', body: 'x' }, { name, body: 'y' });
      expect(await unpacked(twice)).toMatch(/is broken/);
    }
  });

  it('is refused with 100,000 files, before all of them are there', async () => {
    const many = Array.from({ length: 100_000 }, (_, index) => ({ name: `shop/${index % 100}/${index}` }));
    expect(await unpacked(archive(...many))).toBe('The commit holds more than 50000 files.');
  });

  it('is refused when it is a bomb: one huge file, many, or nothing but emptiness', async () => {
    const claims = archive({ name: 'shop/a', size: 300 * 1024 ** 2 });
    expect(await unpacked(claims)).toBe('The commit is larger than 250 MB.');
    const nothing = createGzip({ level: 9 });
    const zeros = Buffer.alloc(1024 ** 2);
    for (let written = 0; written < 600; written++) nothing.write(zeros);
    const bomb = Buffer.concat(await nothing.end().toArray());
    expect(bomb.length).toBeLessThan(1024 ** 2);
    expect(await unpacked(bomb)).toBe('The commit is larger than 250 MB.');
  });

  it('that is cut, or no archive at all, is said to be broken', async () => {
    const file = { name: 'shop/a', body: 'x'.repeat(5_000) };
    const whole = archive(file);
    // Well packed, but the file in it breaks off.
    const inside = gzipSync(raw([file]).subarray(0, 2_048));
    const page = Buffer.from('<html>502</html>');
    for (const part of [whole.subarray(0, -9), whole.subarray(0, 20), inside, page, Buffer.alloc(0)]) {
      expect(await within(unpacked(part))).toMatch(/is broken: fetch it again/);
    }
  });
});

/** An archive that never ends must not keep anybody waiting. */
const within = <T>(unpacking: Promise<T>): Promise<T> =>
  Promise.race([
    unpacking,
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error('It hangs')), 10_000).unref()),
  ]);

const piece = fc.constantFrom(
  '..',
  '.',
  '',
  'a',
  'b',
  'outside',
  '\0',
  '\\',
  'x'.repeat(300),
  '~',
  '\u202e',
  '\n',
  'é',
);
const path = fc.array(piece, { maxLength: 8 }).map(parts => parts.join('/'));
const entry: fc.Arbitrary<Entry[]> = fc
  .record({
    name: path,
    type: fc.constantFrom('0', '0', '0', '\0', '1', '2', '3', '4', '5', '6', '7', 'x', 'g', 'L', 'K', 'S', '9'),
    linkname: path,
    prefix: fc.oneof(fc.constant(''), path),
    body: fc.string({ maxLength: 600 }),
    size: fc.oneof(fc.constant(-1), fc.constantFrom(0, 1, 511, 513, 8 ** 11 - 1), fc.nat(2_000)),
    long: fc.oneof(
      fc.constant(null),
      fc.tuple(fc.constantFrom('path', 'size', 'linkpath'), fc.oneof(path, fc.string())),
    ),
  })
  .map(({ long, size, ...header }) => [...(long ? [pax(...long)] : []), size < 0 ? header : { ...header, size }]);

it('whatever an archive holds, plain files come of it inside the folder, or it is refused in words', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 6 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(), fc.nat(255)), { maxLength: 2 }),
      async (entries, flips) => {
        const flip = (bytes: Buffer, packed: boolean): Buffer => {
          for (const [where, at, value] of flips) if (where === packed) bytes[at % bytes.length] = value;
          return bytes;
        };
        await within(unpacked(flip(gzipSync(flip(raw(entries.flat()), false)), true)));
      },
    ),
    cases(150),
  );
});
