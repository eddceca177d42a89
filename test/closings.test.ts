import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BUTTONS } from '../commands/buttons.ts';
import { connectClosings } from '../src/adapters/closings.ts';
import { connectHeroku } from '../src/adapters/heroku.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { ClosingMoves } from '../src/closing-moves.ts';
import { Doors } from '../src/closings.ts';
import type { FactBody } from '../src/domain/deploy.ts';
import { withRoles } from '../src/domain/permission.ts';
import { Refusal } from '../src/domain/refusal.ts';
import type { Blocker, Heroku, MayAct } from '../src/outside.ts';
import type { Ledger } from '../src/team.ts';
import {
  barredNotices,
  closingAsked,
  closingLine,
  closingNotices,
  doorStatus,
  openingAnswer,
} from '../views/closings.ts';
import { BoltRig } from './bolt-rig.ts';
import { deployOf, plan, STARTED_AT } from './sample-deploys.ts';
import { pending } from './sample-migrations.ts';
import { startPostgres } from './stage/made.ts';

const [ANN, BOB] = ['U0ANN', 'U0BOB'];
const settings = { ...plan, name: 'shop', deployers: [ANN], defaultRef: 'main', probe: undefined };

const shop = withRoles(settings, new Map(), ['U0BOSS']);

let dir: string;
let server: Embedded;
let pool: pg.Pool;
/** What Heroku has of the app, and what a probe of it gets. */
let world: {
  maintenance: boolean;
  worker: number;
  clock: number;
  calls: string[];
  status: number | null;
  page: number | null;
  holders: Blocker[] | Error;
  deploy: FactBody[] | null;
  /** When (ms) its facts were recorded. */
  deployAt: number;
  config: Record<string, string>;
  /** Heroku does nothing now. */
  down: boolean;
  /** Workers that were scaled to 0 finish what they were doing. */
  leaving: boolean;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'closings-'));
  server = await startPostgres(dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  await pool.query("INSERT INTO instances (id) VALUES ('one'), ('two')");
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  world = {
    ...{
      maintenance: false,
      worker: 2,
      clock: 0,
      calls: [],
      status: null,
      page: 200,
      holders: [],
      deploy: null,
      deployAt: 0,
    },
    config: { DATABASE_URL: 'postgres://shop.example.com/x' },
    ...{ down: false, leaving: false },
  };
});
afterEach(() => pool.query('DELETE FROM closings; DELETE FROM notices'));

/** What every process of the bot has: what it knows of closings, it knows from the store. */
function parts(instance = 'one') {
  const running = () => (world.deploy ? [{ id: 'd1', app: 'shop', startedBy: BOB }] : []);
  return {
    closings: connectClosings(pool, instance, closingNotices),
    ledger: {
      app: async () => settings,
      running: async () => running(),
      deploy: async () => {
        const seconds = (world.deployAt - STARTED_AT) / 1000;
        return { ...deployOf((world.deploy ?? []).map(fact => [seconds, fact] as const)), startedBy: BOB };
      },
    } as unknown as Ledger,
    heroku: {
      app: async () => ({ maintenance: world.maintenance, webUrl: 'https://shop.example.com/' }),
      formation: async () => [
        { type: 'web', quantity: 2, size: 'Standard-1X' },
        { type: 'worker', quantity: world.worker, size: 'Standard-1X' },
        { type: 'clock', quantity: world.clock, size: 'Standard-1X' },
      ],
      config: async () => world.config,
      setMaintenance: async (_: string, on: boolean, mayAct: MayAct) => {
        await mayAct();
        if (world.down) throw new Error('503');
        world.maintenance = on;
        world.calls.push(on ? 'close' : 'open');
      },
      scale: async (_: string, formation: { type: 'worker' | 'clock'; quantity: number }[], mayAct: MayAct) => {
        await mayAct();
        if (world.down) throw new Error('503');
        for (const { type, quantity } of formation) world[type] = quantity;
        world.calls.push(formation.map(({ type, quantity }) => `${type}=${quantity}`).join(' '));
      },
      dynos: async () =>
        world.worker > 0 || world.leaving ? [{ type: 'worker' }, { type: 'web' }] : [{ type: 'web' }],
    } as unknown as Heroku,
    prober: {
      ask: async () => ({
        sentAt: 0,
        receivedAt: 0,
        status: world.status ?? (world.maintenance ? 503 : 200),
        version: null,
      }),
    },
    migrator: {
      holders: async () => {
        if (world.holders instanceof Error) throw world.holders;
        return world.holders;
      },
    },
    page: async () => {
      if (world.page === null) throw new Error('getaddrinfo ENOTFOUND');
      return world.page;
    },
    barred: barredNotices,
    sure: () => true,
    log: { warn: () => {} },
  };
}
const doors = (): Doors => new Doors(parts());

const ask = (minutes: number | null = 15, user = ANN) =>
  doors().ask(shop, { user, channel: 'C1', minutes, reason: 'We move the database' });

/** Ticks, each time in a process of its own, until nothing is done any more. */
async function tick(): Promise<void> {
  for (let before = ''; ; ) {
    await new ClosingMoves(parts()).tick();
    const { rows } = await pool.query('SELECT to_jsonb(closings) - $1::text[] AS row FROM closings ORDER BY id', [
      ['claimed_at', 'claimed_by'],
    ]);
    const after = JSON.stringify(rows);
    if (after === before) return;
    before = after;
  }
}

async function close(minutes: number | null = 15): Promise<string> {
  const { id } = await ask(minutes);
  await doors().close(shop, { user: ANN, id });
  await tick();
  return id;
}

const ends = (when: string) => pool.query(`UPDATE closings SET until = now() ${when}`);
async function told(): Promise<string> {
  const { rows } = await pool.query<{ message: { text: string } }>('SELECT message FROM notices ORDER BY at, id');
  return rows.map(({ message }) => message.text).join('\n');
}

/** Slack takes all that was to be said so far. */
const slackTakes = () => pool.query("UPDATE notices SET ts = '1', sent = message");

describe('closing an app', () => {
  it('is asked first, with what it means, and done once it is confirmed and proved', async () => {
    world.page = 404;
    world.config = { MAINTENANCE_PAGE_URL: 'https://pages.example.com/closed' };
    const asked = JSON.stringify(closingAsked(await ask()));
    for (const part of ['for 15 min, then it opens by itself', 'worker × 2', 'broken page', 'it answers 404']) {
      expect(asked).toContain(part);
    }
    expect(world.calls).toEqual([]);
    const id = await close();
    expect(world.calls).toEqual(['close']);
    expect(await told()).toMatch(
      /shop is closed\. <@U0ANN>: We move the database\. Visitors get the closed page since .*proved by asking it.*opens by itself at/s,
    );
    expect(JSON.stringify(doorStatus(await doors().status(settings)))).toContain('shop is closed');
    expect(await parts().closings.standing()).toMatchObject([{ app: 'shop', by: ANN }]);
    await expect(ask()).rejects.toThrow(Refusal);
    await doors().close(shop, { user: ANN, id });
    expect(world.calls).toEqual(['close']);
  });

  it('that visitors do not see is said aloud', async () => {
    world.status = 200;
    await close();
    await pool.query("UPDATE closings SET told_at = now() - interval '2 min'");
    await tick();
    expect(await told()).toContain('shop may not be closed');
  });

  it('is refused during the deploy of somebody else, and to whoever did not ask', async () => {
    const { id } = await ask();
    await expect(doors().close(shop, { user: BOB, id })).rejects.toThrow('was asked this, not you');
    world.deploy = [];
    await expect(ask()).rejects.toThrow('<@U0BOB> is deploying shop');
    await expect(doors().close(shop, { user: ANN, id })).rejects.toThrow('<@U0BOB> is deploying shop');
    expect(await ask(15, 'U0BOSS')).toMatchObject({ app: 'shop' });
  });

  it('is refused while one’s own deploy has closed it, which opens it at its end', async () => {
    const { id } = await ask(15, BOB);
    const close = () => doors().close(shop, { user: BOB, id });
    world.deploy = [{ kind: 'closing', byUs: true }];
    await expect(close()).rejects.toThrow('Your deploy of shop has closed it meanwhile');
    world.deploy = [];
    await close();
    await tick();
    expect(world.calls).toEqual(['close']);
  });

  it('is taken over from a process that is gone, by one other, and from no other', async () => {
    const { id } = await ask();
    await doors().close(shop, { user: ANN, id });
    const closings = ['one', 'two', 'three', 'four'].map(instance => parts(instance).closings);
    const [one, two] = closings;
    await pool.query("INSERT INTO instances (id) VALUES ('three'), ('four')");
    for (let round = 0; round < 50; round++) {
      await pool.query("UPDATE closings SET claimed_at = now(), claimed_by = 'dead'");
      const claimed = await Promise.all(closings.map(each => each.claim([])));
      expect(claimed.filter(claim => claim !== null)).toHaveLength(1);
    }
    await pool.query("UPDATE closings SET claimed_at = now(), claimed_by = 'one'");
    await two?.free(id);
    expect(await two?.claim([])).toBe(null);
    await one?.free(id);
    expect(await two?.claim([])).toMatchObject({ closing: { id } });
    await two?.free(id);
    await new ClosingMoves({ ...parts(), sure: () => false }).tick();
    expect(world.calls).toEqual([]);
  });

  it.each([
    ['another process has claimed it', "UPDATE closings SET claimed_by = 'two'"],
    ['it has ended', 'UPDATE closings SET ended_at = now()'],
  ])('is not told to Heroku once more when %s', async (_, change) => {
    const { id } = await ask();
    await doors().close(shop, { user: ANN, id });
    const patched: (string | undefined)[] = [];
    const server = createServer(async ({ method }, response) => {
      patched.push(method);
      await pool.query(change);
      response.writeHead(503).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const at = server.address();
    const url = `http://127.0.0.1:${typeof at === 'object' ? at?.port : ''}`;
    const moves = parts();
    moves.heroku.setMaintenance = connectHeroku({ url, token: 'HRKU-x' }).setMaintenance;
    await new ClosingMoves(moves).tick();
    server.closeAllConnections();
    server.close();
    expect(patched).toEqual(['PATCH']);
  });

  it('that somebody did without the bot is said, and can be undone', async () => {
    world.maintenance = true;
    await expect(ask()).rejects.toThrow('not by this bot');
    expect(await doors().open(settings, by(ANN))).toEqual({ kind: 'opening' });
    await tick();
    expect(world.calls).toEqual(['open']);
    expect(await told()).toContain('shop is open again');
    expect(await doors().open(settings, by(ANN))).toEqual({ kind: 'is open' });
  });
});

let requests = 0;
/** Somebody's press, which is none of those before. */
const by = (user: string) => ({ user, request: `${user} ${++requests}` });

describe('a closed app', () => {
  it('opens by itself at its time, and that is proved', async () => {
    await close();
    await ends("+ interval '4 min'");
    await tick();
    expect(await told()).toContain('shop opens in 5 min');
    await ends("- interval '1 s'");
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
    expect(await told()).toMatch(/shop is open again\. Its time was over\. Visitors get the app again since .*proved/s);
    await expect(doors().extend('m0', 15, 'x')).rejects.toThrow(Refusal);
  });

  it('stays closed longer when somebody says so, and is said once more before its new end', async () => {
    const id = await close();
    await ends("+ interval '1 min'");
    await tick();
    await slackTakes();
    const moves = parts();
    moves.migrator.holders = async () => {
      // While it is looked whether it may be opened.
      await doors().extend(id, 15, 'in time');
      return [];
    };
    await pool.query("UPDATE closings SET until = now() - interval '1 s'");
    await new ClosingMoves(moves).tick();
    expect([world.maintenance, (await doors().status(shop)).closing?.wanted]).toEqual([true, 'closed']);
    await pool.query("UPDATE closings SET until = now() + interval '15 min'");
    await doors().extend(id, 15, 'x');
    const [once] = (await pool.query('SELECT until FROM closings')).rows;
    await doors().extend(id, 15, 'x');
    expect((await pool.query('SELECT until FROM closings')).rows).toEqual([once]);
    await ends("+ interval '2 min'");
    await tick();
    expect((await told()).match(/shop opens in/g)).toHaveLength(2);
    expect(world.calls).toEqual(['close']);
  });

  it.each([1, -1])('opens at its time by the clock of the database, when the bot’s is wrong by %i h', async hours => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 });
    try {
      const id = await close();
      expect(await told()).toContain('in about 15 min.');
      await doors().extend(id, 15, by(ANN).request);
      await tick();
      expect(world.calls).toEqual(['close']);
      const { rows } = await pool.query("SELECT until - now() BETWEEN '29 min' AND '30 min' AS ok FROM closings");
      expect(rows).toEqual([{ ok: true }]);
      await ends("- interval '1 s'");
      await tick();
      expect(world.calls).toEqual(['close', 'open']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('without an end stays closed until somebody opens it', async () => {
    await close(null);
    expect(await told()).toContain('stays closed until somebody opens it');
    await pool.query("UPDATE closings SET seen_at = now() - interval '61 min'");
    await tick();
    await tick();
    expect((await told()).match(/shop is still closed\. <@U0ANN> Since/g)).toHaveLength(1);
    await slackTakes();
    await pool.query("UPDATE closings SET reminded_at = now() - interval '61 min'");
    await tick();
    expect((await told()).match(/shop is still closed\./g)).toHaveLength(2);
    await doors().open(settings, by(BOB));
    const status = await doors().status(settings);
    expect(JSON.stringify(doorStatus(status))).toContain('shop is being opened');
    expect(status.closing && closingLine(status.closing)).toContain('shop is being opened');
    await tick();
    expect(await told()).toContain('<@U0BOB> opened it');
  });

  it('is opened by one press once, and by its own button alone', async () => {
    const [press, first] = [by(ANN), await close(null)];
    expect(await doors().open(settings, { ...press, closing: first })).toEqual({ kind: 'opening' });
    await tick();
    const second = await close(null);
    await doors().open(settings, press);
    await expect(doors().open(settings, { ...by(BOB), closing: first })).rejects.toThrow('has closed shop anew');
    await tick();
    expect(world.calls).toEqual(['close', 'open', 'close']);
    await doors().open(settings, { ...by(BOB), closing: second });
    await tick();
    expect(world.calls.at(-1)).toBe('open');
  });

  it('is not opened while somebody migrates, says so, and opens when that has ended', async () => {
    await close();
    world.holders = [{ pid: 7, application: 'node-pg-migrate', state: 'active', ageMs: 3000 }];
    await ends("- interval '1 s'");
    await tick();
    await tick();
    expect(world.calls).toEqual(['close']);
    expect((await told()).match(/stays closed past its time.*node-pg-migrate/g)).toHaveLength(1);
    world.holders = [];
    await pool.query("UPDATE closings SET barred_at = now() - interval '6 min'");
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
  });

  it('that Heroku never took to be closed is asked about every 5 minutes when its time is over, in true words', async () => {
    world.down = true;
    await close();
    world.holders = [{ pid: 7, application: 'node-pg-migrate', state: 'active', ageMs: 3000 }];
    await ends("- interval '1 s'");
    for (let times = 0; times < 3; times++) await new ClosingMoves(parts()).tick();
    expect((await told()).match(/shop may be closed past its time.*Heroku did not say.*node-pg-migrate/g)).toHaveLength(
      1,
    );
    expect(await told()).toContain('shop was not closed in its time');
    world.down = false;
    await tick();
    expect(world.calls).toEqual([]);
    world.holders = [];
    await pool.query("UPDATE closings SET barred_at = now() - interval '6 min'");
    await tick();
    expect(world.calls).toEqual(['open']);
  });

  it('stays closed, aloud, when nobody can say whether somebody migrates', async () => {
    await close();
    world.holders = new Error('ECONNREFUSED');
    await ends("- interval '1 s'");
    await tick();
    expect(world.calls).toEqual(['close']);
    expect(await told()).toMatch(/stays closed past its time.*cannot be asked \(ECONNREFUSED\)/);
  });

  it('is opened by a person while somebody migrates only when they say so again', async () => {
    await close();
    world.holders = [{ pid: 7, application: 'node-pg-migrate', state: 'active', ageMs: 3000 }];
    const asked = await doors().open(settings, by(ANN));
    expect(JSON.stringify(openingAnswer('shop', asked))).toMatch(/being migrated: node-pg-migrate.*"open-anyway"/);
    await tick();
    expect(world.calls).toEqual(['close']);
    expect(await doors().open(settings, { ...by(ANN), anyway: true })).toEqual({ kind: 'opening' });
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
  });

  it('is not opened by an old yes when somebody has closed it anew since', async () => {
    await close();
    world.holders = [{ pid: 7, application: 'node-pg-migrate', state: 'active', ageMs: 3000 }];
    const card = JSON.stringify(openingAnswer('shop', await doors().open(settings, by(ANN))));
    const value = /"open-anyway","text":[^}]*},"value":"([^"]*)"/.exec(card)?.[1] ?? '';
    const press = (request: string) =>
      BUTTONS['open-anyway']?.(
        { ...new BoltRig().bot, openApp: ({ app: _, ...ask }) => doors().open(settings, ask) },
        { id: request, user: ANN, value },
      );
    await press('p1');
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
    await expect(press('p2')).rejects.toThrow('It is open again already.');
    await close();
    await expect(press('p3')).rejects.toThrow(/has closed shop anew.*\*Open now\* on its message/);
    // A button from before it named the closing.
    await expect(doors().open(settings, { ...by(ANN), closing: null, anyway: true })).rejects.toThrow(
      /closed shop anew/,
    );
    await tick();
    expect(world.calls).toEqual(['close', 'open', 'close']);
  });

  it('that Heroku cannot be told to open is said aloud, once, and opened when it can', async () => {
    await close();
    world.down = true;
    await ends("- interval '1 s'");
    await tick();
    await pool.query("UPDATE closings SET wanted_at = now() - interval '2 min'");
    await tick();
    await tick();
    expect((await told()).match(/shop should be open, and is still closed/g)).toHaveLength(1);
    await slackTakes();
    world.down = false;
    await tick();
    expect(await told()).toMatch(/shop is open again.*shop should be open/s);
  });

  it('says aloud only what is still true when Slack takes it', async () => {
    const id = await close();
    await ends("+ interval '1 min'");
    await tick();
    expect(await told()).toContain('shop opens in 5 min');
    await doors().extend(id, 15, by(ANN).request);
    expect(await told()).not.toContain('shop opens in');
    world.holders = new Error('ECONNREFUSED');
    await ends("- interval '1 s'");
    await tick();
    expect(await told()).toContain('stays closed past its time');
    world.holders = [];
    world.down = true;
    await pool.query("UPDATE closings SET barred_at = now() - interval '6 min'");
    await tick();
    await pool.query("UPDATE closings SET wanted_at = now() - interval '2 min'");
    await tick();
    expect(await told()).toMatch(/^shop is being opened.*\nshop should be open, and is still closed[^\n]*$/);
    world.down = false;
    await tick();
    expect(await told()).toMatch(/^shop is open again[^\n]*$/);
  });

  it('is not opened onto the half changed schema of a deploy', async () => {
    await close();
    world.deploy = [{ kind: 'migrating', direction: 'contract' }];
    await ends("- interval '1 s'");
    await tick();
    expect(world.calls).toEqual(['close']);
    expect(await told()).toContain('the deploy of <@U0BOB>');
    world.deploy.push({ kind: 'closing', byUs: true });
    await expect(doors().open(settings, by(ANN))).rejects.toThrow('opens it itself');
  });

  it.each<[string, FactBody, boolean]>([
    [
      'opens at its time where a deploy asks for a new approval',
      { kind: 'migrations changed', why: 'x', migrations: pending },
      true,
    ],
    ['opens at its time where what a deploy would change is held', { kind: 'held', by: null, why: 'x' }, true],
    [
      'stays closed past its time where a deploy failed half-way',
      {
        kind: 'migration failed',
        direction: 'contract',
        failure: { file: 'x.sql', error: 'x', stays: 'DROP INDEX x', blockers: [] },
      },
      false,
    ],
  ])('%s', async (_, fact, opens) => {
    await close();
    world.deploy = [{ kind: 'migrating', direction: 'contract' }, fact];
    await ends("- interval '1 s'");
    await tick();
    expect(world.calls).toEqual(opens ? ['close', 'open'] : ['close']);
  });

  it('is not opened while a deploy runs what was approved anew', async () => {
    await close();
    world.deploy = [
      { kind: 'migrating', direction: 'contract' },
      { kind: 'held', by: null, why: 'x' },
      { kind: 'migration begins', direction: 'contract', file: 'x.sql' },
    ];
    await ends("- interval '1 s'");
    await tick();
    expect(world.calls).toEqual(['close']);
  });

  // npm run torture -- --seed 20: a person's opening came late, and let visitors in while a deploy had stopped all dynos.
  it('is not opened late on a person’s word when a deploy has closed it since', async () => {
    const { id } = await ask();
    await doors().close(shop, { user: ANN, id });
    await doors().open(settings, by(ANN));
    world.deploy = [{ kind: 'closing', byUs: true }];
    world.maintenance = true;
    await tick();
    expect(world.calls).toEqual([]);
    world.deploy.push({ kind: 'opened' });
    await tick();
    expect(world.calls).toEqual(['open']);
  });

  it('is not opened late onto the schema that a deploy has begun to change since, and that is said once', async () => {
    await close();
    world.down = true;
    await doors().open(settings, by(ANN));
    await tick();
    world.down = false;
    world.deploy = [
      { kind: 'closing', byUs: false },
      { kind: 'migrating', direction: 'contract' },
    ];
    world.deployAt = Date.now() + 1000;
    await tick();
    expect(await told()).not.toContain('still closed');
    await pool.query("UPDATE closings SET wanted_at = now() - interval '2 min'");
    await tick();
    await tick();
    expect(world.calls).toEqual(['close']);
    expect(
      (await told()).match(/shop should be open, and is still closed.*A deploy has begun to migrate/g),
    ).toHaveLength(1);
    expect(await told()).not.toContain('Heroku could not be told');
    // Who says so again is asked again, and their word is about what is known by then.
    expect(await doors().open(settings, by(ANN))).toMatchObject({ kind: 'barred' });
    world.deployAt = Date.now() - 1000;
    expect(await doors().open(settings, { ...by(ANN), anyway: true })).toEqual({ kind: 'opening' });
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
  });

  it('is not opened where a deploy begins to migrate while Heroku is asked to', async () => {
    await close();
    await doors().open(settings, by(ANN));
    const moves = parts();
    const { setMaintenance } = moves.heroku;
    moves.heroku.setMaintenance = (...ask) => {
      [world.deploy, world.deployAt] = [[{ kind: 'migrating', direction: 'contract' }], Date.now() + 1000];
      return setMaintenance(...ask);
    };
    await new ClosingMoves(moves).tick();
    expect(world.calls).toEqual(['close']);
    world.deploy?.push({ kind: 'schema changed', direction: 'contract' });
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
  });

  it('is closed for a person only when a deploy that has closed it has opened it, each time that it closes it', async () => {
    const { id } = await ask();
    await doors().close(shop, { user: ANN, id });
    world.deploy = [{ kind: 'closing', byUs: true }, { kind: 'opened' }, { kind: 'closing', byUs: true }];
    await tick();
    expect(world.calls).toEqual([]);
    await expect(doors().open(settings, by(ANN))).rejects.toThrow('opens it itself');
    world.deploy.push({ kind: 'opened' });
    await tick();
    expect(world.calls).toEqual(['close']);
  });

  it('is closed anew for a person when a deploy that closed it in the same moment has opened it', async () => {
    const { id } = await ask();
    await doors().close(shop, { user: ANN, id });
    const moves = parts();
    const { setMaintenance } = moves.heroku;
    moves.heroku.setMaintenance = async (...ask) => {
      await setMaintenance(...ask);
      world.deploy = [{ kind: 'closing', byUs: true }];
    };
    await new ClosingMoves(moves).tick();
    await tick();
    expect(await told()).not.toContain('proved');
    [world.deploy, world.maintenance] = [[{ kind: 'closing', byUs: true }, { kind: 'opened' }], false];
    await tick();
    expect(world.calls).toEqual(['close', 'close']);
    expect(await told()).toContain('shop is closed.');
  });

  it('is told to open once more where a call to close it came after that, by itself and for whoever says so', async () => {
    await close();
    await doors().open(settings, by(ANN));
    world.status = 503;
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
    await pool.query("UPDATE closings SET told_at = now() - interval '2 min'");
    await tick();
    expect(world.calls).toEqual(['close', 'open', 'open']);
    expect((await told()).match(/does not answer well/g)).toHaveLength(1);
    await doors().open(settings, by(ANN));
    await tick();
    expect(world.calls).toEqual(['close', 'open', 'open', 'open']);
  });

  it('that was opened and is ill can be closed anew, whose closing takes the place of that', async () => {
    const old = await close();
    await doors().stopWorkers(old);
    await tick();
    world.down = true;
    await doors().open(settings, by(ANN));
    await tick();
    world.down = false;
    const { id } = await ask(null, BOB);
    const moves = parts();
    const { setMaintenance } = moves.heroku;
    moves.heroku.setMaintenance = async (...asked) => {
      await setMaintenance(...asked);
      await Promise.all([1, 2].map(() => doors().close(shop, { user: BOB, id })));
    };
    // While it is opened at last.
    await new ClosingMoves(moves).tick();
    await tick();
    expect(world.calls).toEqual(['close', 'worker=0', 'open', 'close']);
    expect(await told()).toMatch(
      /was to be opened, and is closed anew\. <@U0ANN> opened it\. It was not proved .* <@U0BOB> closed/,
    );
    expect(await told()).toMatch(/shop is closed\. <@U0BOB>.*Workers are stopped \(worker × 2\)/);
    expect(await told()).not.toContain('is open again');
    await expect(ask()).rejects.toThrow('<@U0BOB> has closed shop already');
    await expect(doors().open(settings, { ...by(ANN), closing: old })).rejects.toThrow('closed shop anew');
    await doors().open(settings, by(ANN));
    await tick();
    expect(world.calls.slice(4)).toEqual(['open', 'worker=2']);
  });

  it('that somebody closes by hand long after it was opened is not opened for ever', async () => {
    await close();
    await doors().open(settings, by(ANN));
    world.status = 503;
    await tick();
    await pool.query(
      "UPDATE closings SET late_at = now(), told_at = now() - interval '2 min', wanted_at = now() - interval '11 min'",
    );
    await tick();
    expect(world.calls).toEqual(['close', 'open']);
    world.maintenance = true;
    expect(await ask()).toMatchObject({ app: 'shop' });
    await doors().open(settings, by(ANN));
    await tick();
    expect(world.calls).toEqual(['close', 'open', 'open']);
  });

  it('has its workers stopped on request, and they are what they were when it opens', async () => {
    const id = await close();
    await doors().stopWorkers(id);
    await tick();
    expect(world.worker).toBe(0);
    expect(await told()).toContain('Workers are stopped (worker × 2)');
    await doors().open(settings, by(ANN));
    await tick();
    expect(world.calls).toEqual(['close', 'worker=0', 'open', 'worker=2']);
  });

  it('is proved open though Heroku does not start its workers, which is said aloud once, with how to start them', async () => {
    const id = await close();
    await doors().stopWorkers(id);
    await tick();
    const refusing = parts();
    refusing.heroku.scale = () => Promise.reject(new Error('402'));
    const moves = new ClosingMoves(refusing);
    await doors().open(settings, by(ANN));
    for (let times = 0; times < 3; times++) await moves.tick();
    expect(await told()).toMatch(/shop is open again, and its workers are not.*proved.* being started: worker × 2/);
    await pool.query("UPDATE closings SET told_at = now() - interval '2 min'");
    for (let times = 0; times < 3; times++) await moves.tick();
    const late = /is open again without its workers\. <@U0ANN>.*`heroku ps:scale worker=2 -a shop`/g;
    expect((await told()).match(late)).toHaveLength(1);
    await slackTakes();
    await new ClosingMoves(parts()).tick();
    // It has its workers, and is to end.
    expect(await told()).toMatch(late);
    expect(await told()).not.toMatch(/its workers are not|does not answer well/);
    await tick();
    expect(world.calls.slice(2)).toEqual(['open', 'worker=2']);
    expect(await told()).toMatch(/shop is open again\. .*proved/);
  });

  it('that is ill and without its workers is one alarm', async () => {
    const id = await close();
    await doors().stopWorkers(id);
    await tick();
    const refusing = parts();
    refusing.heroku.scale = () => Promise.reject(new Error('402'));
    await doors().open(settings, by(ANN));
    world.status = 500;
    await new ClosingMoves(refusing).tick();
    await pool.query("UPDATE closings SET told_at = now() - interval '2 min'");
    for (let times = 0; times < 3; times++) await new ClosingMoves(refusing).tick();
    expect((await told()).match(/does not answer well.*worker × 2/g)).toHaveLength(1);
    const { rows } = await pool.query("SELECT count(*)::int FROM notices WHERE id LIKE '% late %'");
    expect(rows).toEqual([{ count: 1 }]);
    expect(await told()).not.toContain('without its workers');
  });

  it('is proved closed though Heroku does not stop its workers', async () => {
    const { id } = await ask();
    await doors().close(shop, { user: ANN, id });
    await doors().stopWorkers(id);
    const moves = parts();
    moves.heroku.scale = () => Promise.reject(new Error('402'));
    for (let times = 0; times < 3; times++) await new ClosingMoves(moves).tick();
    expect(await told()).toMatch(/shop is closed\. .*Workers are being stopped/);
  });

  it('says that its workers are stopped only when they are, whatever fails or is killed in between', async () => {
    const id = await close();
    world.down = true;
    await doors().stopWorkers(id);
    await tick();
    expect(await told()).toContain('Workers are being stopped');
    world.down = false;
    world.leaving = true;
    await tick();
    expect(world.worker).toBe(0);
    expect(await told()).toContain('Workers are being stopped');
    world.leaving = false;
    await tick();
    expect(await told()).toContain('Workers are stopped (worker × 2)');
    expect(world.calls).toEqual(['close', 'worker=0']);
  });

  it('counts down, near its end each minute', async () => {
    const id = await close(60);
    expect(await told()).toContain('in about 1 h.');
    const passes = async (minutes: number) => {
      await pool.query(
        "UPDATE closings SET until = until - $1 * interval '1 min', seen_at = seen_at - $1 * interval '1 min', counted_at = counted_at - $1 * interval '1 min'",
        [minutes],
      );
      await tick();
      return told();
    };
    expect(await passes(4)).toContain('in about 1 h.');
    expect(await passes(1)).toContain('in about 55 min.');
    expect(await passes(41)).toContain('in about 14 min.');
    expect(await passes(1)).toContain('in about 13 min.');
    expect(id).toMatch(/^m/);
  });

  it('says nothing of workers that it does not have', async () => {
    world.worker = 0;
    await close();
    const { rows } = await pool.query('SELECT message FROM notices');
    expect(JSON.stringify(rows)).not.toMatch(/[Ww]orkers/);
  });

  it('leaves alone what somebody starts while its workers stop: nobody would start that again', async () => {
    const id = await close();
    world.leaving = true;
    await doors().stopWorkers(id);
    await tick();
    world.clock = 1;
    await tick();
    world.leaving = false;
    await tick();
    expect(await told()).toContain('Workers are stopped (worker × 2)');
    await doors().open(settings, by(ANN));
    await tick();
    expect(world).toMatchObject({ worker: 2, clock: 1 });
  });

  it('leaves workers alone that somebody started meanwhile', async () => {
    const id = await close();
    await doors().stopWorkers(id);
    await tick();
    world.worker = 1;
    await doors().open(settings, by(ANN));
    await tick();
    expect(world.worker).toBe(1);
  });

  it('that answers badly after it was opened is said aloud', async () => {
    await close();
    await doors().open(settings, by(ANN));
    world.status = 500;
    await tick();
    await pool.query("UPDATE closings SET told_at = now() - interval '2 min'");
    await tick();
    expect(await told()).toContain('shop was opened, and does not answer well');
  });
});
