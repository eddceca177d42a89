import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configSecrets, redacting } from '../src/domain/redaction.ts';
import { cases } from './fuzzing.ts';

const plain = redacting([]);
const hide = (config: Record<string, string>, text: string) => redacting(configSecrets(config))(text);

const PEM = [
  '-----BEGIN RSA PRIVATE KEY-----',
  `MIIEow${'x7'.repeat(29)}`,
  'q8Zk3l==',
  '-----END RSA PRIVATE KEY-----',
];

describe('what looks like a secret', () => {
  it.each([
    ['a token of Slack', 'xoxb-12345-67890-AbCdEf', 'xoxb-12345'],
    ['an app token of Slack', 'xapp-1-A0B-99-deadbeef', 'xapp-1'],
    ['a token of GitHub', 'ghp_0123456789abcdef0123', 'ghp_'],
    ['a fine-grained token of GitHub', 'github_pat_11ABCDEFG0123456789', 'github_pat_'],
    ['a token of Heroku', 'HRKU-AAbbCCdd-1234', 'HRKU-'],
    ['an access key of AWS', 'AKIAIOSFODNN7EXAMPLE', 'AKIA'],
    ['a secret key of Stripe', 'sk_live_0123456789ab', 'sk_live'],
    ['a JWT', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl', 'eyJ'],
    ['a password in an address', 'postgres://shop:hunter2@db.example/shop', 'hunter2'],
    ['a password that is spelt wrong', 'postgres://shop:100%zz@db.example/shop', '100%zz'],
    ['a token in an address', 'https://0123456789abcdef@github.com/acme/shop', '0123456789abcdef'],
    ['a header', 'Authorization: Bearer abc123def456', 'abc123def456'],
    ['an assignment', 'export STRIPE_KEY=abcd1234', 'abcd1234'],
    ['an assignment in quotes', "SESSION_SECRET='two words'", 'two words'],
    ['a field of JSON', '{"password": "hunter22", "a": 1}', 'hunter22'],
    ['an option', '--api-key=zyxwv987', 'zyxwv987'],
    ['a password in SQL', "ALTER ROLE till WITH PASSWORD 'it''s me'", "it''s me"],
    ['a private key', PEM.join('\n'), 'MIIEow'],
    ['the beginning of a private key', PEM.slice(0, 2).join('\n'), 'MIIEow'],
    ['the end of a private key', `\n${PEM.slice(1).join('\n')}`, 'MIIEow'],
  ])('is hidden: %s', (_, secret, part) => {
    const shown = plain(`before ${secret} after`);
    expect(shown).not.toContain(part);
    expect(shown).toContain('•••');
    expect(shown).toMatch(/^before /);
  });

  it.each([
    ...['npm error 404 Not Found - GET https://packages.example.com/@acme%2fhats', 'Basic authentication is off'],
    ...['ALTER TABLE hats ADD PRIMARY KEY (id)', 'CREATE INDEX tokens_key ON tokens (key)', 'mail to ann@acme.example'],
    ...['password: null', 'API_KEY=$OTHER', 'at Object.<anonymous> (/app/server.js:12:5)', 'risk-free sk-lib'],
    ...['UPDATE hats SET key = 7 WHERE token IS NULL', 'v42 eyJ', 'remote: 2026-11-27T10:00:00Z web.1 up'],
  ])('is not everything: %s', text => {
    expect(plain(text)).toBe(text);
  });

  it('is looked for in linear time, whatever the text', () => {
    const nasty = [
      'KEY',
      'a://',
      'A',
      '-----BEGIN PRIVATE KEY-----\n',
      'AAAA\n',
      'token',
      "PASSWORD '",
      'Bearer ',
      'eyJa.eyJ',
    ];
    for (const part of nasty) {
      const text = `${part.repeat(Math.ceil(200_000 / part.length))} -----END PRIVATE KEY-----`;
      const from = performance.now();
      plain(text);
      expect(performance.now() - from, part).toBeLessThan(2_000);
    }
  });
});

describe('a config var', () => {
  it('is named in the place of its value, however that is spelt', () => {
    const config = { SESSION: 'it is / "me" & you+', SHORT: 'yes', HOST: 'shop.internal' };
    const value = config.SESSION;
    const basic = Buffer.from(`ann:${value}`).toString('base64');
    const said = [value, encodeURIComponent(value), JSON.stringify(value), basic, 'yes at shop.internal'];
    const [raw, url, json, header, rest] = hide(config, said.join('\n')).split('\n');
    expect([raw, url, json]).toEqual(['[SESSION]', '[SESSION]', '"[SESSION]"']);
    expect(header).toMatch(/^.{0,6}\[SESSION\].{0,4}$/);
    expect(rest).toBe('yes at [HOST]');
  });

  it('is hidden where lines break it, and of a value of several lines each is', () => {
    const config = { APP_TOKEN: 'abcdefghijklmnop', CERT: 'first line of it\nsecond line of it' };
    expect(hide(config, 'x abcdefgh\nijklmnop y')).toBe('x [APP_TOKEN] y');
    expect(hide(config, '… second line of it')).toBe('… [CERT]');
  });

  it('whose address has a password is hidden with that password alone, too', () => {
    const config = { DATABASE_URL: 'postgres://u:p%40ss@db.example:5432/shop' };
    expect(hide(config, 'connecting with p@ss or p%40ss')).toBe('connecting with [DATABASE_URL] or [DATABASE_URL]');
  });

  it.each<[string, Record<string, string>, string, string]>([
    ['the password of several hosts', { MONGO_URL: 'mongodb://usr:pa55@h1:1,h2:2/db' }, 'pw pa55.', 'pw [MONGO_URL].'],
    ['each of several passwords', { REDIS: 'redis://:one1@a,redis://:two2@b' }, 'two2 one1', '[REDIS] [REDIS]'],
    ['a text in JSON', { FIREBASE: '{"a":[{"token":"zyxwvut9"}]}' }, 'it is zyxwvut9', 'it is [FIREBASE]'],
    ['a line of a text in JSON', { CERT: '{"pem":"one line 1\\ntwo lines 2"}' }, '> two lines 2', '> [CERT]'],
    ['one of several', { API_KEYS: 'firstkey1, secondkey2' }, 'trying secondkey2', 'trying [API_KEYS]'],
    ['bytes as Postgres shows them', { APP_PASS: 's3cr3t' }, '\\x733363723374', '\\x[APP_PASS]'],
    ['bytes in capitals', { APP_PASS: 'jklmno' }, '6A6B6C6D6E6F', '[APP_PASS]'],
    ['a text of SQL', { P: "it's secret" }, "say('it''s secret')", "say('[P]')"],
    ['what changes its colour', { API_KEY: 'abcdefgh' }, 'x abcd\x1b[0m\x1b[1;31mefgh y', 'x [API_KEY] y'],
    ['what is indented', { API_KEY: 'abcdefgh' }, 'x abcd\r\n\t  efgh y', 'x [API_KEY] y'],
    ['what is indented and coloured', { API_KEY: 'abcdefgh' }, 'abcd\x1b[0m\n  \x1b[31m  efgh', '[API_KEY]'],
    ['what is indented itself', { YAML: 'a: 1\n    b: 2' }, 'a: 1\n    b: 2, a: 1    b: 2', '[YAML], [YAML]'],
  ])('is found as %s', (_, config, text, shown) => {
    expect(hide(config, text)).toBe(shown);
  });

  it('in parts that are short or common hides nothing', () => {
    const config = { LEVELS: 'info,warn', OPTIONS: '{"level":"info","port":3000,"on":true}', LIST: '[not, JSON' };
    const text = 'info: level on port 3000, true\n  warn: not JSON';
    expect(hide(config, text)).toBe(text);
  });

  it.each<[string, Record<string, string>]>([
    ['DROP TABLE order_items', { SYNCED_TABLES: 'customers,invoices,order_items' }],
    ['DROP TABLE "order_items"', { SYNC: '{"tables":["customers","order_items"]}' }],
    ['ALTER TABLE s3_objects_v2 DROP COLUMN password_confirmation', { SHOWN: 's3_objects_v2, password_confirmation' }],
    ['checkout disabled', { FEATURES: '{"checkout":"disabled","cart":"read-only"}' }],
    [
      'localhost 127.0.0.1 10.0.0.1:5432 db1.example.com',
      { HOSTS: 'localhost,127.0.0.1,10.0.0.1:5432,db1.example.com' },
    ],
    ['https://shop.example.com /app/models orderItems', { SEEN: 'https://shop.example.com,/app/models,orderItems' }],
    ['WHERE id = 12345678', { IDS: '12345678,23456789' }],
    ['SET DEFAULT true', { AUTH_ENABLED: 'true' }],
    ['DROP TABLE users', { KEYCLOAK_REALM: 'users' }],
    ['DROP TABLE books', { AUTHOR: 'books' }],
    ['GRANT ALL TO shop_admin', { DB: 'postgres://shop_admin@db.example/shop' }],
  ])('does not hide an ordinary word: %s', (text, config) => {
    expect(hide(config, text)).toBe(text);
  });

  it.each<[string, Record<string, string>]>([
    ['swordfish', { API_KEYS: 'swordfish,trustnoone' }],
    ['users', { AUTHORIZATION: 'users' }],
    ['0123abcd', { SENTRY_DSN: 'https://0123abcd@o1.ingest.example/42' }],
    ['swordfish', { SMTP: '{"user":"ann","password":"swordfish"}' }],
    ['swordfish', { SMTP: '{"passwords":{"ann":["swordfish"]}}' }],
    ['hunterhunter2', { USED: 'ann,hunterhunter2' }],
    ['ann:swordfish', { USED: 'ann:swordfish,bob:letmein' }],
    ['kJqZxWvBnMpL', { USED: 'kJqZxWvBnMpL,x' }],
    ['https://hooks.example/T0A1B2/aB3dE5fG7', { HOOKS: 'https://hooks.example/T0A1B2/aB3dE5fG7,x' }],
    ['7f3a9c1e-4b2d-4e8f-9a6b-1c2d3e4f5a6b', { IDS: '7f3a9c1e-4b2d-4e8f-9a6b-1c2d3e4f5a6b,x' }],
  ])('is hidden where its name or its look is that of a secret: %s', (part, config) => {
    expect(hide(config, `say ${part} now`)).not.toContain(part);
  });

  it('is found among many in no time', () => {
    const config = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`VAR_${at}`, `https://user${at}:pass-word-${at}@host-${at}.example/`]),
    );
    const text = `${'https://host.example/ says: nothing of it, pass-word or so\n  '.repeat(20_000)} pass-word-299!`;
    const from = performance.now();
    expect(hide(config, text)).toMatch(/so\n {3}\[VAR_299\]!$/);
    expect(performance.now() - from).toBeLessThan(2_000);
  });

  const name = fc.constantFrom('TOKEN', 'NODE_ENV', 'A_KEY', 'DATABASE_URL', 'WORDS');
  const value = fc
    .oneof(
      fc.string({ minLength: 8, maxLength: 60 }),
      fc.string({ unit: 'binary', minLength: 8, maxLength: 40 }),
      fc.constantFrom('[NODE_ENV]', 'DATABASE_URL', 'ssssssss', 'line one\nline two', 'a://b:cccc@d/', "it's '' it"),
    )
    // Spaces at the start of a coloured line are its indentation, whatever else they may be.
    .filter(text => text.trim().length >= 8);
  const config = fc.dictionary(name, value, { minKeys: 1, maxKeys: 5 });
  const spelt = fc.constantFrom<(text: string) => string>(
    text => text,
    text => encodeURIComponent(text.toWellFormed()),
    text => JSON.stringify(text),
    text => Buffer.from(text).toString('base64'),
    text => [...text].join('\n'),
    text => [...text].join('\x1b[0m'),
    text => Buffer.from(text).toString('hex'),
    text => text.replaceAll("'", "''"),
  );
  const between = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('\n', 'KEY=', 'x://y:', '@', '[NODE_'));

  it('never survives, in no spelling, wherever it stands', () => {
    fc.assert(
      fc.property(
        config,
        fc.array(fc.tuple(between, fc.nat(), spelt), { maxLength: 6 }),
        between,
        (vars, parts, end) => {
          const values = Object.values(vars);
          const text =
            parts.map(([text, which, spell]) => text + spell(values[which % values.length] ?? '')).join('') + end;
          const shown = hide(vars, text);
          for (const value of values) {
            expect(shown).not.toContain(value);
            expect(shown.replace(/[\r\n]/g, '')).not.toContain(value.replace(/[\r\n]/g, ''));
            expect(shown).not.toContain(encodeURIComponent(value.toWellFormed()));
            expect(shown).not.toContain(Buffer.from(value).toString('base64'));
            expect(shown).not.toContain(Buffer.from(value).toString('hex'));
            expect(shown).not.toContain(value.replaceAll("'", "''"));
            expect(shown.replaceAll('\x1b[0m', '')).not.toContain(value);
          }
        },
      ),
      cases(300, 2),
    );
  });

  it('that stands nowhere changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), maxLength: 200 }), text => {
        expect(hide({ TOKEN: 'something else' }, text)).toBe(text);
      }),
      cases(100, 2),
    );
  });
});
