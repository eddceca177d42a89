import { beforeAll, describe, expect, it } from 'vitest';
import { isClean, judge, type Migration, openHazards, parserReady, type Verdict } from '../src/domain/migration.ts';

// Which phase a file is run in, and what it may say about that itself.

beforeAll(parserReady);

const judgeAll = (...migrations: [file: string, sql: string][]): Verdict[] =>
  judge(
    migrations.map(([file, sql]): Migration => ({ file, sql })),
    null,
  );
const judgeFile = (sql: string, file = 'migrations/1_a.sql'): Verdict => judgeAll([file, sql])[0]!;
const rulesOf = ({ statements }: Verdict): string[] =>
  statements.flatMap(({ hazards }) => hazards.map(({ rule }) => rule));

const ADD = 'ALTER TABLE t ADD c int;';
const DROP = 'ALTER TABLE t DROP c;';

describe('the phase of a file', () => {
  it('is told by its header, then its folder, then its name, then the verdict', () => {
    expect(judgeFile(`-- phase: contract\n${ADD}`)).toMatchObject({ phase: 'contract', by: 'header' });
    expect(judgeFile(`-- phase: post\n${ADD}`)).toMatchObject({ phase: 'contract', by: 'header' });
    expect(judgeFile(`-- phase: expand\n${ADD}`, 'contract/1.sql')).toMatchObject({ phase: 'expand', by: 'header' });
    for (const folder of ['contract', 'post', 'post_migrate']) {
      expect(judgeFile(ADD, `/srv/migrations/${folder}/1.sql`)).toMatchObject({ phase: 'contract', by: 'folder' });
    }
    expect(judgeFile(ADD, '/post/migrations/1.sql')).toMatchObject({ phase: 'expand', by: 'verdict' });
    expect(judgeFile(ADD, '1_a.contract.sql')).toMatchObject({ phase: 'contract', by: 'name' });
    expect(judgeFile(DROP)).toMatchObject({ phase: 'contract', by: 'verdict' });
    expect(judgeFile('ANALYZE t')).toMatchObject({ phase: 'neutral', by: 'verdict' });
  });

  it('gets looser only with a reason, which is shown', () => {
    const bare = judgeFile(`-- phase: expand\n${DROP}`);
    expect(bare).toMatchObject({ phase: 'contract', loosened: null });
    expect(bare.problem).toContain('say why: `-- phase: expand -- reason: …`');
    const told = judgeFile(`-- phase: expand -- reason: no code reads it\n${DROP}`);
    expect(told).toMatchObject({ phase: 'expand', loosened: 'no code reads it', problem: null });
  });

  it('is refused when half of the file must come first and half last', () => {
    expect(judgeFile(`${ADD} ALTER TABLE t DROP d`)).toMatchObject({ mixed: true, phase: 'contract' });
    expect(judgeFile('ALTER TABLE t ADD c int, DROP d').mixed).toBe(true);
    expect(judgeFile(`-- phase: contract\n${ADD} ALTER TABLE t DROP d`).mixed).toBe(true);
    expect(judgeFile(`${ADD} CREATE INDEX ON u (a)`).mixed).toBe(false);
    expect(judgeFile('DROP TABLE t; CREATE TABLE t (id int)').mixed).toBe(false);
    expect(judgeFile('DROP TRIGGER g ON t; CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()').mixed).toBe(false);
    expect(judgeFile('ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k CHECK (a > 1) NOT VALID').mixed).toBe(false);
  });
});

describe('a program whose SQL is not known before it runs', () => {
  const asking = (sql: string) => judge([{ file: '1_a.js', sql, review: 'It asks the database.' }], null)[0]!;

  it('waits until old code is gone, whatever it would have done without a database', () => {
    expect(asking(ADD)).toMatchObject({ phase: 'contract', by: 'verdict', loosened: null, problem: null });
    expect(asking('')).toMatchObject({ phase: 'contract' });
    expect(asking(`-- phase: expand\n${ADD}`)).toMatchObject({ phase: 'contract', problem: expect.any(String) });
  });

  it('runs before the release only with a reason, which is shown', () => {
    const told = asking(`-- phase: expand -- reason: it only reads counts\n${ADD}`);
    expect(told).toMatchObject({ phase: 'expand', loosened: 'it only reads counts', problem: null });
  });
});

describe('a hazard', () => {
  it('is acknowledged beside its statement, with a reason, and stays listed', () => {
    const above = judgeFile('-- allow: idx-nonconcurrent the table is tiny\nCREATE INDEX ON t (a);');
    expect(above.statements[0]?.hazards[0]).toMatchObject({ rule: 'idx-nonconcurrent', allowed: 'the table is tiny' });
    expect(isClean(above)).toBe(true);
    const behind = judgeFile('CREATE INDEX ON t (a); -- allow: idx-nonconcurrent tiny\nCREATE INDEX ON u (a);');
    expect(openHazards(behind).map(({ message }) => message)).toEqual([
      'Reads all of `u`: every write to it waits.',
      expect.stringMatching('This takes long while the transaction keeps whoever writes out of `t`.'),
    ]);
    expect(isClean(judgeFile('-- allow: idx-nonconcurrent\nCREATE INDEX ON t (a);'))).toBe(false);
    expect(isClean(judgeFile('-- allow: drop-table x\nCREATE INDEX ON t (a);'))).toBe(false);
  });

  it('of a file that waits for old code to go is no complaint when it only breaks old code', () => {
    expect(isClean(judgeFile(DROP, 'contract/1.sql'))).toBe(true);
    expect(isClean(judgeFile(DROP))).toBe(false);
    expect(isClean(judgeFile('CREATE INDEX ON t (a)', 'contract/1.sql'))).toBe(false);
    expect(isClean(judgeFile('ALTER TABLE t RENAME a TO b', 'contract/1.sql'))).toBe(false);
    const meant = '-- allow: rename-column nothing is running\nALTER TABLE t RENAME a TO b';
    expect(judgeFile(meant, 'contract/1.sql')).toMatchObject({ noSafePhase: true });
    expect(isClean(judgeFile(meant, 'contract/1.sql'))).toBe(true);
  });
});

describe('a batch', () => {
  it('knows in a later file what an earlier one made', () => {
    const [, second] = judgeAll(['1.sql', 'CREATE TABLE n (id int)'], ['2.sql', 'CREATE INDEX ON n (id)']);
    expect(rulesOf(second!)).toEqual([]);
    const [first] = judgeAll(['1.sql', 'CREATE INDEX ON n (id)'], ['2.sql', 'CREATE TABLE n (id int)']);
    expect(rulesOf(first!)).toEqual(['idx-nonconcurrent']);
  });

  it('counts as in use, in its contract files, what its other files made', () => {
    const [, second] = judgeAll(['1.sql', ADD], ['contract/2.sql', 'ALTER TABLE t ALTER c SET NOT NULL']);
    expect(second).toMatchObject({ phase: 'contract', mixed: false, noSafePhase: false });
    expect(rulesOf(second!)).toEqual(['notnull-scan']);
  });

  it('does not carry the search_path of one file into the next', () => {
    const [, second] = judgeAll(
      ['1.sql', 'SET search_path = s; CREATE TABLE n ()'],
      ['2.sql', 'CREATE INDEX ON n (a)'],
    );
    expect(rulesOf(second!)).toEqual(['idx-nonconcurrent']);
  });
});

describe('a file as text', () => {
  it('is cut by bytes and told by lines', () => {
    const { statements } = judgeFile('-- héllo 🐘\nSELECT \'🐘é\';\n\n  -- ünder\n  DROP TABLE "Größe";\nDROP TABLE b');
    expect(statements.map(({ line, sql }) => [line, sql])).toEqual([
      [2, "SELECT '🐘é'"],
      [5, 'DROP TABLE "Größe"'],
      [6, 'DROP TABLE b'],
    ]);
  });

  it.each([
    ['psql commands', '\\set x 1\nALTER TABLE t ADD c int;', 1],
    ['psql variables', 'SELECT 1;\nALTER TABLE :t ADD c int;', 2],
    ['templates', 'SELECT 1;\n\nALTER TABLE {{t}} ADD c int;', 3],
    ['a NUL byte', 'SELECT 1;\nSELECT 2;\0DROP TABLE t;', 2],
    ['COPY data', 'CREATE TABLE n (id int);\nCOPY n FROM stdin;\n1\n2\n\\.\n', 3],
    ['a sum of 20,000 terms', `SELECT ${Array(20_000).fill('1').join('+')}`, 1],
  ])('with %s must be looked at by a person', (_, sql, line) => {
    const verdict = judgeFile(sql);
    expect(rulesOf(verdict)).toEqual(['unparsed']);
    expect(verdict.statements.at(-1)?.line).toBe(line);
    expect(isClean(verdict)).toBe(false);
  });

  it('is read like node-pg-migrate reads it: what follows its Down marker never runs', () => {
    const sql = '-- Up Migration\nCREATE TABLE n (id int);\n\n-- Down Migration\nDROP TABLE n;\n';
    expect(judgeFile(sql)).toMatchObject({ phase: 'expand', statements: [{ line: 2 }] });
  });

  it('may be as deep as it is long, and longer than a call may have arguments', () => {
    expect(rulesOf(judgeFile(`SELECT ${Array(3_000).fill('1').join('+')}`))).toEqual([]);
    expect(rulesOf(judgeFile(`INSERT INTO t VALUES ${Array(150_000).fill('(1)').join()}`))).toEqual([]);
  });

  it('may be empty', () => {
    expect(judgeFile('-- nothing here\n')).toMatchObject({ phase: 'neutral', statements: [] });
    expect(judgeFile('')).toMatchObject({ phase: 'neutral', statements: [] });
  });
});
