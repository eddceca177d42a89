import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, type Words } from '../commands/parse.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { cases } from './fuzzing.ts';

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Refusal) return error.reasons.join('\n');
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was taken`);
}

describe('what may follow /deploy', () => {
  it.each<[string, Words]>([
    ['', { kind: 'help' }],
    ['   ', { kind: 'help' }],
    ['help', { kind: 'help' }],
    ['HELP', { kind: 'help' }],
    ['shop', { kind: 'deploy', app: 'shop', ref: null, only: false }],
    ['  Shop ', { kind: 'deploy', app: 'shop', ref: null, only: false }],
    ['shop main', { kind: 'deploy', app: 'shop', ref: 'main', only: false }],
    ['shop feature/basket-2', { kind: 'deploy', app: 'shop', ref: 'feature/basket-2', only: false }],
    ['shop Feature/Übersicht', { kind: 'deploy', app: 'shop', ref: 'Feature/Übersicht', only: false }],
    ['shop v1.2.3', { kind: 'deploy', app: 'shop', ref: 'v1.2.3', only: false }],
    ['shop r&amp;d', { kind: 'deploy', app: 'shop', ref: 'r&d', only: false }],
    ['shop at 18:30', { kind: 'deploy at', app: 'shop', ref: null, at: '18:30' }],
    ['shop main at tomorrow 9:00', { kind: 'deploy at', app: 'shop', ref: 'main', at: 'tomorrow 9:00' }],
    ['shop@abc1234 at mon 9:00', { kind: 'deploy at', app: 'shop', ref: 'abc1234', at: 'mon 9:00' }],
    ['shop at', { kind: 'deploy', app: 'shop', ref: 'at', only: false }],
    ['shop@abc1234', { kind: 'deploy', app: 'shop', ref: 'abc1234', only: false }],
    ['shop @ABC1234', { kind: 'deploy', app: 'shop', ref: 'abc1234', only: false }],
    ['shop @ abc1234', { kind: 'deploy', app: 'shop', ref: 'abc1234', only: false }],
    ['`shop` “main”', { kind: 'deploy', app: 'shop', ref: 'main', only: false }],
    ['shop\u00a0main', { kind: 'deploy', app: 'shop', ref: 'main', only: false }],
    ['shop main --plan', { kind: 'deploy', app: 'shop', ref: 'main', only: true }],
    ['app:status', { kind: 'deploy', app: 'status', ref: null, only: false }],
    ['status', { kind: 'status', app: null }],
    ['Status Shop', { kind: 'status', app: 'shop' }],
    ['history app:queue', { kind: 'history', app: 'queue' }],
    ['stats shop', { kind: 'stats', app: 'shop' }],
    ['stats app:stats', { kind: 'stats', app: 'stats' }],
    ['queue', { kind: 'queue', app: null }],
    ['cancel shop', { kind: 'cancel', app: 'shop' }],
    ['rollback shop', { kind: 'back', app: 'shop', version: null }],
    ['rollback shop v41', { kind: 'back', app: 'shop', version: 41 }],
    ['live shop@abc1234', { kind: 'live', app: 'shop', ref: 'abc1234' }],
    ['rollback app:live v41', { kind: 'back', app: 'live', version: 41 }],
    ['live app:queue@abc1234', { kind: 'live', app: 'queue', ref: 'abc1234' }],
    ['live shop feature/x', { kind: 'live', app: 'shop', ref: 'feature/x' }],
    ['lock shop for 2h look <@U1>', { kind: 'lock', scope: 'shop', length: '2h', reason: 'look <@U1>' }],
    ['lock ALL for ever', { kind: 'lock', scope: 'all', length: null, reason: 'for ever' }],
    ['unlock all', { kind: 'unlock', scope: 'all' }],
    ['sh\u200bop \u202emain\u202c', { kind: 'deploy', app: 'shop', ref: 'main', only: false }],
    ['shop\tmain\n', { kind: 'deploy', app: 'shop', ref: 'main', only: false }],
  ])('%j is %j', (text, words) => {
    expect(parse(text)).toEqual(words);
  });

  it.each<[string, RegExp]>([
    ['shop main now', /one word too many.*`\/deploy shop main`/],
    ['shop@main', /`\/deploy shop main`/],
    ['shop@', /`\/deploy shop@abc1234`/],
    ['shop@abc12', /7 to 40 digits/],
    ['deploy shop main', /Did you mean `\/deploy shop main`/],
    ['/deploy shop', /Did you mean `\/deploy shop`/],
    ['shop:main', /Did you mean `\/deploy shop main`/],
    ['shop#feature/x', /Did you mean `\/deploy shop feature\/x`/],
    ['my_shop', /3 to 30 small letters.*`\/deploy shop main`/],
    ['sh', /3 to 30 small letters/],
    ['<@U012ABC|ann>', /is a person.*`\/deploy shop`/],
    ['<#C012ABC|general> main', /is a channel/],
    ['shop <@U012ABC>', /is a person/],
    ['&lt;!channel&gt;', /needs the name of an app/],
    ['shop --now', /no option “--now”/],
    ['history', /takes one app\. Type `\/deploy history shop`/],
    ['stats', /takes one app\. Type `\/deploy stats shop`/],
    ['history shop main', /takes one app, no more/],
    ['rollback shop main', /“main” is no release such as v41/],
    ['live shop', /an app and a commit/],
    ['lock', /an app, or `all`, and a reason/],
    ['lock shop for 2weeks we count', /“2weeks” is no length of time/],
    ['unlock shop now', /It takes an app, or `all`/],
    ['status my_shop', /3 to 30 small letters/],
    ['shop a..b', /no branch, tag or commit/],
    ['shop -x', /no branch, tag or commit/],
    ['shop x.lock', /no branch, tag or commit/],
  ])('%j is refused with what to type', (text, advice) => {
    expect(refusal(text)).toMatch(advice);
    expect(refusal(text)).toContain('/deploy ');
  });

  it('whatever is typed, it is read or refused, and what is read is safe to show', () => {
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            'shop',
            '@',
            '<@U1|x>',
            ' ',
            '\u200b',
            '\u202e',
            'help',
            'status ',
            'lock ',
            'live ',
            'rollback ',
            '--x',
            'a/b',
            '`',
            '&lt;',
            ':',
            '\0',
          ),
        )
        .map(words => words.join('')),
    );
    fc.assert(
      fc.property(typed, text => {
        let words: Words;
        try {
          words = parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
          return;
        }
        const app = 'app' in words ? words.app : 'scope' in words ? words.scope : null;
        expect(app ?? 'none').toMatch(/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/);
        expect('ref' in words ? (words.ref ?? '') : '').not.toMatch(/[\p{Cc}\p{Cf}\s<>]/u);
      }),
      cases(2_000),
    );
  });
});
