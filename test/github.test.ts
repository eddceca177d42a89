import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectGitHub } from '../src/adapters/github.ts';
import { NotFound, type SourceHost } from '../src/outside.ts';
import type { ShopRepository } from './stage/apps/shop.ts';
import { type GitHub, startGitHub } from './stage/github/github.ts';
import { shopRepository } from './stage/made.ts';

let dir: string;
let shop: ShopRepository;
let github: GitHub;
let source: SourceHost;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'github-'));
  shop = await shopRepository(join(dir, 'shop'));
  github = await startGitHub({ repositories: { 'acme/shop': shop.dir }, token: 'ghp_1' });
  source = connectGitHub({ url: github.url, token: 'ghp_1' });
});

afterAll(async () => {
  await github.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('the source host', () => {
  it('resolves branches, tags and short commits to the one commit', async () => {
    for (const ref of ['main', 'v2', shop.commits.v2, shop.commits.v2.slice(0, 7)]) {
      expect(await source.commit('acme/shop', ref)).toMatchObject({
        sha: shop.commits.v2,
        subject: 'Count the hats in stock',
        author: 'Hatty Milliner',
      });
    }
  });

  it('says not found for what is not there, and keeps other failures apart', async () => {
    await expect(source.commit('acme/shop', 'no/such')).rejects.toThrow(NotFound);
    await expect(source.commit('acme/other', 'main')).rejects.toThrow(NotFound);
    const stranger = connectGitHub({ url: github.url, token: 'wrong' });
    await expect(stranger.commit('acme/shop', 'main')).rejects.not.toThrow(NotFound);
  });

  it('lists what a deploy would bring, newest first, and counts what it would take away', async () => {
    const { commits, total, behind } = await source.compare('acme/shop', shop.commits.v1, shop.commits.v3);
    expect(commits.map(commit => commit.subject)).toEqual([
      'Show what is left of each hat',
      'Count the hats in stock',
      'Tell <!channel> that R&D <sells> hats *now*',
    ]);
    expect({ total, behind }).toEqual({ total: 3, behind: 0 });
    expect(await source.compare('acme/shop', shop.commits.v3, shop.commits.v1)).toMatchObject({ total: 0, behind: 3 });
  });

  it('reads a file at a commit, and null where there is none', async () => {
    expect(await source.file('acme/shop', shop.commits.v1, 'Procfile')).toContain('web: node server.js');
    expect(await source.file('acme/shop', shop.commits.v1, 'switchover.json')).toBeNull();
  });

  it('packs a commit', async () => {
    const tarball = await source.tarball('acme/shop', shop.commits.v1);
    expect([...tarball.slice(0, 2)]).toEqual([0x1f, 0x8b]);
    expect(tarball.byteLength).toBeGreaterThan(500);
  });
});
