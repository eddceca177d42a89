import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Access } from '../src/access.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectSettings } from '../src/adapters/settings.ts';
import { Store } from '../src/adapters/store.ts';
import { Administration } from '../src/administration.ts';
import type { AppSettings } from '../src/domain/app.ts';
import { settingsChanges } from '../src/domain/settings-changes.ts';
import { type HerokuApp, HerokuRefused, NotFound } from '../src/outside.ts';
import type { SettingsStore } from '../src/team.ts';
import { settingsForm, settingsNotices } from '../views/settings.ts';
import { teamForm, teamNotices } from '../views/team-settings.ts';
import { startPostgres } from './stage/made.ts';
import { validateBlocks } from './stage/slack/blocks.ts';

const shop: AppSettings = {
  ...{ name: 'shop', repository: 'acme/shop', defaultRef: 'main', channel: 'C0SHOP', windowSeconds: 180 },
  ...{ deployers: ['U0ANN', 'S0OPS'], approvers: ['U0BOB'], fourEyes: true },
};

let dir: string;
let server: Embedded;
let pool: pg.Pool;
let store: SettingsStore;
let administration: Administration;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'settings-'));
  server = await startPostgres(dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  store = connectSettings(pool, { app: settingsNotices, team: teamNotices });
  const directory = {
    person: async () => ({ is: 'member' as const, zone: 'Europe/Berlin' }),
    group: async (id: string) => ({ name: id, members: [] }),
    groups: async () => [{ id: 'S0OPS', name: 'ops' }],
  };
  administration = new Administration({
    ...{ store, directory },
    access: new Access({ ledger: new Store(pool), directory, admins: ['U0ADA'] }),
    heroku: {
      app: async name => {
        if (name === 'shop' || name === 'till') return {} as HerokuApp;
        throw new HerokuRefused(404, 'not_found', 'Heroku has no such app.');
      },
    },
    source: {
      commit: async (_, ref) => {
        if (ref !== 'main') throw new NotFound('absent');
        return { sha: 'a'.repeat(40), subject: '', author: '', at: '' };
      },
      refs: async () => ['main'],
    },
  });
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('what was changed', () => {
  it('is told by name, old and new, whatever the order of lists', () => {
    const after = { ...shop, deployers: ['S0OPS', 'U0ANN'], approvers: [], url: 'https://shop.example.com/' };
    expect(settingsChanges(shop, after)).toEqual([
      { name: 'approvers', from: 'U0BOB', to: 'nothing' },
      { name: 'url', from: 'nothing', to: 'https://shop.example.com/' },
    ]);
  });

  it('never shows the password of an address, and is a change where only that is another', () => {
    const [was, is] = ['https://ann:old@shop.example.com/', 'https://ann:new@shop.example.com/'];
    const shown = 'https://shop.example.com/';
    expect(settingsChanges({ ...shop, url: was }, { ...shop, url: is })).toEqual([
      { name: 'url', from: shown, to: shown },
    ]);
  });
});

describe('the settings of an app', () => {
  it('are kept in versions, each with who said so, and told in its channel once', async () => {
    expect(await store.save(shop, 'U0ADA', 0)).toMatchObject({ kind: 'saved', version: 1 });
    expect(await store.save(shop, 'U0EVE', null)).toEqual({ kind: 'same' });
    const next = { ...shop, fourEyes: false };
    expect(await store.save(next, 'U0ANN', 1)).toMatchObject({ kind: 'saved', version: 2 });
    expect(await store.save(shop, 'U0EVE', 1)).toEqual({ kind: 'changed meanwhile', by: 'U0ANN' });
    // Worked again, after the bot died in the middle of it.
    expect(await store.save(next, 'U0ANN', 1)).toEqual({ kind: 'saved', version: 2, changes: [] });
    expect((await store.history('shop')).map(({ version, by }) => [version, by])).toEqual([
      [1, 'U0ADA'],
      [2, 'U0ANN'],
    ]);
    expect(await new Store(pool).app('shop')).toEqual(next);
    const { rows } = await pool.query<{ text: string }>(
      "SELECT message #>> '{blocks,0,text,text}' AS text FROM notices WHERE channel = 'C0SHOP' ORDER BY at",
    );
    expect(rows).toHaveLength(2);
    expect(rows[1]?.text).toContain('`fourEyes`: true → false');
    expect(rows[1]?.text).toContain('<@U0ANN>');
  });

  it('are written by one of two who save at once, and the other is told', async () => {
    const till = { ...shop, name: 'till' };
    const both = await Promise.all([
      store.save(till, 'U0ANN', 0),
      store.save({ ...till, windowSeconds: 200 }, 'U0BOB', 0),
    ]);
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(['changed meanwhile', 'saved']);
  });

  it('are refused with everything that is wrong, and then nothing is kept', async () => {
    const typed = { ...shop, name: 'shoop', repository: 'no slash', deployers: [], windowSeconds: Number.NaN };
    const wrong = await administration.save({ user: 'U0ADA', app: null, version: 0, typed });
    expect(wrong).toMatchObject({
      kind: 'wrong',
      problems: {
        repository: expect.stringContaining('owner/name'),
        deployers: expect.stringContaining('at least one'),
        windowSeconds: expect.stringContaining('in seconds'),
      },
    });
    for (const repository of ['../..', 'acme/..', './shop', '../shop', 'acme/.']) {
      const led = { ...shop, name: 'shoop', repository };
      expect(await administration.save({ user: 'U0ADA', app: null, version: 0, typed: led })).toMatchObject({
        ...{ kind: 'wrong', problems: { repository: expect.stringContaining('owner/name') } },
      });
    }
    const unknown = { ...shop, name: 'shoop', defaultRef: 'gone' };
    expect(await administration.save({ user: 'U0ADA', app: null, version: 0, typed: unknown })).toMatchObject({
      kind: 'wrong',
      problems: {
        name: expect.stringContaining('no app of that name'),
        defaultRef: expect.stringContaining('no gone'),
      },
    });
    expect(await store.newest('shoop')).toBeNull();
  });

  it('are changed by admins only, also when the form was open before', async () => {
    const ask = { app: 'shop', version: 2, typed: { windowSeconds: 240 } };
    await expect(administration.save({ ...ask, user: 'U0ANN' })).rejects.toMatchObject({
      reasons: [expect.stringContaining('<@U0ADA>')],
    });
    await expect(administration.open({ user: 'U0ANN', app: null })).rejects.toThrow();
    expect(await administration.save({ ...ask, user: 'U0ADA' })).toEqual({ kind: 'saved', app: 'shop' });
  });

  it('name another repository only for those who may add apps, and nobody else is told what it holds', async () => {
    await store.save({ ...shop, name: 'till', admins: ['U0CAT'] }, 'U0ADA', null);
    const { version } = await administration.open({ user: 'U0CAT', app: 'till' });
    const typed = { repository: 'acme/payroll', defaultRef: 'gone' };
    expect(await administration.save({ user: 'U0CAT', app: 'till', version, typed })).toEqual({
      kind: 'wrong',
      problems: { repository: expect.stringMatching(/may add apps.*`\/deploy add` says who.*acme\/shop/) },
    });
    expect(await new Store(pool).app('till')).toMatchObject({ repository: 'acme/shop' });
    const same = { repository: 'acme/shop', windowSeconds: 200 };
    expect(await administration.save({ user: 'U0CAT', app: 'till', version, typed: same })).toMatchObject({
      kind: 'saved',
    });
    const moved = { user: 'U0ADA', app: 'till', version: version + 1, typed: { repository: 'acme/payroll' } };
    expect(await administration.save(moved)).toMatchObject({ kind: 'saved' });
  });

  it('that move to another channel are told in the old one too, with all else that was changed', async () => {
    const known = await store.newest('till');
    await store.save({ ...shop, name: 'till', channel: 'C0MINE', fourEyes: false }, 'U0CAT', known?.version ?? 0);
    const { rows } = await pool.query<{ channel: string; text: string }>(
      `SELECT channel, message ->> 'blocks' AS text FROM notices WHERE id LIKE 'settings till %' AND message ->> 'blocks' LIKE '%fourEyes%'
         AND message ->> 'blocks' LIKE '%<@U0CAT>%' ORDER BY channel`,
    );
    expect(rows.map(({ channel }) => channel)).toEqual(['C0MINE', 'C0SHOP']);
    for (const { text } of rows) expect(text).toMatch(/`channel`: .*C0SHOP.* → .*C0MINE/);
    await store.save({ ...shop, name: 'till' }, 'U0ADA', null);
  });

  it('have freezes as they are typed, in the zone of whoever types, told as they are typed', async () => {
    const ask = { user: 'U0ADA', app: 'shop', version: 3, typed: {} };
    expect(await administration.save({ ...ask, typedFreezes: 'fri 16:00 - mon 08:00: Weekend\nnever' })).toEqual({
      kind: 'wrong',
      problems: { freezes: expect.stringMatching(/^“never” is none/) },
    });
    await administration.save({ ...ask, typedFreezes: 'fri 16:00 - mon 08:00: Weekend' });
    const saved = await store.newest('shop');
    expect(saved?.settings.freezes).toMatchObject([{ zone: 'Europe/Berlin', reason: 'Weekend' }]);
    expect(settingsChanges(shop, saved?.settings ?? shop)).toContainEqual({
      name: 'freezes',
      from: 'nothing',
      to: 'fri 16:00 - mon 08:00 Europe/Berlin: Weekend',
    });
    await administration.save({ ...ask, version: 4, typedFreezes: '' });
    expect((await store.newest('shop'))?.settings.freezes).toEqual([]);
  });

  it('fit into a form that Slack takes, empty or full', () => {
    const names = new Map([['S0OPS', 'ops']]);
    const full = {
      ...shop,
      viewers: ['U0VIC'],
      admins: ['S0OPS'],
      allowedChannels: ['C0SHOP'],
      startNeedsApproval: true,
      freezes: [{ dates: { from: '2026-12-20', to: '2026-12-27' }, zone: 'UTC', reason: 'Holidays' }],
    };
    for (const settings of [null, shop, full]) {
      const form = settingsForm(settings, { app: settings?.name ?? null, version: 1, channel: 'C0SHOP' }, names);
      expect(validateBlocks(form.blocks, 'modal')).toEqual([]);
      expect(form.title.text.length).toBeLessThanOrEqual(24);
    }
    expect(JSON.stringify(settingsForm(full, { app: 'shop', version: 1, channel: null }, names))).toContain(
      '@ops may deploy',
    );
  });
});

describe('what holds for every app', () => {
  const save = (typedFreezes: string, version: number, user = 'U0ADA') =>
    administration.saveTeam({ user, version, typedFreezes });

  it('is changed by those who add apps, kept in versions, and told in the channel of each app', async () => {
    await expect(save('', 0, 'U0ANN')).rejects.toMatchObject({ reasons: [expect.stringContaining('<@U0ADA>')] });
    await expect(administration.openTeam({ user: 'U0ANN' })).rejects.toThrow();
    expect(await save('2026-12-20 - 2026-12-27 UTC: Holidays', 0)).toEqual({ kind: 'saved', app: 'all' });
    // Worked again, after the bot died in the middle of it.
    expect(await save('2026-12-20 - 2026-12-27 UTC: Holidays', 0)).toEqual({ kind: 'saved', app: 'all' });
    expect(await save('2026-12-20 - 2026-12-27 UTC: Holidays', 1)).toEqual({ kind: 'same', app: 'all' });
    expect(await save('soon', 1)).toMatchObject({ kind: 'wrong' });
    await expect(save('', 0)).rejects.toMatchObject({
      reasons: [expect.stringContaining('changed meanwhile by U0ADA')],
    });
    expect(await save('', 1)).toMatchObject({ kind: 'saved' });
    expect((await store.teamHistory()).map(({ version, by, freezes }) => [version, by, freezes.length])).toEqual([
      [1, 'U0ADA', 1],
      [2, 'U0ADA', 0],
    ]);
    const { rows } = await pool.query<{ id: string; text: string }>(
      "SELECT id, message ->> 'text' AS text FROM notices WHERE id LIKE 'settings of all%' ORDER BY id",
    );
    expect(rows.map(({ id }) => id)).toEqual(['settings of all 1 C0SHOP', 'settings of all 2 C0SHOP']);
    expect(rows[0]?.text).toContain('by <@U0ADA>. • new: `2026-12-20 - 2026-12-27 UTC: Holidays`');
    expect(rows[1]?.text).toContain('taken away: `2026-12-20');
  });

  it('fits into a form that Slack takes', async () => {
    const { freezes, version } = await administration.openTeam({ user: 'U0ADA' });
    expect(validateBlocks(teamForm(freezes, { version, channel: null }).blocks, 'modal')).toEqual([]);
    const many = Array.from({ length: 200 }, () => ({
      dates: { from: '2026-12-20', to: '2026-12-27' },
      zone: 'UTC',
      reason: 'x',
    }));
    expect(JSON.stringify(teamForm(many, { version, channel: null }).blocks)).toContain('too many for a form');
    expect(await administration.saveTeam({ user: 'U0ADA', version, typedFreezes: null })).toMatchObject({
      kind: 'same',
    });
  });
});
