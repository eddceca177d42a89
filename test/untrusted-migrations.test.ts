import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMigrator } from '../src/adapters/migrator.ts';
import { isClean, judge, openHazards, parserReady } from '../src/domain/migration.ts';
import { readProgram, readSqlFile, refusedWhileRunning } from '../src/domain/migration-file.ts';
import { commitOf } from './commits.ts';
import { cases } from './fuzzing.ts';
import { PLACE } from './migrator-rig.ts';

// Migrations that anybody may write: each is judged, or named as one that cannot be read, and holds nobody up.

beforeAll(parserReady);

const corpus: string[] = readFileSync(new URL('fixtures/migration-corpus.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line).sql);

// None that calls back: cut short it never would, and is waited for until its time is over, as migrator-reading tests.
const programs = [
  `exports.up = pgm => pgm.addColumn('hats', { size: { type: 'int', notNull: true } });`,
  `export const phase = 'contract';\nexport async function up(pgm) {\n  pgm.dropColumns('hats', ['size']);\n}\n`,
  `export const up = pgm => { pgm.noTransaction(); pgm.createIndex('hats', 'id', { concurrently: true }); };`,
  `import { PgLiteral, type MigrationBuilder } from 'node-pg-migrate';\nexport const up = (pgm: MigrationBuilder) =>\n  pgm.alterColumn('hats', 'made', { default: new PgLiteral('now()') });`,
  `export const up = async pgm => { const { rows } = await pgm.db.query('SELECT 1'); pgm.sql('SELECT ' + rows.length); };`,
];

/** What lies deep in itself, so many times. */
const DEEP: readonly ((times: number) => string)[] = [
  times => '('.repeat(times) + ')'.repeat(times),
  times => `SELECT ${'('.repeat(times)}1${')'.repeat(times)};`,
  times => `SELECT ${'(SELECT '.repeat(times)}1${')'.repeat(times)};`,
  times => `SELECT ${'NOT '.repeat(times)}true;`,
  times => `SELECT ${'ARRAY['.repeat(times)}1${']'.repeat(times)};`,
  times => `DELETE FROM parcels WHERE ${'(a AND (b OR '.repeat(times)}c${'))'.repeat(times)};`,
  times => `SELECT ${'CASE WHEN a THEN b ELSE '.repeat(times)}c${' END'.repeat(times)};`,
  times => `SELECT 1${' + 1'.repeat(times)};`,
  times => `${'/*'.repeat(times)} x ${'*/'.repeat(times)}`,
  times => `DO $$ ${'BEGIN '.repeat(times)}NULL; ${'END; '.repeat(times)}$$;`,
  times => `DO $$ BEGIN ${'IF a THEN '.repeat(times)}DROP TABLE parcels; ${'END IF; '.repeat(times)}END $$;`,
  times => `exports.up = () => ${'['.repeat(times)}${']'.repeat(times)};`,
];
const WORDS = [
  ...['\n', '\r', '\t', ' ', '\0', '\u0001', '\u001b[2J', '\u007f', '\u2028', '\u202e', '\ufeff', '\ud800', '💥', 'é'],
  ...["'", '"', '`', '$$', '$a$', '${', '\\', ';', '--', '/*', '*/', '(', ')', '[', ']', '{', '}', ',', '::', '%'],
  ...['-- phase: expand\n', '-- phase: contract -- reason: x\n', '-- no-transaction\n', '-- allow: unparsed x\n'],
  ...['-- Up Migration\n', '-- Down Migration\n', '--\n', 'up migration', 'BEGIN;', 'COMMIT;', 'CASCADE', 'IF EXISTS'],
  ...['\\set x 1\n', 'COPY parcels FROM stdin;\n', '__proto__', 'constructor', 'DO $$ BEGIN ', ' END $$;', 'EXECUTE '],
];

/** No migration that people write is nearly as long. */
const LONGEST = 10_000;

type Change = (text: string) => string;
const at = fc.double({ min: 0, max: 1, noNaN: true });
const place = (text: string, where: number): number => Math.floor(where * text.length);
const put = (text: string, where: number, more: string): string =>
  text.slice(0, place(text, where)) + more + text.slice(place(text, where));

function changes(texts: readonly string[]): fc.Arbitrary<Change> {
  return fc.oneof(
    fc.tuple(at, at).map(
      ([from, to]): Change =>
        text =>
          text.slice(0, place(text, from)) + text.slice(place(text, to)),
    ),
    fc.tuple(fc.constantFrom(...texts), at, at, at).map(
      ([other, from, to, where]): Change =>
        text =>
          put(text, where, other.slice(place(other, from), place(other, to))),
    ),
    fc.tuple(at, fc.nat(40), fc.nat(2_000)).map(
      ([where, length, times]): Change =>
        text =>
          put(text, where, text.slice(place(text, where), place(text, where) + length).repeat(times)),
    ),
    fc.tuple(fc.constantFrom(...DEEP), fc.oneof(fc.nat(40), fc.nat(4_000)), at).map(
      ([deep, times, where]): Change =>
        text =>
          put(text, where, deep(times)),
    ),
    fc.tuple(fc.constantFrom(...WORDS), fc.oneof(fc.constant(1), fc.nat(10_000)), at).map(
      ([word, times, where]): Change =>
        text =>
          put(text, where, word.repeat(times)),
    ),
    fc.tuple(fc.string({ unit: 'binary', maxLength: 20 }), at).map(
      ([any, where]): Change =>
        text =>
          put(text, where, any),
    ),
  );
}

/** Some of them, changed as nobody would. */
const changed = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 3 }),
      fc.array(changes(texts), { maxLength: 5 }),
    )
    .map(([some, all]) => all.reduce((text, change) => change(text).slice(0, LONGEST), some.join('\n')));

// As it is read from a file, of which half a character cannot come.
const sql = changed(corpus).map(text => text.toWellFormed());
const name = fc
  .tuple(
    fc.oneof(
      fc.constantFrom('1_hats', '2', '1700000000000_a', '', '.x', '1_a.up', '1_a.down', '__proto__'),
      fc.string(),
    ),
    fc.oneof(fc.constant(''), fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 40 })),
  )
  // As they can lie in a folder.
  .map(([start, odd]) => (start + odd).toWellFormed().replaceAll(/[/\0]/g, '_'))
  .filter(each => Buffer.byteLength(each) < 240);

const PHASES = ['expand', 'contract', 'neutral'];

/** What `act` gives, which it did within a second of the processor: how busy the machine is does not count. */
function soon<T>(act: () => T): T {
  const before = process.cpuUsage();
  const given = act();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(1_000);
  return given;
}

function expectJudged(file: string, text: string): void {
  const [verdict] = soon(() => judge([{ file, sql: text }], null));
  expect(verdict).toMatchObject({ file, phase: expect.toBeOneOf(PHASES) });
  const hazards = verdict ? openHazards(verdict) : [];
  for (const { message, fix } of hazards) expect(message.trim() && fix.trim()).not.toBe('');
  if (verdict && isClean(verdict)) expect(hazards).toEqual([]);
}

describe('whatever a migration holds', () => {
  it('as SQL it is judged, or cannot be read', () => {
    fc.assert(
      fc.property(sql, name, (text, file) => {
        const entry = { name: file, path: `migrations/${file}.sql`, table: 'pgmigrations', kind: 'sql' } as const;
        const reading = soon(() => readSqlFile(entry, text));
        const parsed = !reading.problems.some(problem => problem.includes('would not understand'));
        if (!parsed) expect(reading.file.steps).toEqual([]);
        for (const step of reading.file.steps) expect(text).toContain(step.sql);
        expectJudged(entry.path, text);
        soon(() => refusedWhileRunning(text));
        // One that was too deep must not spoil the parser for the next.
        expect(readSqlFile(entry, 'SELECT 1')).toMatchObject({ problems: [], file: { steps: [{ sql: 'SELECT 1' }] } });
      }),
      cases(60, 3),
    );
  });

  it('as what a program said of itself it is judged, or cannot be read', () => {
    const said = fc.option(fc.oneof(fc.constantFrom('expand', 'contract'), fc.string(), fc.constantFrom(...WORDS)));
    const recording = fc.record({
      ...{ steps: fc.array(sql, { maxLength: 3 }), transaction: fc.boolean(), phase: said, reason: said },
      asked: fc.array(sql, { maxLength: 1 }),
    });
    fc.assert(
      fc.property(recording, name, (recorded, file) => {
        const entry = { name: file, path: `migrations/${file}.js`, table: 'pgmigrations', kind: 'code' } as const;
        const { file: read, problems } = soon(() => readProgram(entry, '', recorded));
        for (const problem of problems) expect(problem).toContain(entry.path);
        expectJudged(entry.path, read.sql);
      }),
      cases(30, 3),
    );
  });

  it('in a commit each is read or named, whatever it is called', async () => {
    const MANY = 20;
    const files = fc.array(
      fc.oneof(
        fc.tuple(name, fc.constantFrom('js', 'ts', 'cjs', 'mjs'), changed(programs)),
        fc.tuple(name, fc.constantFrom('sql', 'SQL', 'txt'), sql),
      ),
      { minLength: MANY, maxLength: MANY },
    );
    await fc.assert(
      fc.asyncProperty(files, async given => {
        const commit = Object.fromEntries(
          given.map(([file, kind, text], index) => [`migrations/${index}_${file}.${kind}`, text]),
        );
        const tarball = await commitOf(commit);
        const began = performance.now();
        const { files: read, problems } = await createMigrator().read({ tarball, place: PLACE, applied: {} });
        expect(performance.now() - began).toBeLessThan(1_000 * MANY);
        const named = (path: string): boolean => problems.some(problem => problem.includes(`\`${path}\``));
        for (const path of Object.keys(commit).filter(each => /\.(sql|[cm]?[jt]s)$/.test(each))) {
          if (!read.some(file => file.path === path)) expect(named(path), path).toBe(true);
        }
        // One that is too deep for V8 may crash its own process; none may hold us up until it is ended.
        expect(problems.filter(problem => problem.includes('did not end within'))).toEqual([]);
        for (const { path, sql } of read) expectJudged(path, sql);
      }),
      cases(1, 3 * MANY),
    );
  });
});

describe('a thousand times the same', () => {
  const phaseOf = (text: string) => soon(() => judge([{ file: '1.sql', sql: text }], null))[0]?.phase;

  it('in itself is judged as what is inside: blocks, sums, subqueries', () => {
    for (const deep of DEEP.slice(1, 8)) expect(phaseOf(deep(500))).toBeOneOf(['neutral', 'contract']);
    expect(phaseOf(`DO $$ ${'BEGIN '.repeat(1_500)}DROP TABLE parcels; ${'END; '.repeat(1_500)}$$`)).toBe('contract');
  });

  it('in a chain of functions needs a person, who sees what could not be followed', () => {
    let sql = 'SELECT 1';
    for (let link = 1_500; link > 0; link--)
      sql = `CREATE FUNCTION f${link}() RETURNS void LANGUAGE sql AS $a${link}$ ${sql} $a${link}$; SELECT f${link}()`;
    const [verdict] = judge([{ file: '1.sql', sql }], null);
    expect(verdict).toMatchObject({ phase: 'contract', statements: [{}, { hazards: [{ rule: 'dynamic-sql' }] }] });
  });

  it('as blank lines and dashes above a marker takes no time', () => {
    for (const blank of ['\n', ' \n', '--\n', '- \n']) {
      const text = `SELECT 1;\n${blank.repeat(50_000)}-- Up Migration\nSELECT 2;\n-- Down Migration\nSELECT 3;`;
      const { steps } = soon(() => readSqlFile({ name: '1', path: '1.sql', table: 't', kind: 'sql' }, text)).file;
      expect(steps.map(({ sql }) => sql)).toEqual([expect.stringMatching(/SELECT 2$/)]);
    }
  });
});
