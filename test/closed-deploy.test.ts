import { describe, expect, it } from 'vitest';
import type { Fact } from '../src/domain/deploy.ts';
import { type PendingFile, whileClosed } from '../src/domain/gate.ts';
import { asOf } from '../src/domain/readings.ts';
import { afterAnswer, bootOf, isOpen, NOTHING_HEARD, notHeardToExit, type Row } from '../src/domain/reopening.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { HerokuRefused } from '../src/outside.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { stateOf } from '../views/state.ts';
import { ADD, closedWorld, DROP, isPutBack, meddled, pending, YES } from './closed-world.ts';
import { kinds, play, release, type World } from './recipe-world.ts';
import { closed } from './sample-closed.ts';

// Deploys in maintenance mode.

describe('a deploy in maintenance mode', () => {
  it('asks first, then closes, stops, builds, migrates, starts and opens, once, whatever is killed when', async () => {
    const rehearsal = closedWorld();
    rehearsal.presses = [YES];
    const { outcome, stages } = await play(rehearsal);
    expect(outcome).toBe('succeeded');
    expect(stages.slice(1)).toEqual([
      ...['Approval', 'Expand the schema', 'Upload the source', 'Close the app', 'Stop the dynos', 'Build', 'Release'],
      ...['Contract the schema', 'Start the dynos', 'Open again', 'Write the receipt'],
    ]);
    expect(rehearsal.scaled).toEqual(['web=0 worker=0', 'web=2 worker=1']);
    const told = kinds(rehearsal);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = closedWorld();
      world.presses = [YES];
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD, DROP]);
      expect(world.unguarded, `killed at ${kill}`).toEqual([ADD]);
      expect(world.builds, `killed at ${kill}`).toHaveLength(1);
      expect(isPutBack(world), `killed at ${kill}`).toBe(true);
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });

  it('leaves its dynos alone where nothing is destroyed', async () => {
    const world = closedWorld({}, []);
    const { outcome, stages } = await play(world);
    expect(outcome).toBe('succeeded');
    expect(stages).not.toContain('Stop the dynos');
    expect(world.scaled).toEqual([]);
    expect(world.doors).toEqual(['closed', 'open']);
  });

  it('starts what new code still has, and not the process types that it gave up', async () => {
    const world = closedWorld();
    world.presses = [YES];
    world.formation = [
      { type: 'web', quantity: 2 },
      { type: 'clock', quantity: 1 },
    ];
    const { startBuild } = world.heroku;
    world.heroku.startBuild = async (...ask) => {
      world.formation = world.formation.filter(({ type }) => type !== 'clock');
      return startBuild(...ask);
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.scaled).toEqual(['web=0 clock=0', 'web=2']);
  });

  it('destroys nothing while a dyno of old code runs, however it came to be', async () => {
    const world = closedWorld();
    world.presses = [YES];
    const dynos = world.dynos.bind(world);
    const job = { name: 'scheduler.1', type: 'scheduler', state: 'up', release: 41, createdAt: '' };
    world.dynos = () => (world.builds.length > 0 && world.releases.length < 3 ? [...dynos(), job] : dynos());
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.applied).toEqual([ADD]);
    expect(isPutBack(world)).toBe(true);
  });

  it('is asked its smoke test once it is open; one that fails is said, and nothing goes back by itself', async () => {
    const smoke = [{ path: '/health', status: [204] }];
    const world = closedWorld();
    world.presses = [YES];
    world.plan = { ...world.plan, smoke };
    const { outcome, stages } = await play(world);
    expect(outcome).toBe('failed');
    expect(stages.slice(-2)).toEqual(['Open again', 'Smoke test']);
    expect(isPutBack(world)).toBe(true);
    expect(world.facts.at(-1)).toMatchObject({
      why: expect.stringMatching(/shop is open.*: \/health answered 200\. Its migrations left no way back/),
    });
    const well = closedWorld({}, []);
    well.plan = { ...well.plan, smoke: [{ path: '/health', status: [200] }] };
    expect((await play(well)).outcome).toBe('succeeded');
    expect(kinds(well).slice(-3)).toEqual(['let in', 'smoke test', 'ended']);
  });

  it('whose smoke test failed is told aloud, after it was told to be open', () => {
    const deploy = closed['not what was wanted'];
    const told = deploy.facts.map(fact => replyTo(fact, deploy)).filter(reply => reply !== null);
    expect(told.slice(-2).map(({ message }) => message.text)).toEqual([
      expect.stringContaining('is open again'),
      expect.stringContaining('/health answered 500'),
    ]);
    expect(told.at(-1)?.broadcast).toBe(true);
    expect(JSON.stringify(rootMessage(closed['let in']))).not.toContain('closed page since');
  });

  it.each([
    ['the build fails', { buildFails: true }, 'failed', 1],
    ['the release phase fails', { releaseFails: true }, 'failed', 2],
    ['a migration fails of which nothing stays', { breaks: DROP }, 'rolled back', 3],
    ['the migrations are others by then', { changed: true }, 'stopped', 3],
  ] as const)('puts everything back when %s, whatever is killed when', async (_, trouble, ends, releases) => {
    const files = [pending(DROP, 'contract')];
    const rehearsal = closedWorld(trouble, files);
    rehearsal.presses = [YES];
    expect((await play(rehearsal)).outcome).toBe(ends);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = closedWorld(trouble, files);
      world.presses = [YES];
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe(ends);
      expect(isPutBack(world), `killed at ${kill}`).toBe(true);
      expect(world.applied, `killed at ${kill}`).toEqual([]);
      expect(world.releases.length, `killed at ${kill}`).toBeLessThanOrEqual(releases);
      expect(kinds(world).filter(kind => kind === 'ended' || kind === 'let in')).toEqual(['let in', 'ended']);
    }
  });

  it('goes back when new dynos crash, as long as nothing is destroyed', async () => {
    const world = closedWorld({ newCrash: true }, []);
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.releases.at(-1)).toMatchObject({ slug: 'old', current: true });
    expect(isPutBack(world)).toBe(true);
  });

  it('asks a person when they crash and there is no way back, and opens on their word only', async () => {
    const world = closedWorld({ newCrash: true });
    world.presses = [YES, { after: 'left closed', kind: 'open', by: 'U2' }];
    const { outcome } = await play(world);
    expect(
      kinds(world)
        .filter(kind => kind !== 'still closed')
        .slice(-5),
    ).toEqual(['left closed', 'closed app answered', 'opened', 'let in', 'ended']);
    expect(outcome).toBe('succeeded');
    expect(world.releases).toHaveLength(2);
    expect(isPutBack(world)).toBe(true);
  });

  /** Heroku takes the scaling down, and refuses to start dynos until somebody has answered so many cards. */
  function refusing(answers: number, files?: PendingFile[]): World {
    const world = closedWorld({}, files);
    const { scale } = world.heroku;
    world.heroku.scale = async (app, formation, mayAct) => {
      const answered = kinds(world).filter(kind => kind === 'closed app answered').length;
      if (answered < answers && formation.some(({ quantity }) => quantity > 0)) {
        throw new HerokuRefused(422, 'invalid_params', 'You have reached the limit of dynos.');
      }
      return scale(app, formation, mayAct);
    };
    return world;
  }

  it('asks a person when Heroku refuses to start its dynos, stays closed, and tries again on their word', async () => {
    const worldOf = () => {
      const world = refusing(1);
      world.presses = [YES, { after: 'left closed', kind: 'try again', by: 'U2' }];
      return world;
    };
    const rehearsal = worldOf();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = worldOf();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.doors, `killed at ${kill}`).toEqual(expect.arrayContaining(['closed', 'open']));
      const facts = world.facts.map(({ kind }) => kind);
      expect(facts.indexOf('opened'), `killed at ${kill}`).toBeGreaterThan(facts.indexOf('closed app answered'));
      expect(isPutBack(world), `killed at ${kill}`).toBe(true);
    }
    const down = rehearsal.facts.find(({ kind }) => kind === 'dynos down') as Fact;
    const told = replyTo(down, rehearsal.deploy())?.message.text;
    expect(told).toMatch(/Heroku refused to start the dynos of shop.*You have reached the limit of dynos\./);
    expect(told).toMatch(
      /v42 is released, and its contract migrations have run; its dynos are not started\. .*closed page still/,
    );
    const card = rehearsal.facts.find(({ kind }) => kind === 'left closed') as Fact;
    const then = asOf(rehearsal.deploy(), card.seq);
    const asked = { ...then, plan: { ...then.plan, approvers: ['U2'] } };
    expect(replyTo(card, asked)?.message.text).toMatch(/shop is closed: visitors are turned away\. .*limit of dynos/);
    expect(stateOf(asked).words).toContain('A person must say how it goes on');
  });

  it('asks too where it was put back and Heroku refuses to start the old code', async () => {
    const world = refusing(1);
    Object.assign(world.trouble, { buildFails: true });
    world.presses = [YES, { after: 'left closed', kind: 'try again', by: 'U2' }];
    expect((await play(world)).outcome).toBe('failed');
    expect(isPutBack(world)).toBe(true);
    const down = world.facts.find(({ kind }) => kind === 'dynos down') as Fact;
    expect(replyTo(down, world.deploy())?.message.text).toContain('Nothing was released, and nothing was destroyed');
  });

  it('opens it without them only for somebody who says so', async () => {
    const world = refusing(2);
    world.presses = [YES, { after: 'left closed', kind: 'open', by: 'U2' }];
    await play(world);
    expect(world.closed).toBe(false);
    expect(kinds(world).filter(kind => kind === 'left closed')).toHaveLength(1);
  });

  it('tries a half done migration again on a person’s word', async () => {
    const world = closedWorld({ breaks: '3_drop' }, [pending(DROP, 'contract'), pending('3_drop', 'contract')]);
    world.presses = [YES, { after: 'left closed', kind: 'try again', by: 'U2' }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([DROP, '3_drop']);
    expect(isPutBack(world)).toBe(true);
  });

  it('goes back when other code is in its release phase: ours would serve on a schema that it does not fit', async () => {
    const worldOf = () =>
      meddled(Object.assign(closedWorld(), { presses: [YES] }), 'released', [43, 'else', 'pending']);
    const rehearsal = worldOf();
    expect((await play(rehearsal)).outcome).toBe('stopped');
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = worldOf();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('stopped');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD]);
      expect(
        world.releases.find(({ current }) => current),
        `killed at ${kill}`,
      ).toMatchObject({ slug: 'old' });
      expect(isPutBack(world), `killed at ${kill}`).toBe(true);
    }
  });

  it('leaves the app to other code that is live by then, and asks whether that serves', async () => {
    const world = meddled(Object.assign(closedWorld(), { presses: [YES] }), 'released', [43, 'else']);
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.applied).toEqual([ADD]);
    expect(world.releases.at(-1)).toMatchObject({ slug: 'else', current: true });
    expect(world.facts.find(({ kind }) => kind === 'giving up')).toMatchObject({
      live: { release: 43, commit: 'commit of else' },
    });
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'let in', version: 43 }));
    expect(isPutBack(world)).toBe(true);
  });

  it('goes on where other code came and went: no dyno ran it', async () => {
    const world = meddled(Object.assign(closedWorld(), { presses: [YES] }), 'released', [43, 'else'], [44, 'new']);
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD, DROP]);
    expect(isPutBack(world)).toBe(true);
  });

  it('does not go on while a dyno of what came and went is there', async () => {
    const world = meddled(Object.assign(closedWorld(), { presses: [YES] }), 'released', [43, 'else'], [44, 'new']);
    const dynos = world.dynos.bind(world);
    const job = { name: 'run.7', type: 'run', state: 'up', release: 43, createdAt: '' };
    world.dynos = () => [...dynos(), ...(world.releases.length === 4 ? [job] : [])];
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.applied).toEqual([ADD]);
    expect(world.releases.at(-1)).toMatchObject({ slug: 'old', current: true });
    expect(isPutBack(world)).toBe(true);
  });

  it('is tried again after other code came and went, and not while that is live', async () => {
    const files = [pending(DROP, 'contract'), pending('3_drop', 'contract')];
    const world = closedWorld({ breaks: '3_drop' }, files);
    world.presses = [YES, { after: 'left closed', kind: 'try again', by: 'U2' }];
    meddled(world, 'left closed', [43, 'else'], [44, 'new']);
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([DROP, '3_drop']);
    const taken = closedWorld({ breaks: '3_drop' }, files);
    const append = taken.append.bind(taken);
    const answers = ['try again', 'open'] as const;
    taken.presses = [YES];
    taken.append = (fact, key) => {
      const before = taken.facts.length;
      append(fact, key);
      if (fact.kind !== 'left closed' || taken.facts.length === before) return;
      const cards = kinds(taken).filter(kind => kind === 'left closed').length;
      const kind = answers[cards - 1] ?? 'open';
      taken.clicks.push({ id: `card ${cards}`, kind, by: 'U2', at: '', about: null, reason: null });
      setImmediate(() => taken.wake());
    };
    meddled(taken, 'left closed', [43, 'else']);
    await play(taken);
    expect(kinds(taken).filter(kind => kind === 'left closed')).toHaveLength(2);
    expect(taken.applied).toEqual([DROP]);
  });

  it('begins nothing without the yes', async () => {
    const world = closedWorld();
    world.presses = [{ after: 'approval asked', kind: 'hold', by: 'U2', reason: 'Not today.' }];
    expect((await play(world)).outcome).toBe('cancelled');
    expect([world.doors, world.applied, world.builds]).toEqual([[], [], []]);
  });

  it('begins nothing with a yes that comes in a freeze or under a lock, and says why', async () => {
    const world = closedWorld();
    world.presses = [YES];
    world.patient = false;
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind === 'approval asked')
        world.notNow = { reasons: ['Nothing is deployed: Black Friday.'], floor: null };
    };
    expect((await play(world)).outcome).toBe('cancelled');
    expect(world.clicks[0]?.answer).toBe(
      'Not begun. Nothing is deployed: Black Friday. Press again when that is over, or hold it.',
    );
    expect([world.doors, world.applied, world.builds]).toEqual([[], [], []]);
  });

  it('is called off while it builds, and everything is put back', async () => {
    const world = closedWorld({ buildStays: true });
    world.presses = [YES, { after: 'build started', kind: 'cancel' }];
    expect((await play(world)).outcome).toBe('cancelled');
    expect(isPutBack(world)).toBe(true);
    expect(world.releases).toHaveLength(1);
  });

  it('does not touch an app that somebody closed', async () => {
    const world = closedWorld({}, []);
    world.closed = true;
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.doors).toEqual([]);
  });
});

describe('what people see of it', () => {
  const lines = (name: keyof typeof closed): string[] =>
    stepsOf(closed[name]).map(({ step, state }) => `${step}: ${state}`);

  it('is each step as it is', () => {
    expect(lines('building')).toEqual([
      ...['Approval: done', 'Upload the source: done', 'Close the app: done', 'Stop the dynos: done', 'Build: running'],
      ...['Release: pending', 'Contract the schema: pending', 'Start the dynos: pending', 'Open the app: pending'],
    ]);
    expect(new Set(lines('succeeded').map(line => line.split(': ')[1]))).toEqual(new Set(['done']));
    expect(lines('put back')).toEqual([
      ...['Approval: done', 'Upload the source: done', 'Close the app: done', 'Stop the dynos: done', 'Build: failed'],
      ...['Release: skipped', 'Contract the schema: skipped', 'Start the dynos: done', 'Open the app: done'],
    ]);
  });

  it('is how long it was closed, and what proved that it is open', () => {
    const receipt = JSON.stringify(rootMessage(closed.succeeded));
    expect(receipt).toMatch(/Closed for visitors: 1 min 52 s/);
    expect(receipt).toMatch(/Proved by the dyno list and boot lines.*Proved by probe/);
    expect(JSON.stringify(rootMessage(closed['put back']))).toContain('of web.2 only the dyno list says so');
  });

  it('is a card when it can neither go on nor back', () => {
    const { 'left closed': left } = Object.fromEntries(closed.stranded.facts.map(fact => [fact.kind, fact]));
    const card = left && replyTo(left, closed.stranded);
    expect(JSON.stringify(card)).toMatch(/its dynos do not come up \(web\.2 crashed.*Try again.*Open/s);
    expect(card?.broadcast).toBe(true);
  });
});

describe('migrations while an app is closed', () => {
  it('all run then, when one of them could not run before', () => {
    const [add, rename] = [pending(ADD, 'expand'), { ...pending(DROP, 'expand'), noSafePhase: true }];
    expect(whileClosed([add, rename]).map(({ phase }) => phase)).toEqual(['contract', 'contract']);
    expect(whileClosed([add])).toEqual([add]);
  });
});

describe('the dyno list and the log', () => {
  const dyno = (name: string, release: number, state = 'up') => ({
    ...{ name, type: name.split('.')[0] ?? '', state, release },
    createdAt: '2026-01-01T00:00:10.000Z',
  });
  const wanted = [{ type: 'web', quantity: 2 }];
  const at = Date.parse('2026-01-01T00:00:12.000Z');
  const goal = { wanted, release: 5, heard: { ...NOTHING_HEARD, ups: { 'web.1': [at], 'web.2': [at - 60_000] } } };

  it.each([
    ['too few', [dyno('web.1', 5)], { kind: 'booting', up: 1, of: 2, older: [] }],
    ['one that starts', [dyno('web.1', 5), dyno('web.2', 5, 'starting')], { kind: 'booting', up: 1 }],
    // Nothing that boots replaces it: waiting for its end would keep visitors out for as long as somebody types.
    ['an old console', [dyno('web.1', 5), dyno('web.2', 5), dyno('run.7', 4)], { kind: 'up', beside: ['run.7 (v4)'] }],
    ['an old dyno', [dyno('web.1', 5), dyno('web.2', 5), dyno('web.3', 4)], { kind: 'booting', older: ['web.3 (v4)'] }],
    ['a crash', [dyno('web.1', 5), dyno('web.2', 5, 'crashed')], { kind: 'crashed', dyno: 'web.2' }],
    ['all of it', [dyno('web.1', 5), dyno('web.2', 6)], { kind: 'up', dynos: ['web.1', 'web.2'], unheard: ['web.2'] }],
  ])('tell %s', (_, dynos, boot) => {
    expect(bootOf({ ...goal, dynos })).toMatchObject(boot);
  });

  it('tell who has exited only from the newest scaling on', () => {
    const heard = { scaledAt: at, ups: {}, exits: { 'web.1': at + 1, 'web.2': at - 1 } };
    expect(notHeardToExit(['web.1', 'web.2', 'worker.1'], heard)).toEqual(['web.2', 'worker.1']);
    expect(notHeardToExit(['web.1'], { ...heard, scaledAt: null })).toEqual(['web.1']);
  });
});

describe('answers after the opening', () => {
  const code = { release: 5, commit: 'abc' };
  const answer = (second: number, status = 200, version: { release: number } | null = { release: 5 }) => ({
    ...{ sentAt: second * 1000, receivedAt: second * 1000 + 10, status, version },
  });
  const rowOf = (answers: ReturnType<typeof answer>[]) =>
    answers.reduce<Row | null>((row, next) => afterAnswer(row, next, code), null);
  const good = Array.from({ length: 10 }, (_, second) => answer(second));

  it('prove it when there are enough of them, over a longer time than the routers need', () => {
    expect(isOpen(rowOf(good), 2)).toBe(true);
    expect(isOpen(rowOf(good.slice(1)), 2)).toBe(false);
    expect(isOpen(rowOf(good.map(({ sentAt }) => answer(sentAt / 10_000))), 2)).toBe(false);
  });

  it.each([
    ['the closed page', answer(5, 503, null)],
    ['an error', answer(5, 500)],
    ['old code', answer(5, 200, { release: 4 })],
  ])('begin anew after %s', (_, bad) => {
    expect(isOpen(rowOf([...good.slice(0, 5), bad, ...good.slice(5)]), 2)).toBe(false);
  });
});

describe('what others release while an app is closed', () => {
  /** A World in which jo releases other code when the deploy first gives up. */
  function mendedByHand(trouble: ConstructorParameters<typeof World>[1]): World {
    const world = closedWorld(trouble, []);
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind !== 'giving up' || world.releases.length > 2) return;
      for (const known of world.releases) known.current = false;
      world.releases.push(release(43, 'else', { by: 'jo@example.com', current: true }));
    };
    return world;
  }

  it('while its new dynos crash is opened as it is, and ends the deploy, whatever is killed when', async () => {
    const rehearsal = mendedByHand({ newCrash: true });
    await play(rehearsal);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = mendedByHand({ newCrash: true });
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('superseded');
      expect(isPutBack(world), `killed at ${kill}`).toBe(true);
      expect(world.facts.find(({ kind }) => kind === 'let in')).toMatchObject({ version: 43 });
      expect(world.releases).toHaveLength(3);
    }
    const [deploy, open] = [rehearsal.deploy(), rehearsal.facts.find(({ kind }) => kind === 'let in')];
    const said = open && replyTo(open as Fact, deploy);
    expect(said?.message.text).toContain('is open again, with what was released meanwhile (v43)');
  });
});
