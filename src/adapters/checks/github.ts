import type { AppSettings, Probe } from '../../domain/app.ts';
import { type Checked, green, red, yellow } from '../../domain/checkup.ts';
import { readSwitchoverFile } from '../../domain/switchover-file.ts';
import type { Ask, Reply } from './ask.ts';

export type GitHubDesk = { ask: Ask; url: string; token: string };

const SOON_MS = 14 * 24 * 60 * 60_000;
const GIVE = 'Give the token contents: read (https://github.com/settings/personal-access-tokens)';

/** Whether GitHub takes the token, and until when. */
export async function checkGitHubToken(desk: GitHubDesk): Promise<Checked> {
  const what = 'GitHub token';
  const { status, headers } = await get(desk, '/rate_limit');
  if (status === 401) {
    const todo =
      'Make one that may read the repositories (contents: read), and set GITHUB_TOKEN to it: https://github.com/settings/personal-access-tokens';
    return { findings: [red(what, 'GitHub refuses it.', todo)] };
  }
  // As in `2026-12-01 08:00:00 UTC` (REST API, "Token expiration").
  const until = headers.get('github-authentication-token-expiration');
  if (!until) return { findings: [green(what, 'GitHub takes it.')] };
  const isSoon = Date.parse(until) - Date.now() < SOON_MS;
  const found = `GitHub takes it until ${until}.`;
  const todo = 'Make a new one in time, and set GITHUB_TOKEN to it.';
  return { findings: [isSoon ? yellow(what, found, todo) : green(what, found)] };
}

/** Whether an app's code can be read, and what its switchover.json says. */
export async function checkRepository(
  desk: GitHubDesk,
  { name, repository, defaultRef }: AppSettings,
): Promise<Checked<{ probe: Probe | null }>> {
  const what = `GitHub ${repository}`;
  const ref = encodeURIComponent(defaultRef);
  // Commits and files need `contents: read`, what is said of the repository itself only `metadata: read`.
  const { status } = await get(desk, `/repos/${repository}/commits/${ref}`);
  if (status !== 200) {
    const isSeen = (await get(desk, `/repos/${repository}`)).status === 200;
    const found = isSeen
      ? `It is seen, but its ${defaultRef} cannot be read (status ${status}).`
      : `The token does not see it (status ${status}).`;
    const todo = `${GIVE} for ${repository}, or mend repository and defaultRef of ${name}: \`npm run settings -- export\`.`;
    return { probe: null, findings: [red(what, found, todo)] };
  }
  const readable = green(what, `Its ${defaultRef} can be read.`);
  const raw = 'application/vnd.github.raw+json';
  const file = await get(desk, `/repos/${repository}/contents/switchover.json?ref=${ref}`, raw);
  const { probe, problems } = readSwitchoverFile(file.status === 200 ? file.text : null);
  const wrong = problems.map(problem =>
    red(`${what}, switchover.json`, problem, 'Until then its deploys are refused.'),
  );
  return { probe: probe ?? null, findings: [readable, ...wrong] };
}

function get({ ask, url, token }: GitHubDesk, path: string, accept = 'application/vnd.github+json'): Promise<Reply> {
  return ask({ of: 'GitHub', url: url.replace(/\/*$/, '') + path, token, accept });
}
