import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the git command says of a repository on disk. Refs are taken as GitHub takes them, never as options of git. */
export async function git(dir: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', dir, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

export const defaultBranch = async (dir: string): Promise<string> =>
  (await git(dir, 'symbolic-ref', '--short', 'HEAD')).trim();

/** A branch before a tag before a commit (4 digits or more), as GitHub resolves them; null when there is none. */
export async function resolveRef(dir: string, ref: string): Promise<string | null> {
  // Characters that no ref may hold; to git they would mean parents, ranges and the like.
  if (/[\^~:?*[\\\s]|\.\.|@\{/.test(ref)) return null;
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}`, ...(ref.startsWith('refs/') ? [ref] : [])];
  if (ref.startsWith('heads/') || ref.startsWith('tags/')) names.push(`refs/${ref}`);
  if (ref === 'HEAD' || /^[0-9a-f]{4,40}$/.test(ref)) names.push(ref);
  for (const name of names) {
    const sha = await git(dir, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`).catch(
      () => '',
    );
    if (sha) return sha.trim();
  }
  return null;
}

export type CommitJson = {
  sha: string;
  html_url: string;
  commit: { message: string; author: Person; committer: Person; tree: { sha: string }; comment_count: number };
  author: null;
  committer: null;
  parents: { sha: string }[];
};

type Person = { name: string; email: string; date: string };

/** One commit as GitHub's REST API shows it. `author` is null as for a committer without an account. */
export async function readCommit(dir: string, repository: string, sha: string): Promise<CommitJson> {
  const format = ['%H', '%an', '%ae', '%at', '%cn', '%ce', '%ct', '%T', '%P', '%B'].join('%x00');
  const said = (await git(dir, 'show', '--no-patch', `--format=${format}`, sha)).split('\0');
  const [hash = '', name = '', email = '', at = '', byName = '', byEmail = '', byAt = '', tree = '', above = ''] = said;
  // GitHub's times are UTC and without fractions.
  const utc = (seconds: string): string => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
  return {
    sha: hash,
    html_url: `https://github.com/${repository}/commit/${hash}`,
    commit: {
      message: (said[9] ?? '').trim(),
      author: { name, email, date: utc(at) },
      committer: { name: byName, email: byEmail, date: utc(byAt) },
      tree: { sha: tree },
      comment_count: 0,
    },
    author: null,
    committer: null,
    parents: above
      .split(' ')
      .filter(Boolean)
      .map(parent => ({ sha: parent })),
  };
}

/** Commits of `to` that `from` lacks, oldest first, and the other way round. */
export async function between(dir: string, from: string, to: string): Promise<{ ahead: string[]; behind: string[] }> {
  const list = async (range: string): Promise<string[]> =>
    (await git(dir, 'rev-list', '--reverse', '--topo-order', range)).split('\n').filter(Boolean);
  const [ahead, behind] = await Promise.all([list(`${from}..${to}`), list(`${to}..${from}`)]);
  return { ahead, behind };
}

/** Refs below a prefix such as `refs/heads/`, by name. */
export async function listRefs(dir: string, prefix: string): Promise<{ ref: string; sha: string; type: string }[]> {
  const lines = await git(dir, 'for-each-ref', '--format=%(refname) %(objectname) %(objecttype)', 'refs');
  return lines
    .split('\n')
    .filter(line => line.startsWith(prefix))
    .map(line => {
      const [ref = '', sha = '', type = ''] = line.split(' ');
      return { ref, sha, type };
    });
}

export type Entry = { type: 'file' | 'dir'; path: string; sha: string; size: number; text: string };

/** A file, or what a folder holds, at a commit; null when it is not there. */
export async function readPath(dir: string, commit: string, path: string): Promise<Entry | Entry[] | null> {
  const lines = (where: string[]) => git(dir, 'ls-tree', '--long', '-z', commit, '--', ...where);
  const clean = path.replace(/\/+$/, '');
  const [itself] = clean ? entries(await lines([clean])) : [];
  if (clean && !itself) return null;
  if (itself?.type === 'file') return { ...itself, text: await git(dir, 'cat-file', 'blob', itself.sha) };
  return entries(await lines(clean ? [`${clean}/`] : []));
}

function entries(listing: string): Entry[] {
  return listing
    .split('\0')
    .filter(Boolean)
    .map(line => {
      const [about = '', path = ''] = line.split('\t');
      const [, type, sha = '', size = '0'] = about.split(/ +/);
      return { type: type === 'tree' ? 'dir' : 'file', path, sha, size: Number(size) || 0, text: '' };
    });
}
