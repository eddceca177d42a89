import { describe, expect, it } from 'vitest';
import type { Commands } from '../src/domain/gate.ts';
import { commandWarnings, pendingCommands } from '../src/domain/migration-commands.ts';
import { destroyed } from '../src/domain/readings.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { stepsWith } from '../src/domain/steps.ts';
import { commandUntil } from '../src/domain/window.ts';
import { planShown } from '../views/plan.ts';
import { replyTo } from '../views/reply.ts';
import { CONFIG, good, kinds, play, release, plan as toPlay, World } from './recipe-world.ts';
import { deployOf, OPEN, plan } from './sample-deploys.ts';

const [EXPAND, CONTRACT, SHOW] = ['bin/rails db:expand', 'bin/rails db:contract', 'bin/rails db:sql'];

function worldWith(trouble: ConstructorParameters<typeof World>[1] = {}, more: Partial<Commands> = {}): World {
  const world = new World({ 42: [...good], 43: good.slice(0, 4) }, trouble);
  const commands = { expand: EXPAND, contract: CONTRACT, plan: null, ...more };
  const migrations = pendingCommands(toPlay.commit.sha, commands, []);
  const steps = stepsWith({ expand: true, contract: commands.contract !== null, byCommand: true });
  // Only whoever is impatient lives to see the end of this window.
  world.plan = { ...toPlay, migrations, steps, soakSeconds: 300, windowSeconds: 3_600 };
  return world;
}

/** Somebody says yes to whatever the newest card shows. */
function approving(world: World): World {
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    if (fact.kind !== 'approval asked' || world.clicks.some(({ about }) => about === fact.digest)) return;
    world.clicks.push({
      ...{ id: `yes ${world.clicks.length}`, kind: 'run them', by: 'U2', at: '', about: fact.digest, reason: null },
    });
    setImmediate(() => world.wake());
  };
  return world;
}

describe('an app that migrates by its own commands', () => {
  it('has them run once each, on the new release, whatever is killed when', async () => {
    const rehearsal = approving(worldWith());
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const told = kinds(rehearsal);
    expect(told.slice(told.indexOf('released'), told.indexOf('deploy: booting'))).toEqual([
      ...['released', 'migrating', 'command started', 'migrated', 'schema changed'],
    ]);
    expect(told.slice(told.indexOf('soaking'))).toEqual([
      ...['soaking', 'judged', 'migrations planned', 'approval asked', 'approved'],
      ...['migrating', 'command started', 'migrated', 'schema changed', 'watching', 'ended'],
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = approving(worldWith());
      const { outcome } = await play(world, [kill]);
      const ran = world.started.filter(command => command === EXPAND || command === CONTRACT);
      expect(new Set(ran).size, `killed at ${kill}`).toBe(ran.length);
      // Killed right before it was started, nobody can know that it was not: then it is not started again.
      expect(['succeeded', 'rolled back', 'unfinished'], `killed at ${kill}`).toContain(outcome);
      if (outcome === 'succeeded') expect(ran, `killed at ${kill}`).toEqual([EXPAND, CONTRACT]);
    }
  });

  it('is rolled back when its expand command fails, or is not through before the switch', async () => {
    const broken = worldWith({ breaks: EXPAND });
    expect((await play(broken)).outcome).toBe('rolled back');
    expect(broken.facts).toContainEqual(expect.objectContaining({ kind: 'command failed', lines: ['done'] }));
    const slow = worldWith({ takesLong: EXPAND });
    slow.patient = false;
    expect((await play(slow)).outcome).toBe('rolled back');
    expect(slow.facts).toContainEqual(expect.objectContaining({ why: expect.stringContaining('not through in time') }));
  });

  it('is not rolled back for an expand command that ended well while no bot was there', async () => {
    const world = approving(worldWith());
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind === 'command started' && fact.direction === 'expand') world.killAt = world.calls + 3;
    };
    // The bot comes back an hour later, and what the log tells takes a moment.
    const { resume } = world.oneOffs;
    world.oneOffs.resume = async ask => {
      await new Promise(setImmediate);
      return resume(ask);
    };
    const { now } = world.time;
    world.time.now = () => (kinds(world).includes('command started') ? Date.parse('2026-01-01T02:00:00.000Z') : now());
    expect((await play(world)).outcome).toBe('succeeded');
    expect(kinds(world)).not.toContain('rollback asked');
  });

  it('says of an expand command that was never started that it was not run', async () => {
    const world = approving(worldWith());
    world.patient = false;
    const { releases } = world.heroku;
    // The bot comes back when its time is over.
    world.heroku.releases = async (...ask) => {
      for (let turn = 0; turn < 9 && kinds(world).at(-1) === 'migrating'; turn++) await new Promise(setImmediate);
      return releases(...ask);
    };
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.started).toEqual([]);
    expect(world.facts.find(({ kind }) => kind === 'migration failed')).toMatchObject({
      failure: { ran: false, error: expect.stringContaining('It was not run') },
    });
  });

  it('is shown without what its plan command takes too long for', async () => {
    const world = approving(worldWith({ takesLong: SHOW }, { plan: SHOW }));
    expect((await play(world)).outcome).toBe('succeeded');
    const planned = JSON.stringify(world.facts.find(fact => fact.kind === 'migrations planned'));
    expect(planned).toContain('could not be shown: `bin/rails db:sql` was not through within 10 minutes');
  });

  it('is not run once other code is released while its plan command ran once more', async () => {
    let shown = 0;
    const prints = () => {
      if (++shown === 3) world.releases.push(release(43, 'else', { status: 'pending', by: 'jo' }));
      return ['DROP TABLE wigs;'];
    };
    const world = approving(worldWith({ prints }, { plan: SHOW }));
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.started).not.toContain(CONTRACT);
    expect(world.facts.find(({ kind }) => kind === 'held')).toMatchObject({ why: expect.stringContaining('by jo') });
  });

  it.each([
    [0, 165],
    [120, 45],
    [149, 16],
    // Going back takes as long, so it would come after the switch anyway.
    [165, 180],
    [600, 180],
  ])('after a release phase of %i s has its expand command waited for %i s', (phaseSeconds, seconds) => {
    const released = { kind: 'released', release: 'r', version: 42, slug: 's', releasedAt: 0, phaseSeconds } as const;
    const deploy = { ...deployOf([[0, released]]), plan: { ...plan, windowSeconds: 180 } };
    expect(commandUntil(deploy, 1_000)).toBeCloseTo(1_000 + seconds * 1_000);
  });

  it('stops, and asks a person to look, when nobody can say how a command ended', async () => {
    const world = approving(worldWith({ lost: true }));
    const rehearsal = approving(worldWith());
    await play(rehearsal);
    const startedAt = rehearsal.facts.findIndex(
      fact => fact.kind === 'command started' && fact.direction === 'contract',
    );
    expect(startedAt).toBeGreaterThan(0);
    world.append(
      { kind: 'command started', direction: 'contract', marker: 'd1 contract 0' },
      'command started d1 contract 0',
    );
    expect((await play(world)).outcome).toBe('unfinished');
    expect(world.started).not.toContain(CONTRACT);
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('look at the database') });
  });

  it('that was not run has destroyed nothing, and one whose end was kept is not looked for again', async () => {
    const world = approving(worldWith());
    const { run } = world.oneOffs;
    world.oneOffs.run = async ask =>
      ask.command === CONTRACT ? { kind: 'not run', why: 'it would have run on v43, not v42' } : run(ask);
    expect((await play(world)).outcome).toBe('unfinished');
    expect(destroyed(world.deploy())).toBe(false);
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('Nothing of it was run.') });
    const died = new Set<string>();
    const killed = approving(worldWith());
    killed.oneOffs.resume = async () => ({ kind: 'unclear', why: 'its dyno is gone' });
    const append = killed.append.bind(killed);
    killed.append = (fact, key) => {
      append(fact, key);
      // Right after it was kept, once for each direction.
      if (fact.kind === 'schema changed' && !died.has(fact.direction)) killed.killAt = killed.calls + 1;
      if (fact.kind === 'schema changed') died.add(fact.direction);
    };
    expect((await play(killed)).outcome).toBe('succeeded');
  });

  it('runs on the newest release of its code', async () => {
    const world = approving(worldWith());
    const releases: number[] = [];
    const { run } = world.oneOffs;
    world.oneOffs.run = ask => {
      releases.push(ask.release);
      // Somebody sets a config var.
      if (ask.command === EXPAND) world.releases.push(release(43, 'new', { current: true }));
      return run(ask);
    };
    await play(world);
    expect(releases).toEqual([42, 43]);
  });

  it('shows on the card what its plan command prints, with our verdicts', async () => {
    const world = approving(worldWith({ prints: () => ['ALTER TABLE hats DROP COLUMN price;'] }, { plan: SHOW }));
    expect((await play(world)).outcome).toBe('succeeded');
    const asked = world.facts.find(fact => fact.kind === 'approval asked');
    const deploy = { ...world.deploy(), plan: { ...plan, ...world.plan, approvers: [] } };
    const card = JSON.stringify(asked && replyTo(asked, deploy)?.message);
    expect(card).toContain('ALTER TABLE hats DROP COLUMN price');
    expect(card).toContain('Destroys');
    expect(world.started).toEqual([EXPAND, SHOW, SHOW, CONTRACT]);
  });

  it.each([
    ['DROP INDEX CONCURRENTLY hats_at;', []],
    ['ALTER TABLE hats DROP a; UPDATE hats SET b = 1;', []],
    ['BEGIN; DROP INDEX CONCURRENTLY hats_at; COMMIT;', ['CONCURRENTLY cannot run inside a transaction (25001).']],
    [
      'BEGIN; ALTER TABLE hats DROP a; UPDATE hats SET b = 1; COMMIT;',
      ['This takes long while the transaction keeps everybody out of `hats`.'],
    ],
  ])('does not claim of a command what holds for our own transactions: %s', async (sql, claims) => {
    const world = approving(worldWith({ prints: () => [sql] }, { plan: SHOW }));
    await play(world);
    const planned = world.facts.find(fact => fact.kind === 'migrations planned');
    const text = JSON.stringify(planned);
    for (const claim of claims) expect(text).toContain(claim);
    expect(text.includes('25001')).toBe(claims.some(claim => claim.includes('25001')));
    expect(text.includes('takes long')).toBe(claims.some(claim => claim.includes('takes long')));
    expect(text).not.toContain('15 s');
  });

  /** Each plan command but from the `heard`th on is one that a killed bot left: only the log tells that it ended. */
  const lostUntil = (heard: number): World => {
    const world = approving(worldWith({ prints: () => ['DROP TABLE wigs;'] }, { plan: SHOW }));
    const { run } = world.oneOffs;
    let shown = 0;
    world.oneOffs.run = ask => {
      if (ask.command !== SHOW || ++shown >= heard) return run(ask);
      ask.onLine('DROP TABLE');
      return Promise.resolve({ kind: 'exited', code: 0, told: 'by log' });
    };
    return world;
  };

  it('runs its plan command once more when what that printed went to a bot that was killed', async () => {
    const world = lostUntil(3);
    expect((await play(world)).outcome).toBe('succeeded');
    const planned = world.facts.find(fact => fact.kind === 'migrations planned');
    expect(JSON.stringify(planned)).toContain('DROP TABLE wigs');
    expect(JSON.stringify(planned)).not.toContain('could not be shown');
  });

  it('says that what it does could not be shown, when its output is lost each time', async () => {
    const world = lostUntil(Number.POSITIVE_INFINITY);
    await play(world);
    const planned = JSON.stringify(world.facts.find(fact => fact.kind === 'migrations planned'));
    expect(planned).toContain('could not be shown: `bin/rails db:sql` ended, but what it printed was lost');
  });

  it('shows no value of a config var, neither in its SQL nor in what it printed when it failed', async () => {
    const sql = () => [`UPDATE hats SET till = '${CONFIG.TILL}';`, "ALTER ROLE till PASSWORD 'hunter2';"];
    const before = () => [...sql(), 'before: the old one of it'];
    const world = approving(worldWith({ prints: before, breaks: CONTRACT }, { plan: SHOW }));
    world.configSeen = [{ name: 'BEFORE', value: 'the old one of it' }];
    expect((await play(world)).outcome).toBe('unfinished');
    const facts = JSON.stringify(world.facts);
    expect(facts).not.toMatch(/first line of it|hunter2|the old one/);
    for (const kept of ["UPDATE hats SET till = '[TILL]'", "ALTER ROLE till PASSWORD '•••'"]) {
      expect(facts.split(kept).length, kept).toBeGreaterThan(2);
    }
  });

  it('is asked anew when the plan command prints something else before it runs', async () => {
    let prints = 0;
    const world = approving(worldWith({ prints: () => [`DROP TABLE hats_${Math.min(3, ++prints)};`] }, { plan: SHOW }));
    expect((await play(world)).outcome).toBe('succeeded');
    expect(kinds(world).filter(kind => kind === 'approval asked').length).toBeGreaterThan(1);
    expect(world.started.filter(command => command === CONTRACT)).toHaveLength(1);
  });

  it('shows in its plan when each runs, and what to mind', () => {
    const commands = { expand: EXPAND, contract: CONTRACT, plan: null };
    const migrations = pendingCommands(plan.commit.sha, commands, []);
    const steps = stepsWith({ expand: true, contract: true, byCommand: true });
    const warnings = commandWarnings(commands, 'web: puma\nrelease: bin/rails db:migrate\n');
    const shown = JSON.stringify(
      planShown({ id: 'p1', plan: { ...plan, migrations, steps, warnings }, place: null, gate: OPEN }),
    );
    for (const part of [
      '3. Release',
      '4. Expand the schema',
      '5. New dynos boot',
      'once it is released',
      'known only when it runs',
      'booting must not need what it adds',
      'The Procfile also has a `release:` command',
    ]) {
      expect(shown).toContain(part);
    }
  });

  it('has its steps told in their order', async () => {
    const world = approving(worldWith());
    await play(world);
    const states = stepsOf(world.deploy()).map(({ step, state }) => `${step}: ${state}`);
    expect(states.slice(2, 5)).toEqual(['Release: done', 'Expand the schema: done', 'New dynos boot: done']);
  });
});
