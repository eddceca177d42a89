import { ALL_APPS, readDuration } from '../src/domain/lock.ts';
import type { Role } from '../src/domain/permission.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { appOf, quoted, refOf } from './words.ts';

// `/deploy VERB …`: verbs come first, and each reads what follows it.

export type VerbWords =
  | { kind: 'status' | 'queue'; app: string | null }
  | { kind: 'history' | 'stats' | 'cancel'; app: string }
  /** To a release, or to the newest other code. */
  | { kind: 'back'; app: string; version: number | null; maintenance?: true }
  | { kind: 'live'; app: string; ref: string }
  /** Null: a new app. */
  | { kind: 'settings'; app: string | null }
  /** `scope`: an app or `all`; `length` as typed. */
  | { kind: 'lock'; scope: string; length: string | null; reason: string }
  | { kind: 'unlock'; scope: string };

type Read = (rest: readonly string[]) => VerbWords;

/** How each verb is typed, what for, and who may: for help, and for whoever typed it otherwise. */
export const USAGE = {
  status: {
    role: 'viewer',
    typed: app => `\`/deploy status\` or \`/deploy status ${app}\``,
    does: 'how your apps stand',
  },
  queue: { role: 'viewer', typed: app => `\`/deploy queue\` or \`/deploy queue ${app}\``, does: 'who waits' },
  history: { role: 'viewer', typed: app => `\`/deploy history ${app}\``, does: 'what was deployed' },
  stats: { role: 'viewer', typed: app => `\`/deploy stats ${app}\``, does: 'how often, how fast, how well' },
  live: { role: 'viewer', typed: app => `\`/deploy live ${app} abc1234\``, does: 'whether a commit is live' },
  cancel: { role: 'deployer', typed: app => `\`/deploy cancel ${app}\``, does: 'calls a deploy off' },
  rollback: {
    role: 'deployer',
    typed: app => `\`/deploy rollback ${app}\` or \`/deploy rollback ${app} v41\``,
    does: 'plans to go back',
  },
  lock: {
    role: 'deployer',
    typed: app => `\`/deploy lock ${app} for 2h we look at the queue\`, or \`all\` in place of an app,`,
    does: 'keeps new deploys from beginning',
  },
  unlock: {
    role: 'deployer',
    typed: app => `\`/deploy unlock ${app}\` or \`/deploy unlock all\``,
    does: 'lets them begin again',
  },
  settings: { role: 'admin', typed: app => `\`/deploy settings ${app}\``, does: 'who may, and how' },
  add: { role: 'adds apps', typed: () => '`/deploy add`', does: 'an app' },
} as const satisfies { [verb: string]: { role: Role | 'adds apps'; typed: (app: string) => string; does: string } };

export const VERBS: { readonly [verb: string]: Read } = {
  status: rest => ({ kind: 'status', app: perhapsApp('status', rest) }),
  queue: rest => ({ kind: 'queue', app: perhapsApp('queue', rest) }),
  history: rest => ({ kind: 'history', app: onlyApp('history', rest) }),
  stats: rest => ({ kind: 'stats', app: onlyApp('stats', rest) }),
  cancel: rest => ({ kind: 'cancel', app: onlyApp('cancel', rest) }),
  rollback: words => {
    const rest = words.filter(word => word !== '--maintenance');
    const mode = rest.length < words.length ? ({ maintenance: true } as const) : {};
    const [app, version, ...more] = rest;
    if (version === undefined) return { kind: 'back', app: onlyApp('rollback', rest), version: null, ...mode };
    const number = /^v?(\d{1,6})$/i.exec(version)?.[1];
    if (app === undefined || number === undefined || more.length > 0) {
      throw say('rollback', `${quoted([version, ...more].join(' '))} is no release such as v41.`);
    }
    return { kind: 'back', app: nameOf(app), version: Number(number), ...mode };
  },
  live: rest => {
    const [app = '', ref, ...more] = rest
      .join(' ')
      .replace(/\s*@\s*/, ' @')
      .trim()
      .split(' ');
    if (ref === undefined || more.length > 0) throw say('live', 'It takes an app and a commit, branch or tag.');
    return { kind: 'live', app: nameOf(app), ref: refOf(app, ref) };
  },
  add: rest => {
    if (rest.length > 0) throw say('add', 'It opens a form, and takes no words.');
    return { kind: 'settings', app: null };
  },
  settings: rest => ({ kind: 'settings', app: onlyApp('settings', rest) }),
  lock: rest => {
    const [scope, ...words] = rest;
    if (scope === undefined) throw say('lock', 'It takes an app, or `all`, and a reason.');
    const [first, length = ''] = words;
    const hasLength = first?.toLowerCase() === 'for' && /^\d/.test(length);
    if (hasLength && readDuration(length) === null) {
      throw say('lock', `${quoted(length)} is no length of time such as 15m, 2h or 3d, 30 days at most.`);
    }
    const reason = (hasLength ? words.slice(2) : words).join(' ');
    return { kind: 'lock', scope: scopeOf(scope), length: hasLength ? length : null, reason };
  },
  unlock: rest => {
    const [scope, ...more] = rest;
    if (scope === undefined || more.length > 0) throw say('unlock', 'It takes an app, or `all`.');
    return { kind: 'unlock', scope: scopeOf(scope) };
  },
};

const scopeOf = (word: string): string => (word.toLowerCase() === ALL_APPS ? ALL_APPS : nameOf(word));
const nameOf = (word: string): string => appOf(word.replace(/^app:/i, ''), []);

function onlyApp(verb: keyof typeof USAGE, rest: readonly string[]): string {
  const [app, ...more] = rest;
  if (app === undefined || more.length > 0) throw say(verb, `It takes one app${more.length > 0 ? ', no more' : ''}.`);
  return nameOf(app);
}

const perhapsApp = (verb: keyof typeof USAGE, rest: readonly string[]): string | null =>
  rest.length === 0 ? null : onlyApp(verb, rest);

const say = (verb: keyof typeof USAGE, why: string): Refusal => new Refusal([`${why} Type ${usage(verb)}.`]);

/** How a verb is typed, of an app that is called shop. */
export const usage = (verb: keyof typeof USAGE): string => USAGE[verb].typed('shop').replace(/,$/, '');
