import { describe, expect, it } from 'vitest';
import { readConfig, secretsIn } from '../src/config.ts';
import { redacting } from '../src/domain/redaction.ts';

const good = {
  SLACK_SIGNING_SECRET: '0123456789abcdef0123456789abcdef',
  SLACK_BOT_TOKEN: 'xoxb-1-secret',
  HEROKU_API_KEY: 'heroku-secret',
  GITHUB_TOKEN: 'github-secret',
};

describe('the configuration', () => {
  it('needs four secrets and no more', () => {
    expect(readConfig(good)).toMatchObject({ PORT: 3000, HEROKU_API_URL: 'https://api.heroku.com' });
  });

  it('names every problem at once, each with where to get it', () => {
    const problem = () => readConfig({ SLACK_BOT_TOKEN: 'xoxp-wrong', PORT: 'eighty' });
    for (const name of ['SLACK_SIGNING_SECRET', 'SLACK_BOT_TOKEN', 'HEROKU_API_KEY', 'GITHUB_TOKEN', 'PORT']) {
      expect(problem).toThrow(name);
    }
    expect(problem).toThrow('heroku authorizations:create');
  });

  it('never prints a secret that is wrong', () => {
    expect(() => readConfig({ ...good, SLACK_BOT_TOKEN: 'hunter2' })).toThrow(/^(?!.*hunter2)/s);
    expect(() => readConfig({ ...good, DATABASE_URL: 'mysql://me:hunter2@host' })).toThrow(/^(?!.*hunter2)/s);
  });

  it('knows a password in every spelling, also one that is spelt wrong', () => {
    const shown = (env: Record<string, string>, text: string) => redacting(secretsIn(env))(text);
    expect(shown({ DATABASE_URL: 'postgres://me:hunter%32@host/db' }, 'hunter%32 is hunter2')).toBe('••• is •••');
    expect(shown({ DATABASE_URL: 'postgres://me:100%zz@host/db', GITHUB_TOKEN: '' }, 'at 100%zz')).toBe('at •••');
  });

  it('refuses to keep its data on a dyno, whose disk is wiped daily', () => {
    expect(() => readConfig({ ...good, DYNO: 'web.1' })).toThrow('DATABASE_URL is needed on Heroku');
  });

  it('asks only the internet, and those private networks that it names', () => {
    expect(readConfig(good).ALLOWED_PROBE_NETWORKS).toEqual([]);
    const named = readConfig({ ...good, ALLOWED_PROBE_NETWORKS: '10.1.0.0/16, ::1' });
    expect(named.ALLOWED_PROBE_NETWORKS).toEqual(['10.1.0.0/16', '::1']);
    expect(() => readConfig({ ...good, ALLOWED_PROBE_NETWORKS: '10.1.0.0/99' })).toThrow('such as 10.1.0.0/16');
  });

  it('takes keys of 32 bytes, in base64 or in hex, and nothing else', () => {
    const bytes = Buffer.alloc(32, 7);
    for (const TOKEN_KEY of [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]) {
      expect(readConfig({ ...good, TOKEN_KEY }).TOKEN_KEY).toEqual(bytes);
    }
    for (const TOKEN_KEY of ['short', bytes.toString('base64').slice(4), `${bytes.toString('hex')}00`]) {
      expect(() => readConfig({ ...good, TOKEN_KEY })).toThrow('TOKEN_KEY is 32 random bytes');
    }
  });

  it('takes an empty setting as one that is not there', () => {
    expect(readConfig({ ...good, SLACK_APP_TOKEN: '' }).SLACK_APP_TOKEN).toBeUndefined();
  });
});
