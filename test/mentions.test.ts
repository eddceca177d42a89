import { beforeAll, describe, expect, it } from 'vitest';
import { didYouMean, quoted } from '../commands/words.ts';
import { releaseShape } from '../src/adapters/heroku-shapes.ts';
import type { PendingFile } from '../src/domain/gate.ts';
import { judge, parserReady } from '../src/domain/migration.ts';
import { type Plan, preflight } from '../src/domain/plan.ts';
import { withoutMentions } from '../src/domain/refusal.ts';
import type { Situation } from '../src/domain/situation.ts';
import { newsAtItsTurn } from '../src/domain/turn.ts';
import { refused } from '../views/answers.ts';
import { planShown } from '../views/plan.ts';
import { OPEN, plan } from './sample-deploys.ts';
import { pending } from './sample-migrations.ts';
import { expectSafe } from './untrusted.ts';

// Our own sentences mention people on purpose, so what they quote of others must have lost its mentions before.

const PINGS = '<@U0999ZZZZ><#C0999ZZZZ><!subteam^S0999ZZZZ><!channel>';
const NAMES = '‹@U0999ZZZZ';

const FILE = `migrations/1_${PINGS}.sql`;

function filesOf(sql: string, more: Partial<PendingFile> = {}): PendingFile[] {
  return judge([{ file: FILE, sql }], null).map(verdict => ({
    ...{ ...verdict, name: `1_${PINGS}`, table: 'pgmigrations', review: `It asks (\`${PINGS}\`).` },
    ...more,
  }));
}

const lock = (by: string) => ({
  ...{ scope: 'shop', id: 'l1', by, reason: `We look, ${PINGS}`, channel: 'C0DEPLOYS', until: null },
  at: '2026-01-01T00:00:00.000Z',
});

const situation = (files: PendingFile[], more: Partial<Situation> = {}): Situation => ({
  settings: {
    ...plan,
    repository: 'unlinked',
    name: 'shop',
    deployers: ['U0ANN'],
    defaultRef: 'main',
    probe: undefined,
  },
  ...{ ref: `b${PINGS}`, commit: plan.commit, changes: null, probe: plan.probe, probeDeclared: false },
  heroku: {
    ...{ url: plan.url, maintenance: false, space: null, generation: 'cedar', preboot: true, openBuilds: [] },
    ...{ formation: [{ type: 'web', quantity: 2, size: 'Standard-1X' }], live: plan.live, openReleases: [] },
    ...{ sharedDatabases: [], lastBuildSeconds: null },
  },
  ...{ probed: { problem: `/ answered ${PINGS}` }, problems: [], migrationWarnings: [`Its release: ${PINGS}`] },
  migrations: { ...pending, files },
  held: [{ file: FILE, by: 'U0BOB', why: `The report reads ${PINGS}.` }],
  ...{ soakSeconds: 0, smoke: [], connections: null, isNext: true, locks: [], asker: 'U0ANN', back: null },
  ...{ maintenance: false, ...more },
});

beforeAll(() => parserReady);

describe('what others wrote mentions nobody', () => {
  it('in the warnings of a plan: names of files, tables and columns, reasons, answers', () => {
    const made = filesOf(
      `CREATE INDEX "i" ON "${PINGS}" ("\`${PINGS}"); ALTER TABLE "\`${PINGS}" ALTER "c${PINGS}" TYPE bigint;`,
      {
        ...{ phase: 'expand', mixed: false, noSafePhase: false, problem: null },
      },
    );
    const dropped = filesOf(`ALTER TABLE "\`${PINGS}" DROP COLUMN "c${PINGS}";`, { phase: 'contract' });
    for (const files of [made.map(file => ({ ...file, statements: [] })), dropped]) {
      const ready = preflight(situation(files));
      if (ready.kind === 'refused') throw new Error(ready.reasons.join('\n'));
      expect(ready.plan.warnings.join(' ')).toContain(NAMES);
      expectSafe(planShown({ id: 'p1', plan: ready.plan, place: null, gate: OPEN }));
    }
  });

  it('in the reasons against one, beside whom to ask about a lock', () => {
    const files = filesOf(`ALTER TABLE "\`${PINGS}" ALTER "c${PINGS}" TYPE bigint;`, { problem: `Not read: ${PINGS}` });
    const problems = [`\`${FILE}\` cannot be recorded.`];
    const said = preflight(situation(files, { problems, commit: null, locks: [lock('U0BOB')] }));
    if (said.kind !== 'refused') throw new Error('it is refused');
    expect(said.reasons[0]).toMatch(/<@U0BOB>.*‹@U0999ZZZZ/);
    for (const reason of said.reasons) expectSafe(refused([reason]));
  });

  it('in the news at its turn', () => {
    const now: Plan = { ...plan, ref: PINGS, commit: { ...plan.commit, sha: 'f'.repeat(40) } };
    const files = filesOf('CREATE TABLE t ();', { phase: 'expand' });
    const news = newsAtItsTurn(plan, { ...now, migrations: { ...pending, files } });
    expect(news.join(' ')).toContain(NAMES);
    for (const change of news) expectSafe(refused([change]));
  });

  it('in descriptions of releases, and in who made them', () => {
    const read = releaseShape.parse({
      ...{ id: 'r1', version: 1, status: 'succeeded', current: true, description: `Set ${PINGS} config vars` },
      ...{ user: { email: `${PINGS}@example.com` }, slug: null, created_at: '', updated_at: '' },
    });
    expect(read).toMatchObject({ description: expect.stringContaining(NAMES), by: expect.stringContaining(NAMES) });
    expectSafe(refused([`${read.by} released v1 (${read.description}).`]));
  });

  it('in what somebody typed and is told again', () => {
    expectSafe(refused([`${quoted(PINGS)} is none. ${didYouMean(PINGS)}`]));
  });

  it('and SQL stays as it is', () => {
    expect(withoutMentions('a <@ b AND c < 5 AND d <> 6')).toBe('a <@ b AND c < 5 AND d <> 6');
  });
});
