import { beforeAll, describe, expect, it } from 'vitest';
import { onlyReads } from '../commands/reading.ts';
import { mention } from '../commands/thread.ts';
import { createMigrator } from '../src/adapters/migrator.ts';
import { readFreezes } from '../src/domain/freeze-lines.ts';
import { readHeader } from '../src/domain/migration/file-phase.ts';
import { parse } from '../src/domain/migration/parser.ts';
import { parserReady } from '../src/domain/migration.ts';
import { readSqlFile } from '../src/domain/migration-file.ts';
import { redacting } from '../src/domain/redaction.ts';
import { BoltRig } from './bolt-rig.ts';
import { commitOf } from './commits.ts';
import { PLACE } from './migrator-rig.ts';
import { deploys } from './sample-deploys.ts';

// Texts that anybody may send, made to be read slowly: whoever holds up a process of the bot for 15 s holds up all of its
// deploys, and is handed to the next process.

beforeAll(parserReady);

/** Gives what it gave, within a second of this process's time. */
async function quick<T>(work: () => T | Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const done = await work();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(1_000);
  return done;
}
const entry = { ...{ path: 'migrations/1_hats.sql', name: '1_hats', table: 'pgmigrations' }, kind: 'sql' } as const;

describe('a text that is made to be read slowly holds nobody up', () => {
  it('as a form that nobody signed', async () => {
    const rig = new BoltRig();
    await rig.start();
    try {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = '%'.repeat(1_000_000);
      const asked = () => fetch(`${rig.address}/slack/events`, { method: 'POST', headers, body });
      expect((await quick(asked)).status).toBe(401);
    } finally {
      await rig.stop();
    }
  });

  it('as what is said to the bot', async () => {
    for (const text of [`<@U0BOT> cancel ${'this deploy '.repeat(3_000)}x`, `<@U0BOT> a${"'".repeat(40_000)}b`]) {
      const event = { type: 'app_mention', text };
      await quick(() => onlyReads({ event }));
      const bot = { deployAt: async () => deploys.building } as unknown as Parameters<typeof mention>[0];
      const talked = { user: 'U1', channel: 'C1', thread: '1.1', text, id: '1' };
      await quick(() => mention(bot, talked).catch(() => null));
    }
  });

  it('as a config var', () => quick(() => redacting([{ name: 'HATS', value: `a,${'v1.'.repeat(60)}!` }])('hats')));

  it('as a freeze', () => quick(() => expect(readFreezes(`a${' - a'.repeat(700)}`, 'UTC').problems).toHaveLength(1)));

  it('as a migration', async () => {
    await quick(() => readSqlFile(entry, '/*'.repeat(400_000)));
    await quick(() => readSqlFile(entry, `${'/*'.repeat(50_000)}${'*/'.repeat(50_000)} SELECT 1;`));
    await quick(() => readHeader([`phase: expand -- reason: ${' \n'.repeat(400_000)}`]));
    expect(parse(`${'/* '.repeat(50)}${'*/ '.repeat(50)} SELECT 1`)).toMatchObject({ kind: 'parsed' });
  });

  it('as a migration that is longer than the bot has memory for', async () => {
    const values = (bytes: number): string => `INSERT INTO hats VALUES ${'(1),'.repeat(bytes / 4)}(1);`;
    const { read } = createMigrator();
    const problems = async (files: Record<string, string>): Promise<string[]> =>
      (await read({ tarball: await commitOf(files), place: PLACE, applied: {} })).problems;
    expect(await quick(() => problems({ 'migrations/1_hats.sql': values(5_000_000) }))).toEqual([
      '`migrations/1_hats.sql` is too long: 5.0 MB, and 1 MB is read at most.',
      'What is pending has 5.0 MB together, and 2 MB are read at once.',
      'Load rows with a job of the app, or deploy in several steps.',
    ]);
    const program = `exports.up = pgm => pgm.sql('SELECT 1;'.repeat(200_000));`;
    expect(await problems({ 'migrations/1_hats.js': program })).toEqual([
      '`migrations/1_hats.js` is too long: 1.8 MB, and 1 MB is read at most.',
      'Load rows with a job of the app, or deploy in several steps.',
    ]);
    expect(await problems({ 'migrations/1_hats.sql': values(100_000) })).toEqual([]);
  });
});
