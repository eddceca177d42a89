import { Refusal } from '../src/domain/refusal.ts';
import { VERBS, type VerbWords } from './verbs.ts';
import { appOf, didYouMean, EXAMPLES, quoted, refOf, wordsOf } from './words.ts';

export type Words =
  | { kind: 'help' }
  /** `only`: the plan is all that is wanted. */
  | { kind: 'deploy'; app: string; ref: string | null; only: boolean; maintenance?: true }
  /** `at`: when, as typed. */
  | { kind: 'deploy at'; app: string; ref: string | null; at: string; maintenance?: true }
  | VerbWords;

const OPTIONS: readonly string[] = ['--plan', '--maintenance'];

/** Reads what follows `/deploy`. Throws a Refusal that says what to type, with an example; never anything else. */
export function parse(text: string): Words {
  const words = wordsOf(text);
  const [first = 'help'] = words;
  if (words.length <= 1 && /^(help|hilfe|aide|\?|-h|--help)$/i.test(first)) return { kind: 'help' };
  const read = Object.hasOwn(VERBS, first.toLowerCase()) ? VERBS[first.toLowerCase()] : undefined;
  if (read && words.length > 0) return read(words.slice(1));
  const mentioned = words.find(word => /^<[@#!]/.test(word));
  if (mentioned) {
    const what = mentioned.startsWith('<#') ? 'a channel' : 'a person';
    throw new Refusal([`${quoted(mentioned)} is ${what}, and \`/deploy\` needs the name of an app. ${EXAMPLES}`]);
  }
  const option = words.find(word => word.startsWith('--') && !OPTIONS.includes(word));
  if (option) throw new Refusal([`\`/deploy\` has no option ${quoted(option)}. ${EXAMPLES}`]);
  const [name = '', ...rest] = words
    .filter(word => !OPTIONS.includes(word))
    .join(' ')
    // An app that is called like a verb: `app:status`.
    .replace(/^app:/i, '')
    .replace(/\s*@\s*/, ' @')
    .trim()
    .split(' ');
  const app = appOf(name, rest);
  const mode = words.includes('--maintenance') ? ({ maintenance: true } as const) : {};
  const at = rest.findIndex((word, index) => index < 2 && word.toLowerCase() === 'at' && index < rest.length - 1);
  if (at >= 0) {
    const [ref] = rest.slice(0, at);
    const when = rest.slice(at + 1).join(' ');
    return { kind: 'deploy at', app, ref: ref === undefined ? null : refOf(app, ref), at: when, ...mode };
  }
  if (rest.length > 1) throw new Refusal([tooMany(app, rest)]);
  const [ref] = rest;
  const only = words.includes('--plan');
  return { kind: 'deploy', app, ref: ref === undefined ? null : refOf(app, ref), only, ...mode };
}

function tooMany(app: string, rest: readonly string[]): string {
  const [first = '', ...more] = rest;
  return `\`/deploy\` takes an app and a branch, tag or commit; ${quoted(more.join(' '))} is one word too many. ${didYouMean(`${app} ${first}`)}`;
}
