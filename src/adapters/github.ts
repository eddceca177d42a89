import { Octokit } from 'octokit';
import { type Commit, NotFound, type SourceHost } from '../outside.ts';

const CALL_MS = 15_000;
const TARBALL_MS = 5 * 60_000;
const TARBALL_BYTES = 250 * 1024 * 1024;
const LISTED = 20;

type ApiCommit = { sha: string; commit: { message: string; author: { name?: string; date?: string } | null } };

/** GitHub by its REST API. Throws NotFound for what is not there, or what the token may not see. */
export function connectGitHub({ url, token }: { url: string; token: string }): SourceHost {
  const { rest } = new Octokit({ auth: token, baseUrl: url, userAgent: 'switchover', throttle: { enabled: false } });
  const within = (ms: number) => ({ request: { signal: AbortSignal.timeout(ms) } });

  return {
    commit: async (repository, ref) => {
      const { data } = await found(
        rest.repos.getCommit({ ...at(repository), ref, ...within(CALL_MS) }),
        `${repository} has no ${ref}.`,
      );
      return commitOf(data);
    },
    compare: async (repository, base, head) => {
      const asked = rest.repos.compareCommitsWithBasehead({
        ...at(repository),
        basehead: `${base}...${head}`,
        ...within(CALL_MS),
      });
      const { data } = await found(asked, `${repository} cannot compare ${base} with ${head}.`);
      const commits = data.commits.map(commitOf).reverse().slice(0, LISTED);
      return { commits, total: data.ahead_by, behind: data.behind_by };
    },
    file: async (repository, sha, path) => {
      const asked = rest.repos.getContent({
        ...at(repository),
        path,
        ref: sha,
        mediaType: { format: 'raw' },
        ...within(CALL_MS),
      });
      try {
        const { data } = await found(asked, path);
        return String(data);
      } catch (error) {
        if (error instanceof NotFound) return null;
        throw error;
      }
    },
    tarball: async (repository, sha) => {
      const request = { signal: AbortSignal.timeout(TARBALL_MS), parseSuccessResponseBody: false };
      const asked = rest.repos.downloadTarballArchive({ ...at(repository), ref: sha, request });
      const { data } = await found(asked, `${repository} has no commit ${sha} any more.`);
      return collect(data as ReadableStream<Uint8Array>, repository);
    },
  };
}

async function collect(stream: ReadableStream<Uint8Array>, repository: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > TARBALL_BYTES) {
      throw new NotFound(
        `The source of ${repository} is larger than ${TARBALL_BYTES / 2 ** 20} MB packed: too large to build.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function at(repository: string): { owner: string; repo: string } {
  const [owner = '', repo = ''] = repository.split('/');
  return { owner, repo };
}

function commitOf({ sha, commit }: ApiCommit): Commit {
  const [subject = ''] = commit.message.split('\n');
  return { sha, subject, author: commit.author?.name ?? 'unknown', at: commit.author?.date ?? '' };
}

/** 404: no such thing or not for this token; 409: an empty repository; 422: no commit of that name. */
async function found<T>(asked: Promise<T>, message: string): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    const status = cause instanceof Error && 'status' in cause ? cause.status : null;
    if (status === 404 || status === 409 || status === 422) throw new NotFound(message, { cause });
    throw cause;
  }
}
