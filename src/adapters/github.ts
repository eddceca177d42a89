import { constants, gunzipSync } from 'node:zlib';
import { request as octokit } from '@octokit/request';
import pRetry, { AbortError } from 'p-retry';
import { z } from 'zod';
import { type Commit, NotFound, type SourceHost } from '../outside.ts';

const CALL_MS = 15_000;
const TARBALL_MS = 5 * 60_000;
const JSON_BYTES = 16 * 1024 * 1024;
const TARBALL_BYTES = 250 * 1024 * 1024;
const LISTED = 20;
/** The most that a page can hold (REST API, pagination). */
const PAGE = 100;

const commitShape = z
  .object({
    sha: z.string(),
    commit: z.object({
      message: z.string(),
      author: z.object({ name: z.string().optional(), date: z.string().optional() }).nullable(),
    }),
  })
  .transform(({ sha, commit: { message, author } }): Commit => {
    const [subject = ''] = message.split('\n');
    return { sha, subject, author: author?.name ?? 'unknown', at: author?.date ?? '' };
  });
const refsShape = z.array(z.object({ ref: z.string() }));
const compareShape = z.object({ ahead_by: z.number(), behind_by: z.number(), commits: z.array(commitShape) });

type Ask = {
  repository: string;
  /** What follows the repository in the API's paths, with `{names}` of `values`. */
  of: string;
  values: Record<string, string | number>;
  /** What a person is told when there is no such thing. */
  absent: string;
  raw?: boolean;
  ms?: number;
  bytes?: number;
};

/** GitHub by its REST API. Throws NotFound for what is not there, or what the token may not see. */
export function connectGitHub({ url, token }: { url: string; token: string }): SourceHost {
  // Octokit's retries end with the headers, and a body that breaks off is an empty one to it: so its bare client is used.
  const send = octokit.defaults({
    baseUrl: url,
    headers: { authorization: `token ${token}`, 'user-agent': 'switchover' },
  });

  const ask = async ({ repository, of, values, absent, raw, ms = CALL_MS, bytes = JSON_BYTES }: Ask) => {
    const [owner = '', repo = ''] = repository.split('/');
    if ([owner, repo, ...Object.values(values)].some(isStep)) throw new AbortError(new NotFound(absent));
    const request = { signal: AbortSignal.timeout(ms), parseSuccessResponseBody: false };
    const mediaType = raw ? { mediaType: { format: 'raw' } } : {};
    try {
      const { data, headers } = await send(`GET /repos/{owner}/{repo}/${of}`, {
        ...{ owner, repo, ...values },
        ...mediaType,
        request,
      });
      return { body: await collect(data as AsyncIterable<Uint8Array>, bytes, repository), headers };
    } catch (error) {
      throw givenUp(error, absent);
    }
  };
  const read = (asked: Ask) =>
    pRetry(() => ask(asked), { retries: 3, minTimeout: 500, randomize: true, maxRetryTime: 3 * (asked.ms ?? CALL_MS) });
  const readJson = async <T extends z.ZodType>(shape: T, asked: Ask): Promise<z.infer<T>> => {
    const { body } = await read(asked);
    const known = shape.safeParse(JSON.parse(body.toString('utf8')));
    if (known.success) return known.data;
    const fields = known.error.issues.map(issue => issue.path.join('.')).join(', ');
    throw new Error(`GitHub's answer about ${asked.of} of ${asked.repository} is not as documented: ${fields}`);
  };

  return {
    commit: (repository, ref) =>
      readJson(commitShape, {
        repository,
        of: 'commits/{ref}',
        values: { ref, per_page: 1 },
        absent: `${repository} has no ${ref}.`,
      }),
    compare: async (repository, base, head) => {
      const page = (number: number) =>
        readJson(compareShape, {
          repository,
          of: 'compare/{basehead}',
          values: { basehead: `${base}...${head}`, per_page: PAGE, page: number },
          absent: `${repository} cannot compare ${base} with ${head}.`,
        });
      const first = await page(1);
      // Oldest first: the newest are on the last page, and where that is short, on the one before.
      const last = Math.ceil(first.ahead_by / PAGE);
      const pages =
        last > 1 ? await Promise.all([last - 1, last].map(number => (number === 1 ? first : page(number)))) : [first];
      const commits = pages.flatMap(({ commits }) => commits);
      return { commits: commits.reverse().slice(0, LISTED), total: first.ahead_by, behind: first.behind_by };
    },
    file: async (repository, sha, path) => {
      const asked = { repository, of: 'contents/{path}', values: { path, ref: sha }, absent: path, raw: true };
      try {
        const { body, headers } = await read(asked);
        // A folder is listed, in JSON whatever was asked for.
        return headers['content-type']?.startsWith('application/json') ? null : body.toString('utf8');
      } catch (error) {
        if (error instanceof NotFound) return null;
        throw error;
      }
    },
    refs: async (repository, prefix) => {
      const parts = prefix.replace(/[^\w./-]/g, '').split('/');
      // Only the last may be empty: so it is while `team/` is typed.
      if (parts.some(isStep) || parts.slice(0, -1).includes('')) return [];
      const begins = parts.map((_, at) => `{part${at}}`).join('/');
      const values = Object.fromEntries(parts.map((part, at) => [`part${at}`, part]));
      const names = async (kind: 'heads' | 'tags') => {
        const asked = { repository, of: `git/matching-refs/${kind}/${begins}`, values, absent: repository };
        return (await readJson(refsShape, asked)).map(({ ref }) => ref.replace(/^refs\/(heads|tags)\//, ''));
      };
      return (await Promise.all([names('heads'), names('tags')])).flat();
    },
    tarball: async (repository, sha) => {
      const absent = `${repository} has no commit ${sha} any more.`;
      const size = { ms: TARBALL_MS, bytes: TARBALL_BYTES };
      const { body } = await read({ repository, of: 'tarball/{sha}', values: { sha }, absent, ...size });
      const packed = commitIn(body);
      if (packed && packed !== sha) throw new Error(`GitHub packed ${packed} of ${repository} instead of ${sha}`);
      return body;
    },
  };
}

/** In a path it would lead elsewhere, with our token, and it is the name of nothing. */
const isStep = (part: string | number): boolean => part === '.' || part === '..';

async function collect(stream: AsyncIterable<Uint8Array>, most: number, repository: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > most)
      throw new TooLarge(`What GitHub packed of ${repository} is over ${most / 2 ** 20} MB: too large to build.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A person can mend it, and asking again would not: it is told as what is not there is. */
class TooLarge extends NotFound {}

/** Network errors, 429 and 5xx may pass. 404: no such thing or not for this token; 409: an empty repository; 422: no commit of that name. */
function givenUp(error: unknown, absent: string): unknown {
  if (error instanceof TooLarge) return new AbortError(error);
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
  if ([404, 409, 422].includes(status)) return new AbortError(new NotFound(absent, { cause: error }));
  return status < 500 && status !== 429 && error instanceof Error ? new AbortError(error) : error;
}

/** The commit that `git archive` writes at a tarball's start (a pax header's `comment`); null when there is none. */
function commitIn(tarball: Buffer): string | null {
  const start = gunzipSync(tarball.subarray(0, 4_096), { finishFlush: constants.Z_SYNC_FLUSH });
  return /\bcomment=([0-9a-f]{40})\n/.exec(start.toString('latin1', 0, 1_024))?.[1] ?? null;
}
