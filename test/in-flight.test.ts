import { expect, it } from 'vitest';
import { HerokuRefused } from '../src/outside.ts';
import { crash, good, plan, play, release, World } from './recipe-world.ts';

// A call that was cut off by a kill may be carried out seconds later, when the successor has looked for it already.

const back = { id: 'r40', version: 40, gone: null, config: [], candidates: [] };
const SERVES = good.slice(0, 4);
/** Where it is made twice, the second one serves too. */
const worlds = {
  'a build': { call: 'startBuild', made: ['Switchover d1', 'Deploy new'], world: () => new World({ 42: [...good] }) },
  'a rollback of bad code': {
    call: 'rollBack',
    made: ['Switchover d1', 'Deploy new', 'Rollback to v41'],
    world: () => new World({ 42: [...crash], 43: [...SERVES], 44: [...SERVES] }),
  },
  'going back as planned': {
    call: 'rollBack',
    made: ['Rollback to v40'],
    world: () => Object.assign(new World({ 42: [...good], 43: [...good] }), { plan: { ...plan, back } }),
  },
} as const;

/** Whoever asks first dies of it. Heroku does it so many ms later, or before it is asked again, which it then `refuses`. */
function isLate(world: World, call: 'startBuild' | 'rollBack', ms: number, refuses = false): void {
  const { heroku, time } = world;
  const { pass } = time;
  const ask = heroku[call] as (...asked: unknown[]) => Promise<unknown>;
  let late: (() => Promise<unknown>) | null = null;
  let [asks, passed] = [0, 0];
  const arrive = async (): Promise<void> => {
    const act = late;
    late = null;
    await act?.();
  };
  time.pass = async (asked, signal) => {
    if (late) passed += asked;
    if (passed >= ms) await arrive();
    return pass(asked, signal);
  };
  Reflect.set(heroku, call, async (...asked: unknown[]) => {
    if (++asks > 1) {
      await arrive();
      if (refuses) throw new HerokuRefused(409, 'conflict', 'It is under way already.');
      return ask(...asked);
    }
    late = () => ask(...asked);
    world.killAt = world.calls + 1;
    return world.touch(() => {});
  });
}

const CASES = Object.entries(worlds).flatMap(([what, { call, made, world }]) =>
  [10_000, 20_000].map(ms => ({ what, ms, call, made, world })),
);

it.each(CASES)('$what is asked for once, though Heroku makes it $ms ms after the kill', async given => {
  const world = given.world();
  isLate(world, given.call, given.ms);
  await play(world);
  const made = [...world.builds, ...world.releases.slice(1)].map(({ description }) => description);
  expect(made).toEqual(given.made);
});

it.each(Object.entries(worlds))(
  '%s that is refused because it is under way by then is taken for that',
  async (_, given) => {
    const world = given.world();
    isLate(world, given.call, 60_000, true);
    expect(['succeeded', 'rolled back']).toContain((await play(world)).outcome);
    const made = [...world.builds, ...world.releases.slice(1)].map(({ description }) => description);
    expect(made).toEqual(given.made);
  },
);

it('a rollback is not asked for again where others released while it was looked for', async () => {
  const world = new World({ 42: [...crash], 43: [...SERVES], 44: [...SERVES] });
  const { heroku, time } = world;
  const { pass } = time;
  let asks = 0;
  // The first who asks dies of it, and Heroku never does it.
  heroku.rollBack = async (...asked) => {
    if (++asks > 1) throw new Error(`asked again: ${asked[1]}`);
    world.killAt = world.calls + 1;
    return world.touch(() => release(0, 'none'));
  };
  time.pass = async (ms, signal) => {
    if (asks === 1 && world.releases.length === 2) world.releases.push(release(43, 'else', { by: 'jo' }));
    return pass(ms, signal);
  };
  expect((await play(world)).outcome).toBe('superseded');
  expect(asks).toBe(1);
});
