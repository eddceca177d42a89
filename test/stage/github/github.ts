import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { packCommit } from '../apps/shop.ts';

const run = promisify(execFile);

export type GitHub = {
  url: string;
  calls: { method: string; path: string; status: number }[];
  /** The next calls whose path contains this answer with the status instead. */
  fails(path: string, status: number, times?: number): void;
  stop(): Promise<void>;
};

type Answer = { status: number; json?: unknown; raw?: Buffer | string; location?: string };

const NOT_FOUND: Answer = {
  status: 404,
  json: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest' },
};
const noCommit = (ref: string): Answer => ({ status: 422, json: { message: `No commit found for SHA: ${ref}` } });

/** As much of GitHub's REST API as the bot reads, from git repositories on disk: name → folder. */
export async function startGitHub(ask: { repositories: Record<string, string>; token: string }): Promise<GitHub> {
  const calls: GitHub['calls'] = [];
  const troubles: { path: string; status: number; times: number }[] = [];

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://github');
    const trouble = troubles.find(({ path, times }) => times > 0 && url.pathname.includes(path));
    if (trouble) trouble.times--;
    const answer = trouble
      ? { status: trouble.status, json: { message: 'Trouble was ordered' } }
      : await route(url, request).catch(() => NOT_FOUND);
    calls.push({ method: request.method ?? '', path: url.pathname, status: answer.status });
    if (answer.location) response.setHeader('location', answer.location);
    if (Buffer.isBuffer(answer.raw)) response.setHeader('content-type', 'application/x-gzip');
    if (answer.json !== undefined) response.setHeader('content-type', 'application/json; charset=utf-8');
    response.writeHead(answer.status).end(answer.raw ?? JSON.stringify(answer.json ?? {}));
  };

  const route = async (url: URL, request: IncomingMessage): Promise<Answer> => {
    const [, kind, owner, name, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const dir = ask.repositories[`${owner}/${name}`];
    // Where GitHub sends downloads to: another host, an address that needs no token.
    if (kind === 'codeload' && dir) {
      const sha = rest.join('/');
      return { status: 200, raw: await packCommit(dir, sha, `${owner}-${name}-${sha.slice(0, 7)}`) };
    }
    const token = /^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token !== ask.token) return { status: 401, json: { message: 'Bad credentials' } };
    if (request.method !== 'GET' || kind !== 'repos' || !dir) return NOT_FOUND;
    const [what, ...more] = rest;
    const named = more.join('/');
    switch (what) {
      case undefined:
        return { status: 200, json: { full_name: `${owner}/${name}`, default_branch: 'main', private: true } };
      case 'commits':
        return commitAnswer(dir, named);
      case 'compare':
        return compare(dir, named);
      case 'tarball': {
        const sha = await resolve(dir, named || 'HEAD');
        return sha
          ? { status: 302, location: `http://${request.headers.host}/codeload/${owner}/${name}/${sha}` }
          : NOT_FOUND;
      }
      case 'contents':
        return contents(dir, named, url.searchParams.get('ref') ?? 'HEAD', request.headers.accept ?? '');
      case 'branches':
        return { status: 200, json: await branches(dir) };
      default:
        return NOT_FOUND;
    }
  };

  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fails: (path, status, times = 1) => void troubles.push({ path, status, times }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise(closed => server.close(closed));
    },
  };
}

async function git(dir: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', dir, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** A branch before a tag before a commit, as GitHub resolves them; null when there is none. */
async function resolve(dir: string, ref: string): Promise<string | null> {
  if (ref.startsWith('-')) return null;
  for (const name of [
    `refs/heads/${ref}`,
    `refs/tags/${ref}`,
    /^[0-9a-f]{4,40}$/.test(ref) || ref === 'HEAD' ? ref : null,
  ]) {
    if (!name) continue;
    const sha = await git(dir, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`).catch(() => '');
    if (sha) return sha.trim();
  }
  return null;
}

async function commitJson(dir: string, sha: string): Promise<object> {
  const format = ['%H', '%an', '%ae', '%aI', '%B'].join('%x00');
  const [hash, author, email, date, message = ''] = (
    await git(dir, 'show', '--no-patch', `--format=${format}`, sha)
  ).split('\0');
  const person = { name: author, email, date };
  return {
    sha: hash,
    commit: { message: message.trim(), author: person, committer: person },
    author: null,
    parents: [],
  };
}

async function commitAnswer(dir: string, ref: string): Promise<Answer> {
  const sha = await resolve(dir, ref);
  return sha ? { status: 200, json: await commitJson(dir, sha) } : noCommit(ref);
}

async function compare(dir: string, basehead: string): Promise<Answer> {
  const [base = '', head = ''] = basehead.split('...');
  const [from, to] = await Promise.all([resolve(dir, base), resolve(dir, head)]);
  if (!from || !to) return NOT_FOUND;
  const ahead = (await git(dir, 'rev-list', '--reverse', `${from}..${to}`)).split('\n').filter(Boolean);
  const behind = (await git(dir, 'rev-list', `${to}..${from}`)).split('\n').filter(Boolean);
  const status =
    ahead.length === 0 ? (behind.length === 0 ? 'identical' : 'behind') : behind.length === 0 ? 'ahead' : 'diverged';
  const commits = await Promise.all(ahead.slice(0, 250).map(sha => commitJson(dir, sha)));
  return {
    status: 200,
    json: { status, ahead_by: ahead.length, behind_by: behind.length, total_commits: ahead.length, commits },
  };
}

async function contents(dir: string, path: string, ref: string, accept: string): Promise<Answer> {
  const sha = await resolve(dir, ref);
  if (!sha) return NOT_FOUND;
  const text = await git(dir, 'show', `${sha}:${path}`);
  if (accept.includes('raw')) return { status: 200, raw: text };
  return {
    status: 200,
    json: { type: 'file', path, encoding: 'base64', content: Buffer.from(text).toString('base64') },
  };
}

async function branches(dir: string): Promise<object[]> {
  const lines = (await git(dir, 'for-each-ref', '--format=%(refname:short) %(objectname)', 'refs/heads'))
    .trim()
    .split('\n');
  return lines.map(line => {
    const [name, sha] = line.split(' ');
    return { name, commit: { sha }, protected: false };
  });
}
