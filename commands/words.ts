import { Refusal, withoutMentions } from '../src/domain/refusal.ts';

// What every command has in common: words, names of apps, refs.

export const EXAMPLES =
  'Type `/deploy shop`, `/deploy shop main` or `/deploy shop@abc1234`; `/deploy help` shows your apps.';
/** Heroku: lower-case letters, digits and dashes, 3 to 30, first a letter (platform-api-reference, app name). */
export const APP = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/;
const COMMIT = /^[0-9a-f]{7,40}$/i;
/** What git allows in no name of a branch or tag (git-check-ref-format), and what begins a mention in Slack. */
const NO_REF = /[~^:?*[\]\\<>]|\.\.|@\{|\/\/|^[-/.@]|[/.]$|\.lock(\/|$)|\/\./;

/** Nothing to undo in it. */
const PLAIN = /^[\w @./-]*$/;

/** Nobody types so much to a bot: what is beyond is not read. Anybody in Slack may write 40,000 characters. */
const MOST_READ = 4_000;

/** Slack escapes `&`, `<` and `>`; copied text brings invisible characters and quotes with it. */
export function wordsOf(typed: string): string[] {
  const text = typed.slice(0, MOST_READ);
  // As nearly all is typed; and each command is read before it is acknowledged.
  if (PLAIN.test(text)) return text.split(' ').filter(Boolean);
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .split(' ')
    .map(word => word.replace(/^[`"'“”‘’]+|(?<![`"'“”‘’])[`"'“”‘’]+$/g, ''))
    .filter(Boolean);
}

/** The app's name; throws a Refusal with what to type. */
export function appOf(name: string, rest: readonly string[]): string {
  const app = name.toLowerCase();
  if (APP.test(app) && !(app === 'deploy' && rest.length > 0)) return app;
  const [, before = '', after = ''] = /^([a-z][a-z0-9-]+)[:#/=](.+)$/i.exec(name) ?? [];
  if (app === 'deploy' || app === '/deploy') throw new Refusal([didYouMean(rest.join(' ') || 'shop')]);
  if (APP.test(before.toLowerCase()))
    throw new Refusal([`${quoted(name)} is no name of an app. ${didYouMean(`${before.toLowerCase()} ${after}`)}`]);
  throw new Refusal([
    `${quoted(name)} is no name of a Heroku app: those have 3 to 30 small letters, digits and dashes, and begin with a letter. ${EXAMPLES}`,
  ]);
}

/** A branch or tag, or a commit after `@`. */
export function refOf(app: string, word: string): string {
  if (word.startsWith('@')) {
    const commit = word.slice(1);
    if (COMMIT.test(commit)) return commit.toLowerCase();
    const branch =
      commit && !NO_REF.test(commit) ? ` For a branch or tag leave out the @: ${didYouMean(`${app} ${commit}`)}` : '';
    throw new Refusal([
      `After @ comes a commit, 7 to 40 digits of its hash, as in \`/deploy ${app}@abc1234\`.${branch}`,
    ]);
  }
  if (NO_REF.test(word) || word.length > 200) {
    throw new Refusal([
      `${quoted(word)} can be no branch, tag or commit. Type it as git shows it, as in \`/deploy ${app} main\` or \`/deploy ${app} feature/basket\`.`,
    ]);
  }
  return word;
}

export const didYouMean = (words: string): string =>
  `Did you mean \`/deploy ${withoutMentions(words).replaceAll('`', '').slice(0, 100)}\`?`;
export const quoted = (word: string): string => `“${withoutMentions(word).slice(0, 60)}”`;
