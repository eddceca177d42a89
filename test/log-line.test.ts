import { describe, expect, it } from 'vitest';
import { readLogLine } from '../src/domain/log-line.ts';

const AT = '2026-11-23T12:00:00.123456+00:00';
const kindOf = (line: string) => readLogLine(`${AT} ${line}`)?.kind ?? null;

describe('a line of the log', () => {
  it.each([
    'heroku[logplex]: Error L10 (output buffer overflow): 13 messages dropped since 2026-11-23T11:59:57+00:00.',
    'heroku[logplex]: Error L11 (Tail buffer overflow) -> This tail session dropped 1101 messages since 2026-11-23T11:59:57+00:00.',
    'logplex[1]: Error L11 (Tail buffer overflow) -> This tail session dropped 1 messages since 2026-11-23T11:59:57+00:00.',
    'heroku[logplex]: Error L12: 222 messages dropped since 2026-11-23T11:59:57+00:00.',
    'heroku[logplex]: Error L13: 111 messages lost since 2026-11-23T11:59:57+00:00.',
    'heroku[logplex]: Error L15 (Tail buffer temporarily unavailable) -> The tail buffer is temporarily unavailable.',
  ])('that lines before it were dropped is a gap: %s', line => {
    expect(kindOf(line)).toBe('gap');
  });

  it('is no gap when only a drain of somebody else missed lines', () => {
    const drain =
      "Error L10 (output buffer overflow): drain 'd.cfcd3264-7259-4b12' dropped 1 messages since 2026-11-23T11:59:57+00:00.";
    expect(kindOf(`heroku[logplex]: ${drain}`)).toBe('other');
  });

  it('counts for the log only when Heroku stamped it: an add-on has a clock of its own', () => {
    expect(kindOf('app[web.1]: hats')).toBe('other');
    expect(kindOf('app[heroku-postgresql]: source=DATABASE sample#current_transaction=1')).toBe(null);
    expect(kindOf('app[api]: Scaled to web@1:Standard-1X by user jo@example.com')).toBe('api');
  });

  it.each(['Restarting', 'Cycling', 'Relocating dyno to a new server'])('tells of a restart: %s', words => {
    expect(kindOf(`heroku[web.1]: ${words}`)).toBe('restarting');
    expect(kindOf(`app[web.1]: ${words}`)).toBe('other');
  });

  it('is not taken for one of Heroku when the app prints the same words', () => {
    expect(kindOf('app[web.1]: Error L10 (output buffer overflow): 13 messages dropped')).toBe('other');
  });
});
