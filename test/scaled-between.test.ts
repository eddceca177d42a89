import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../src/domain/log-line.ts';
import { phaseOf } from '../src/domain/phase.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, type Goal, type Observation } from '../src/domain/watch.ts';
import { crash, good, play, World } from './recipe-world.ts';
import { goal, t } from './switchover-world.ts';

// Somebody, or a scaler, changes the number of web dynos after the plan was made, in which there were two.

type When = 'build asked' | 'built' | 'released' | 'rollback intended';

/** Scales web at a moment of the deploy: right after that fact is kept. */
function scaled(at: When, to: number, phases = { 42: [...good] }, world = new World(phases)): World {
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    if (fact.kind === at) world.formation = [{ type: 'web', quantity: to }];
  };
  return world;
}

async function goalsOf(world: World, kills: number[] = []): Promise<Goal[]> {
  const goals: Goal[] = [];
  const { follow } = world.watcher;
  world.watcher.follow = ask => {
    goals.push(ask.goal);
    return follow(ask);
  };
  await play(world, kills);
  return goals;
}

/** What is waited for, whichever call the bot is killed at. */
async function always(worldOf: () => World, expected: Partial<Goal>, ours = 42): Promise<void> {
  const rehearsal = worldOf();
  await play(rehearsal);
  for (let kill = 1; kill <= rehearsal.calls; kill++) {
    const goals = (await goalsOf(worldOf(), [kill])).filter(goal => goal.ours === ours);
    expect(goals.length).toBeGreaterThan(0);
    for (const goal of goals) expect(goal, `killed at ${kill}`).toMatchObject(expected);
  }
}

describe('the web dynos that must go', () => {
  it('are those that there are at the release: more of them since the plan', () =>
    always(() => scaled('build asked', 3), { oldWeb: ['web.1', 'web.2', 'web.3'], web: 3 }));

  it('are still all that there may have been when somebody takes some away while it is built', () =>
    always(() => scaled('build asked', 1), { oldWeb: ['web.1', 'web.2'], web: 1 }));

  it('are not the new ones of a bot that was killed after the release, and comes back to fewer', () =>
    always(
      () => {
        const world = new World({ 42: [...good] });
        const { heroku } = world;
        const { releaseEnded } = heroku;
        heroku.releaseEnded = async (...ask) => {
          world.formation = [{ type: 'web', quantity: 1 }];
          return releaseEnded(...ask);
        };
        return world;
      },
      { oldWeb: ['web.1', 'web.2'], web: 1 },
    ));

  it('stay those of the release when somebody scales after it', () =>
    always(() => scaled('released', 5), { oldWeb: ['web.1', 'web.2'], web: 2 }));

  it('of a rollback are counted when it is asked for', () =>
    always(
      () => scaled('released', 3, { 42: [...crash], 43: good.slice(3) } as never),
      { oldWeb: ['web.1', 'web.2', 'web.3'], web: 3 },
      43,
    ));
});

const line = (ms: number, event: object): Observation => ({
  ...{ kind: 'line', at: t(ms) },
  event: { ...event, at: t(ms) } as LogEvent,
});
const answer = (ms: number, release: number): Observation => ({
  ...{ kind: 'answer', sentAt: t(ms), receivedAt: t(ms + 20), status: 200, version: { release } },
});
const opened = (ms: number): Observation => ({ kind: 'log opened', at: t(100), oldest: t(ms) });
const releases: Observation = {
  ...{ kind: 'releases', at: t(300) },
  releases: [{ version: 42, slug: 'new', status: 'succeeded', by: 'bot', what: 'Deploy', at: t(0) }],
};
const stopped = (ms: number, dyno = 'web.3') => [
  line(ms, { kind: 'state', dyno, from: 'up', to: 'down' }),
  line(ms + 5, { kind: 'sigterm', dyno }),
];
const started = (ms: number) => [line(ms, { kind: 'state', dyno: 'web.3', from: 'down', to: 'starting' })];
const dynos = (ms: number): Observation => ({
  ...{ kind: 'dynos', at: t(ms) },
  dynos: ['web.1', 'web.2'].map(name => ({ name, type: 'web', state: 'up', release: 42 })),
});
const switched = [
  ...[dynos(4_000), releases, answer(179_900, 41)],
  ...Array.from({ length: 15 }, (_, i) => answer(180_000 + i * 200, 42)),
  ...['web.1', 'web.2'].flatMap(dyno => [
    line(183_500, { kind: 'sigterm', dyno }),
    line(184_000, { kind: 'exited', dyno, status: 143 }),
  ]),
  dynos(185_000),
];

describe('a third web dyno that was there before the release', () => {
  const phase = (...before: Observation[]) =>
    phaseOf([...before, ...switched].reduce(observe, beginWatch({ ...goal, oldWeb: ['web.1', 'web.2', 'web.3'] })));

  it('is not waited for when the log shows that it was stopped before', () => {
    expect(phase(opened(-600_000), ...stopped(-60_000))).toMatchObject({
      kind: 'old gone',
      dynos: ['web.1', 'web.2'],
    });
  });

  it.each<[string, Observation[]]>([
    ['the log does not show it', [opened(-600_000)]],
    ['it was started again', [opened(-600_000), ...stopped(-60_000), ...started(-30_000)]],
    ['the log has a gap since then', [opened(-600_000), ...stopped(-60_000), line(-30_000, { kind: 'gap' })]],
    ['it was stopped when the release was made, or after it', [opened(-600_000), ...stopped(500)]],
    [
      'a restart had left another one, which is hidden',
      [opened(-600_000), line(-90_000, { kind: 'restarting', dyno: 'web.3' }), ...stopped(-60_000)],
    ],
  ])('is waited for when %s', (_, before) => {
    expect(phase(...before).kind).toBe('new serves');
  });
});
