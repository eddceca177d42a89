import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectMessages } from '../src/adapters/messages.ts';
import { connectNotices, putNotices } from '../src/adapters/notices.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { Store } from '../src/adapters/store.ts';
import type { Messages } from '../src/team.ts';
import { plan } from './sample-deploys.ts';
import { startPostgres } from './stage/made.ts';

let dir: string;
let server: Embedded;
let pool: pg.Pool;
let messages: Messages;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'messages-'));
  server = await startPostgres(dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  messages = connectMessages(pool);
  const store = new Store(pool);
  await pool.query("INSERT INTO instances (id) SELECT 'bot ' || n FROM generate_series(0, 7) AS n");
  for (const id of ['d1', 'd2']) {
    const stored = { id, plan: { ...plan, app: id }, digest: 'x', askedBy: 'U0ANN', channel: 'C1', due: null };
    await store.savePlan(stored);
    await store.createDeploy(stored, 'U0ANN');
  }
});

afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

const claim = (key: string, by: string) => messages.claim({ deploy: 'd1', key, channel: 'C1', by });
const longAgo = (key: string, seconds = 21) =>
  pool.query("UPDATE messages SET claimed_at = now() - make_interval(secs => $2) WHERE deploy_id = 'd1' AND key = $1", [
    key,
    seconds,
  ]);

describe('who may post a message', () => {
  it('is one bot at a time, until its claim is old', async () => {
    expect(await claim('root', 'bot 1')).toBe('first');
    expect(await claim('root', 'bot 1')).toBe('again');
    expect(await claim('root', 'bot 2')).toBe('taken');
    await longAgo('root');
    expect(await claim('root', 'bot 2')).toBe('again');
    expect(await claim('root', 'bot 1')).toBe('taken');
  });

  it('begins anew when it was surely not posted, and is nobody but who had claimed it', async () => {
    expect(await claim('reply:7', 'bot 1')).toBe('first');
    await messages.free('d1', 'reply:7', 'bot 2');
    expect(await claim('reply:7', 'bot 1')).toBe('again');
    await messages.free('d1', 'reply:7', 'bot 1');
    expect(await claim('reply:7', 'bot 2')).toBe('first');
    await messages.keep('d1', { key: 'reply:7', ts: '7.7', hash: null });
    await messages.free('d1', 'reply:7', 'bot 2');
    expect(await claim('reply:7', 'bot 2')).toBe('taken');
  });

  it('is another bot when the first one is gone and what it sent has arrived', async () => {
    expect(await claim('reply:1', 'bot that died')).toBe('first');
    expect(await claim('reply:1', 'bot 2')).toBe('taken');
    await longAgo('reply:1', 10);
    expect(await claim('reply:1', 'bot 2')).toBe('taken');
    await longAgo('reply:1', 12);
    expect(await claim('reply:1', 'bot 2')).toBe('again');
  });

  it('is who edits it then, and another only when that one is gone or has not for a while', async () => {
    const mayEdit = (by: string, hash: string | null = null) => messages.mayEdit('d1', { key: 'card', hash }, by);
    await claim('card', 'bot 1');
    await messages.keep('d1', { key: 'card', ts: '1.2', hash: 'x' });
    expect([await mayEdit('bot 2', 'x'), await mayEdit('bot 1', 'x'), await mayEdit('bot 2')]).toEqual([
      false,
      true,
      false,
    ]);
    // What it shows is not known now, and nobody edits what another one has edited since.
    expect(await messages.of('d1')).toContainEqual({ key: 'card', ts: '1.2', hash: null });
    await messages.edited('d1', { key: 'card', ts: '1.2', hash: 'y' });
    expect(await mayEdit('bot 1', 'x')).toBe(false);
    expect(await mayEdit('bot 1', 'y')).toBe(true);
    // But how often its sentence alone was taken is.
    await messages.edited('d1', { key: 'card', ts: '1.2', hash: 'alone 3 y' });
    expect(await mayEdit('bot 1', 'alone 3 y')).toBe(true);
    expect(await messages.of('d1')).toContainEqual({ key: 'card', ts: '1.2', hash: 'alone 3 ' });
    await messages.edited('d1', { key: 'card', ts: '1.2', hash: 'y' });
    expect(await mayEdit('bot 1', 'y')).toBe(true);
    await longAgo('card');
    expect(await mayEdit('bot 2')).toBe(true);
    for (let round = 0; round < 50; round++) {
      await pool.query(
        "UPDATE messages SET claimed_by = 'bot that died', claimed_at = now() - interval '12 s' WHERE key = 'card'",
      );
      const all = await Promise.all(Array.from({ length: 8 }, (_, n) => mayEdit(`bot ${n}`)));
      expect(all.filter(Boolean)).toHaveLength(1);
    }
  });

  it('is nobody, once it is posted', async () => {
    await messages.keep('d1', { key: 'root', ts: '1.1', hash: 'h' });
    await longAgo('root');
    expect(await claim('root', 'bot 2')).toBe('taken');
    expect(await messages.of('d1')).toContainEqual({ key: 'root', ts: '1.1', hash: 'h' });
  });

  it('is one of many that ask at the same time', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => claim('reply:2', `bot ${i}`)));
    expect(claims.sort()).toEqual(['first', ...Array.from({ length: 7 }, () => 'taken')]);
  });
});

describe('what is left to tell', () => {
  it('is every deploy until all of it was told', async () => {
    expect(await messages.unfinished()).toEqual(['d1', 'd2']);
    await messages.allTold('d1', 'C1', 'bot 1');
    await messages.allTold('d1', 'C1', 'bot 2');
    expect(await messages.unfinished()).toEqual(['d2']);
  });
});

describe('what is said once to a person', () => {
  it('is kept to be sent when it is said first, and stays as it was', async () => {
    const notices = connectNotices(pool);
    const said = (text: string) => notices.once({ id: 'unheard d1', channel: 'U0ANN', message: { text, blocks: [] } });
    await said('It is archived');
    await said('It is still archived');
    const place = { channel: 'U0ANN', isNew: true };
    const next = await notices.claim('bot 1', place, []);
    expect(next).toMatchObject({ channel: 'U0ANN', message: { text: 'It is archived' } });
    if (next) await notices.sent(next, '8.8');
    await said('It is archived for ever');
    expect(await notices.claim('bot 1', place, [])).toBeNull();
  });
});

it('what was found in Slack is still to be brought up to date, by anybody', async () => {
  const notices = connectNotices(pool);
  await notices.once({ id: 'n1', channel: 'C7', message: { text: 'Locked', blocks: [] } });
  await notices.claim('bot 1', { channel: 'C7', isNew: true }, []);
  await notices.found('n1', '7.7');
  expect(await notices.claim('bot 2', { channel: 'C7', isNew: false }, [])).toMatchObject({ id: 'n1', ts: '7.7' });
});

it('what is claimed names its owner', async () => {
  await putNotices(pool, [{ id: 'n2', channel: 'C8', message: { text: 'Closed', blocks: [] }, owner: 'U0ANN' }]);
  const claimed = await connectNotices(pool).claim('bot 1', { channel: 'C8', isNew: true }, []);
  expect(claimed).toMatchObject({ id: 'n2', owner: 'U0ANN' });
});
