import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { packCommit } from '../apps/shop.ts';
import { between, defaultBranch, type Entry, listRefs, readCommit, readPath, resolveRef } from './repository.ts';

type Trouble = number | { slowMs: number };

export type GitHub = {
  url: string;
  calls: { method: string; path: string; status: number }[];
  /** The next calls whose path contains this answer with the status instead, or in pieces that take `slowMs` together; `met` is told of each. */
  fails(path: string, trouble: Trouble, times?: number, met?: () => void): void;
  /** Takes back all trouble that was ordered and has not happened yet. */
  mends(): void;
  stop(): Promise<void>;
};

type Answer = { status: number; json?: unknown; raw?: Buffer | string; location?: string; next?: string };

/** A slow answer comes in so many. */
const PIECES = 10;
const DOCS = 'https://docs.github.com/rest';
const refused = (status: number, message: string): Answer => ({
  status,
  json: { message, documentation_url: DOCS, status: String(status) },
});
const NOT_FOUND = refused(404, 'Not Found');

/** As much of GitHub's REST API as the bot reads, from git repositories on disk: `owner/name` → folder. */
export async function startGitHub(ask: { repositories: Record<string, string>; token: string }): Promise<GitHub> {
  const calls: GitHub['calls'] = [];
  let troubles: { path: string; trouble: Trouble; times: number; met?: (() => void) | undefined }[] = [];

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const ordered = troubles.find(({ path, times }) => times > 0 && url.pathname.includes(path));
    if (ordered) ordered.times--;
    ordered?.met?.();
    const trouble = ordered?.trouble;
    const answer =
      typeof trouble === 'number'
        ? refused(trouble, 'Trouble was ordered')
        : await route(url, request).catch((error: unknown) => refused(500, String(error)));
    calls.push({ method: request.method ?? '', path: url.pathname, status: answer.status });
    if (answer.location) response.setHeader('location', answer.location);
    if (answer.next) response.setHeader('link', `<${answer.next}>; rel="next"`);
    if (Buffer.isBuffer(answer.raw)) response.setHeader('content-type', 'application/x-gzip');
    if (typeof answer.raw === 'string') response.setHeader('content-type', 'application/vnd.github.raw; charset=utf-8');
    if (answer.json !== undefined) response.setHeader('content-type', 'application/json; charset=utf-8');
    const body = Buffer.from(answer.raw ?? (answer.json === undefined ? '' : JSON.stringify(answer.json)));
    response.writeHead(answer.status);
    if (typeof trouble === 'object') {
      for (let piece = 0; piece < PIECES; piece++) {
        const [from, to] = [piece, piece + 1].map(at => Math.floor((body.length * at) / PIECES));
        response.write(body.subarray(from, to));
        await sleep(trouble.slowMs / PIECES);
      }
      response.end();
    } else {
      response.end(body);
    }
  };

  const route = async (url: URL, request: IncomingMessage): Promise<Answer> => {
    const [, kind, owner, name, ...rest] = wordsOf(url.pathname);
    const dir = ask.repositories[`${owner}/${name}`];
    // Where GitHub sends downloads to: an address that needs no token.
    if (kind === 'codeload' && dir) {
      const sha = rest.join('/');
      return { status: 200, raw: await packCommit(dir, sha, `${owner}-${name}-${sha.slice(0, 7)}`) };
    }
    const token = /^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token !== ask.token) return refused(401, token ? 'Bad credentials' : 'Requires authentication');
    // A repository that the token may not see is not told from one that is not there.
    if (request.method !== 'GET' || kind !== 'repos' || !dir) return NOT_FOUND;
    const about: About = { dir, repository: `${owner}/${name}`, url, accept: request.headers.accept ?? '' };
    const [what = '', ...more] = rest;
    const read = Object.hasOwn(READ, what) ? READ[what] : undefined;
    return read ? read(about, more.join('/')) : NOT_FOUND;
  };

  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fails: (path, trouble, times = 1, met) => void troubles.push({ path, trouble, times, met }),
    mends: () => {
      troubles = [];
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise(closed => server.close(closed));
    },
  };
}

/** Words of a path; refs may hold slashes, written out or as %2F. */
function wordsOf(path: string): string[] {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return [];
  }
}

type About = { dir: string; repository: string; url: URL; accept: string };

/** What can be asked of a repository, by the word behind its name. */
const READ: Record<string, (about: About, named: string) => Promise<Answer>> = {
  '': async ({ dir, repository }, named) => {
    if (named) return NOT_FOUND;
    const [login, name] = repository.split('/');
    const shown = {
      name,
      full_name: repository,
      owner: { login },
      private: true,
      html_url: `https://github.com/${repository}`,
    };
    return { status: 200, json: { ...shown, default_branch: await defaultBranch(dir) } };
  },

  commits: async ({ dir, repository }, ref) => {
    const sha = await resolveRef(dir, ref);
    if (!sha) return refused(422, `No commit found for SHA: ${ref}`);
    return { status: 200, json: await readCommit(dir, repository, sha) };
  },

  compare: async ({ dir, repository, url }, basehead) => {
    const [base = '', head = ''] = basehead.split('...');
    const [from, to] = await Promise.all([resolveRef(dir, base), resolveRef(dir, head)]);
    if (!from || !to) return NOT_FOUND;
    const { ahead, behind } = await between(dir, from, to);
    const { shown, next } = page(ahead, url, 250);
    const [base_commit, ...commits] = await Promise.all([from, ...shown].map(sha => readCommit(dir, repository, sha)));
    const status =
      ahead.length > 0 ? (behind.length > 0 ? 'diverged' : 'ahead') : behind.length > 0 ? 'behind' : 'identical';
    const counts = { ahead_by: ahead.length, behind_by: behind.length, total_commits: ahead.length };
    return { status: 200, json: { status, ...counts, base_commit, commits }, ...(next ? { next } : {}) };
  },

  tarball: async ({ dir, repository, url }, ref) => {
    const sha = await resolveRef(dir, ref || 'HEAD');
    return sha ? { status: 302, location: `${url.origin}/codeload/${repository}/${sha}` } : NOT_FOUND;
  },

  contents: async ({ dir, url, accept }, path) => {
    const ref = url.searchParams.get('ref') ?? 'HEAD';
    const sha = await resolveRef(dir, ref);
    if (!sha) return refused(404, `No commit found for the ref ${ref}`);
    const found = await readPath(dir, sha, path);
    if (!found) return NOT_FOUND;
    if (Array.isArray(found)) return { status: 200, json: found.map(entryJson) };
    if (/raw/.test(accept)) return { status: 200, raw: found.text };
    // GitHub breaks the lines of its base64.
    const content = Buffer.from(found.text).toString('base64').replace(/.{60}/g, '$&\n');
    return { status: 200, json: { ...entryJson(found), encoding: 'base64', content } };
  },

  branches: async ({ dir, url }, named) => {
    const all = (await listRefs(dir, 'refs/heads/')).map(({ ref, sha }) => ({
      name: ref.slice('refs/heads/'.length),
      commit: { sha },
      protected: false,
    }));
    if (named) {
      const one = all.find(branch => branch.name === named);
      return one ? { status: 200, json: one } : refused(404, 'Branch not found');
    }
    const { shown, next } = page(all, url, 30);
    return { status: 200, json: shown, ...(next ? { next } : {}) };
  },

  git: async ({ dir }, named) => {
    const prefix = /^matching-refs\/(.+)$/.exec(named)?.[1];
    if (!prefix) return NOT_FOUND;
    const refs = await listRefs(dir, `refs/${prefix}`);
    return { status: 200, json: refs.map(({ ref, sha, type }) => ({ ref, object: { sha, type } })) };
  },
};

const entryJson = ({ type, path, sha, size }: Entry) => ({ type, name: path.split('/').at(-1), path, sha, size });

/** One page of a list, and the address of the next. GitHub gives no more than 100 at a time when it is asked. */
function page<T>(list: T[], url: URL, unasked: number): { shown: T[]; next: string | null } {
  const asked = Number(url.searchParams.get('per_page'));
  const size = asked > 0 ? Math.min(asked, 100) : unasked;
  const number = Number(url.searchParams.get('page')) || 1;
  const next = new URL(url);
  next.searchParams.set('page', String(number + 1));
  return {
    shown: list.slice((number - 1) * size, number * size),
    next: list.length > number * size ? next.href : null,
  };
}
