import type { Freeze } from './freeze.ts';

/** What the team has said of an app: who may deploy it, from where, and where it is talked about. */
export type AppSettings = {
  /** The Heroku app's name. */
  name: string;
  /** `owner/name` on GitHub. */
  repository: string;
  defaultRef: string;
  /** Slack channel id in which its deploys are told. */
  channel: string;
  /** Who has each role: Slack ids of people (`U…`), of user groups (`S…`), or of channels (`C…`, their members). */
  viewers?: readonly string[] | undefined;
  deployers: readonly string[];
  approvers: readonly string[];
  admins?: readonly string[] | undefined;
  /** Channels in which it may be asked for and shown, beside its own; none: everywhere. */
  allowedChannels?: readonly string[] | undefined;
  /** True: whoever started a deploy may not approve its contract migrations. */
  fourEyes: boolean;
  /** True: an approver must agree before a deploy begins. */
  startNeedsApproval?: boolean | undefined;
  /** True: a deploy goes back by itself when new code is not well after the switch. */
  autoRollback?: boolean | undefined;
  /** When nothing of it is deployed. */
  freezes?: readonly Freeze[] | undefined;
  /** Where visitors reach it, when that is not the address that Heroku names. */
  url?: string | undefined;
  /** How to find the version in an answer, for commits without a `switchover.json`. */
  probe?: Probe | undefined;
  /**
   * From a release to the switch of routers: boot timeout + 120 s (Heroku changelog 1121), 180 for the usual 60 s. Used
   * to say what is expected, never as evidence.
   */
  windowSeconds: number;
};

/** Where an answer carries the release (`v42`) or the commit that gave it. */
export type Probe = { path: string; header: string } | { path: string; json: string };

/** True for a path on the app itself. `//elsewhere/`, also with a tab in it, leads to another host (URL standard). */
export const isOwnPath = (path: string): boolean =>
  path.startsWith('/') && URL.parse(path, 'http://app.invalid')?.origin === 'http://app.invalid';

/** `X-Heroku-Release-Version`, as the npm package heroku-dyno-metadata sends it. */
export const DEFAULT_PROBE: Probe = { path: '/', header: 'X-Heroku-Release-Version' };

/** What an answer says of the code that gave it; `null` when it says nothing that can be read. */
export type Version = { release: number } | { commit: string } | null;

/** Reads `v42`, `42`, or a commit of at least 7 hex digits. */
export function readVersion(text: string | undefined): Version {
  const word = text?.trim() ?? '';
  const release = /^v?(\d{1,6})$/.exec(word)?.[1];
  if (release) return { release: Number(release) };
  return /^[0-9a-f]{7,40}$/i.test(word) ? { commit: word.toLowerCase() } : null;
}

/** A commit as people read it; `subject` is its first line, `at` (ISO) when it was made. */
export type PlannedCommit = { sha: string; subject: string; author: string; at?: string };
