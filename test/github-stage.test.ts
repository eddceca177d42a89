import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Octokit } from 'octokit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShopRepository } from './stage/apps/shop.ts';
import { type GitHub, startGitHub } from './stage/github/github.ts';
import { shopRepository } from './stage/made.ts';

const acme = { owner: 'acme', repo: 'shop' };
let dir: string;
let shop: ShopRepository;
let github: GitHub;
let rest: Octokit['rest'];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'github-stage-'));
  shop = await shopRepository(join(dir, 'shop'));
  await promisify(execFile)('git', ['-C', shop.dir, 'branch', 'fix/the/fez', 'v1']);
  github = await startGitHub({ repositories: { 'acme/shop': shop.dir }, token: 'ghp_1' });
  ({ rest } = octokit('ghp_1'));
});

afterAll(async () => {
  await github?.stop();
  await rm(dir, { recursive: true, force: true });
});

const octokit = (auth: string) =>
  new Octokit({ auth, baseUrl: github.url, retry: { enabled: false }, throttle: { enabled: false } });

describe('the GitHub stand-in', () => {
  it('shows a repository to its token, and hides it from others', async () => {
    const { data } = await rest.repos.get(acme);
    expect(data).toMatchObject({ full_name: 'acme/shop', default_branch: 'main' });
    await expect(octokit('wrong').rest.repos.get(acme)).rejects.toMatchObject({
      status: 401,
      response: { data: { message: 'Bad credentials' } },
    });
    await expect(rest.repos.get({ owner: 'acme', repo: 'other' })).rejects.toMatchObject({
      status: 404,
      response: { data: { message: 'Not Found' } },
    });
  });

  it('resolves a branch with slashes, a tag, a short and a whole commit', async () => {
    for (const ref of ['fix/the/fez', 'v1', shop.commits.v1.slice(0, 7), shop.commits.v1]) {
      const { data } = await rest.repos.getCommit({ ...acme, ref });
      expect(data).toMatchObject({ sha: shop.commits.v1, commit: { message: 'Open the shop' }, parents: [] });
      expect(data.commit.author?.date).toBe('2026-01-05T10:01:00Z');
    }
  });

  it('answers 422 for a commit that is not there, and takes no ref for an option of git', async () => {
    for (const ref of ['no-such', 'deadbeef', '--all', 'v1..v2', 'main^']) {
      await expect(rest.repos.getCommit({ ...acme, ref })).rejects.toMatchObject({
        status: 422,
        response: { data: { message: `No commit found for SHA: ${ref}` } },
      });
    }
  });

  it('compares both ways, oldest first, and page by page', async () => {
    const asked = { ...acme, basehead: 'fix/the/fez...next' };
    const { data } = await rest.repos.compareCommitsWithBasehead(asked);
    expect(data).toMatchObject({ status: 'ahead', ahead_by: 3, behind_by: 0, base_commit: { sha: shop.commits.v1 } });
    expect(data.commits.at(-1)?.sha).toBe(shop.commits.v3);
    const paged = await rest.repos.compareCommitsWithBasehead({ ...asked, per_page: 2, page: 2 });
    expect(paged.data.commits.map(({ sha }) => sha)).toEqual([shop.commits.v3]);
    const crossed = await rest.repos.compareCommitsWithBasehead({ ...acme, basehead: 'crashes...next' });
    expect(crossed.data).toMatchObject({ status: 'diverged', ahead_by: 1, behind_by: 1 });
    await expect(rest.repos.compareCommitsWithBasehead({ ...acme, basehead: 'v1...gone' })).rejects.toMatchObject({
      status: 404,
    });
  });

  it('sends a tarball from another address, which needs no token, under one top folder', async () => {
    const asked = await fetch(`${github.url}/repos/acme/shop/tarball/v2`, {
      headers: { authorization: 'token ghp_1' },
      redirect: 'manual',
    });
    expect(asked.status).toBe(302);
    const packed = await fetch(asked.headers.get('location') ?? '');
    const top = `acme-shop-${shop.commits.v2.slice(0, 7)}/`;
    expect(gunzipSync(await packed.arrayBuffer()).toString('latin1')).toContain(`${top}migrations/2_stock.sql`);
  });

  it('sends a tarball slowly, and whole, when that was ordered', async () => {
    const from = performance.now();
    github.fails('/codeload', { slowMs: 200 });
    const packed = await fetch(`${github.url}/codeload/acme/shop/${shop.commits.v2}`);
    expect(gunzipSync(await packed.arrayBuffer()).toString('latin1')).toContain('migrations/2_stock.sql');
    expect(performance.now() - from).toBeGreaterThan(190);
    github.fails('/commits', 502);
    github.mends();
    expect((await rest.repos.getCommit({ ...acme, ref: 'main' })).status).toBe(200);
  });

  it('reads files and folders at a ref', async () => {
    const file = { ...acme, path: 'Procfile', ref: 'v1' };
    const { data } = await rest.repos.getContent(file);
    expect('content' in data && Buffer.from(data.content, 'base64').toString()).toContain('web: node server.js');
    const raw = await rest.repos.getContent({ ...file, mediaType: { format: 'raw' } });
    expect(String(raw.data)).toBe('web: node server.js\nrelease: node_modules/.bin/node-pg-migrate up\n');
    const folder = await rest.repos.getContent({ ...acme, path: 'migrations', ref: 'v2' });
    expect(folder.data).toMatchObject([{ path: 'migrations/1_hats.sql' }, { path: 'migrations/2_stock.sql' }]);
    await expect(rest.repos.getContent({ ...acme, path: 'switchover.json', ref: 'v1' })).rejects.toMatchObject({
      status: 404,
    });
  });

  it('lists branches page by page, and refs by how they begin', async () => {
    const names = await octokit('ghp_1').paginate(rest.repos.listBranches, { ...acme, per_page: 3 }, ({ data }) =>
      data.map(branch => branch.name),
    );
    expect(names).toEqual(
      [
        'bad-build',
        'bad-release',
        'cents',
        'cents-at-once',
        'cents-by-command',
        'crashes',
        'crashes-later',
        'fails',
        'fails-too',
        'hangs-up',
        'hangs-up-too',
        'smoke',
        'with-worker',
        'worker-crashes',
        'fix/the/fez',
        'main',
        'never-binds',
        'next',
        'renamed',
        'slow-release',
        'tells',
      ].sort(),
    );
    const { data } = await rest.git.listMatchingRefs({ ...acme, ref: 'heads/ne' });
    expect(data.map(({ ref }) => ref)).toEqual(['refs/heads/never-binds', 'refs/heads/next']);
  });

  it('knows no other call, and fails when that was ordered', async () => {
    await expect(rest.issues.listForRepo(acme)).rejects.toMatchObject({ status: 404 });
    await expect(rest.repos.createDeployment({ ...acme, ref: 'main' })).rejects.toMatchObject({ status: 404 });
    github.fails('/commits/main', 502);
    await expect(rest.repos.getCommit({ ...acme, ref: 'main' })).rejects.toMatchObject({ status: 502 });
    expect((await rest.repos.getCommit({ ...acme, ref: 'main' })).data.sha).toBe(shop.commits.v2);
    expect(github.calls.slice(-2).map(({ status }) => status)).toEqual([502, 200]);
  });
});
