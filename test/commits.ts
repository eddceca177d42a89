import { createGzip } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** A gzipped tarball of a commit as GitHub packs it: all in one folder. */
export const commitOf = (files: Record<string, string>): Promise<Buffer> =>
  packed(Object.entries(files).map(([name, text]) => ({ name: `shop-1234567/${name}`, text })));

export async function packed(entries: (Partial<Header> & { name: string; text?: string })[]): Promise<Buffer> {
  const tar = pack();
  for (const { text = '', ...entry } of entries) tar.entry(entry, text);
  tar.finalize();
  return Buffer.concat(await tar.pipe(createGzip()).toArray());
}
