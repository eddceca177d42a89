import { createGzip } from 'node:zlib';
import { type Header as Entry, pack } from 'tar-stream';
import { expect } from 'vitest';
import type { HerokuApp } from '../app.ts';
import { type LocalHeroku, startHeroku } from '../heroku.ts';

export type Json = Record<string, unknown>;
export type Answer = { status: number; headers: Headers; json: Json; list: Json[] };

export type Rig = {
  heroku: LocalHeroku;
  /** Two web dynos, preboot on, v3 deployed. */
  shop: HerokuApp;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Stores a source as a client would; gives the address for a build. */
  upload(source: Buffer): Promise<string>;
  /** Asks for a build of the shop and waits until it has ended, and its release is there if it succeeded. */
  build(source: Buffer, more?: Json): Promise<Json>;
  /** Reads until it is not pending any more. */
  ended(path: string): Promise<Json>;
};

export const ACCEPT = 'application/vnd.heroku+json; version=3';
const SERVER = `require('node:http').createServer((_, response) => response.end(process.env.HEROKU_RELEASE_VERSION)).listen(process.env.PORT);`;

export async function packed(entries: (Partial<Entry> & { name: string; text?: string })[]): Promise<Buffer> {
  const tar = pack();
  for (const { text = '', ...entry } of entries) tar.entry(entry, text);
  tar.finalize();
  return Buffer.concat(await tar.pipe(createGzip()).toArray());
}

export const tarball = (files: Record<string, string>): Promise<Buffer> =>
  packed(Object.entries(files).map(([name, text]) => ({ name, text })));

/** An app that answers with its release, under one top folder as GitHub packs it. */
export const hats = (release = 'true'): Promise<Buffer> =>
  tarball({
    'top/Procfile': `web: node server.cjs\nworker: sleep 1000\nrelease: ${release}\n`,
    'top/server.cjs': SERVER,
  });

/** A local Heroku that takes the token `right`, its window 6 s. */
export async function startRig(): Promise<Rig> {
  const heroku = await startHeroku({ scale: 30, token: 'right' });
  const shop = await heroku.createApp({ name: 'shop', preboot: true });
  await heroku.deploy(shop, await hats(), 'a'.repeat(40));

  const call: Rig['call'] = async (method, path, body, headers = {}) => {
    const sent = { Accept: ACCEPT, Authorization: 'Bearer right', ...headers };
    const init = { method, headers: sent, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${heroku.url}${path}`, init);
    const json = (await response.json().catch(() => null)) as Json & Json[];
    return { status: response.status, headers: response.headers, json, list: json };
  };
  const get: Rig['get'] = (path, headers) => call('GET', path, undefined, headers);
  const upload: Rig['upload'] = async source => {
    const { json } = await call('POST', '/sources');
    const { put_url, get_url } = json.source_blob as { put_url: string; get_url: string };
    const body = new Uint8Array(source);
    const stored = await fetch(put_url, { method: 'PUT', body, headers: { 'content-type': '' } });
    expect(stored.status).toBe(200);
    return get_url;
  };
  const until = async (path: string, isSo: (json: Json) => boolean): Promise<Json> => {
    await expect
      .poll(async () => isSo((await get(path)).json), { timeout: 15_000, interval: 30, message: path })
      .toBe(true);
    return (await get(path)).json;
  };
  return {
    heroku,
    shop,
    call,
    get,
    upload,
    build: async (source, more = {}) => {
      const { json } = await call('POST', '/apps/shop/builds', { source_blob: { url: await upload(source), ...more } });
      return until(
        `/apps/shop/builds/${json.id}`,
        ({ status, release }) => status === 'failed' || (status === 'succeeded' && release !== null),
      );
    },
    ended: path => until(path, ({ status }) => status !== 'pending'),
  };
}

/** The text of a stream, without its heartbeats. */
export async function readStream(url: unknown): Promise<string> {
  return (await (await fetch(String(url))).text()).replaceAll('\0', '');
}

export const releasePath = (build: Json): string => `/apps/shop/releases/${(build.release as { id: string }).id}`;
