import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUsableConfig } from '../src/config.ts';
import { isOwnPath } from '../src/domain/app.ts';
import { isNetwork, mayAsk } from '../src/domain/network.ts';
import { readSettingsFile } from '../src/domain/settings-file.ts';
import { readSwitchoverFile } from '../src/domain/switchover-file.ts';
import { cases } from './fuzzing.ts';

// Files that anybody may write: what is read of them is what was checked, or there is a sentence for a person.

const word = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '/',
    '//x',
    '/\t/x',
    '/version',
    'migrations',
    '../x',
    'a/../b',
    'contract',
    'a/contract',
    'C012AB3CD',
    'U1',
  ),
  fc.constantFrom(
    'pgmigrations',
    'a; DROP TABLE x',
    'acme/shop',
    'shop',
    'main',
    'http://169.254.169.254/',
    'bin/migrate',
  ),
);
const keys = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('probe', 'path', 'header', 'json', 'migrations', 'dir', 'contractDir', 'table'),
  },
  { weight: 8, arbitrary: fc.constantFrom('soakSeconds', 'expand', 'contract', 'plan', 'maintenance', 'apps', 'name') },
  { weight: 4, arbitrary: fc.constantFrom('repository', 'channel', 'deployers', 'url', 'windowSeconds', 'freezes') },
  fc.constantFrom('__proto__', 'constructor', 'toString', ''),
);
const { value } = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 6 }),
  ),
}));
const file = fc.oneof(
  { weight: 9, arbitrary: fc.dictionary(keys, value, { maxKeys: 5 }).map(json => JSON.stringify(json)) },
  fc.string(),
  value.map(json => JSON.stringify(json).slice(0, -1)),
);

/** Sentences for a person: each says what is wrong and is not empty. */
const areWords = (problems: readonly string[]): void => {
  for (const problem of problems) expect(problem.trim().length).toBeGreaterThan(10);
};

/** Nearly right, as mistakes are. */
const likely = fc
  .tuple(fc.dictionary(keys, value, { maxKeys: 2 }), fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/))
  .map(([wrong, name]) => {
    const right = { name, repository: 'acme/shop', channel: 'C012AB3CD', deployers: ['U012AB3CD'], windowSeconds: 180 };
    return JSON.stringify({ apps: [{ ...right, ...wrong }] });
  });

describe('whatever a file holds', () => {
  it('switchover.json names only what lies inside of its repository and app, or its problems', () => {
    fc.assert(
      fc.property(file, text => {
        const { probe, migrations, soakSeconds, problems } = readSwitchoverFile(text);
        areWords(problems);
        expect(soakSeconds).toBeGreaterThanOrEqual(0);
        expect(soakSeconds).toBeLessThanOrEqual(86_400);
        if (probe) expect(isOwnPath(probe.path)).toBe(true);
        if (migrations.kind === 'commands') return expect(migrations.expand.trim()).not.toBe('');
        const { dir, contractDir, table, contractTable } = migrations.place;
        for (const folder of [dir, contractDir]) expect(folder.split('/')).not.toContain('..');
        for (const name of [table, contractTable]) expect(name).toMatch(/^[a-z_][a-z0-9_]{0,62}$/);
      }),
      cases(500, 3),
    );
  });

  it('a file of settings gives apps that were checked, or its problems', () => {
    fc.assert(
      fc.property(fc.oneof(file, likely), text => {
        const { apps, problems } = readSettingsFile(text);
        areWords(problems);
        if (problems.length > 0) expect(apps).toEqual([]);
        for (const { name, deployers, windowSeconds, probe } of apps) {
          expect(name).toMatch(/^[a-z][a-z0-9-]{1,29}$/);
          expect(deployers.length).toBeGreaterThan(0);
          expect(windowSeconds).toBeGreaterThan(0);
          if (probe) expect(isOwnPath(probe.path)).toBe(true);
        }
      }),
      cases(500, 3),
    );
  });
});

describe('whatever the environment holds', () => {
  const names = ['SLACK_SIGNING_SECRET', 'SLACK_BOT_TOKEN', 'HEROKU_API_KEY', 'GITHUB_TOKEN', 'DATABASE_URL', 'PORT'];
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('xoxb-1', 'postgres://a:b@c/d', '3000', 'a'.repeat(32), '10.0.0.0/8', '::1'),
  );
  const env = fc.dictionary(
    fc.constantFrom(...names, 'ALLOWED_PROBE_NETWORKS', 'ADMIN_USERS', 'LOG_LEVEL', 'DYNO'),
    text,
  );

  it('what is wrong is named, and no value is told', () => {
    fc.assert(
      fc.property(env, given => {
        const { config, problems } = readUsableConfig(given);
        for (const { name, advice } of problems) {
          expect([...names, 'ALLOWED_PROBE_NETWORKS', 'ADMIN_USERS', 'LOG_LEVEL']).toContain(name);
          const value = given[name] ?? '';
          if (value.length > 8) expect(advice).not.toContain(value);
        }
        expect(config.ALLOWED_PROBE_NETWORKS.every(isNetwork)).toBe(true);
        mayAsk(config.ALLOWED_PROBE_NETWORKS)('10.0.0.1');
      }),
      cases(300, 3),
    );
  });
});
