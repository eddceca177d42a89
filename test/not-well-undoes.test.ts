import { expect, it } from 'vitest';
import { good, kinds, plan, play, settingAVar, World } from './recipe-world.ts';

// New code that would go back by itself, where that would undo what somebody sets while it is counted down.

/** Its smoke test has failed, which is not made again: nothing else complains. */
function worldOf(): World {
  const world = new World({ 42: [...good] });
  world.plan = { ...plan, autoRollback: true, smoke: [{ path: '/health', status: [204] }] };
  world.patient = false;
  return settingAVar(world);
}

/** Whether old code is gone by then is another matter. */
const told = (world: World): string[] => kinds(world).filter(kind => kind !== 'deploy: old gone');

it('a failed smoke test is asked about anew where going back would undo something, whatever is killed when', async () => {
  const rehearsal = worldOf();
  expect((await play(rehearsal)).outcome).toBe('failed');
  expect(told(rehearsal).slice(-5)).toEqual(['smoke test', 'not well', 'kept', 'not well', 'ended']);
  for (let kill = 1; kill <= rehearsal.calls; kill++) {
    const world = worldOf();
    expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('failed');
    expect(told(world), `killed at ${kill}`).toEqual(told(rehearsal));
    const asked = world.facts.findLast(({ kind }) => kind === 'not well');
    expect(asked, `killed at ${kill}`).toMatchObject({
      complaints: [{ now: '/health answered 200' }],
      ...{ backIn: null, config: ['v43: Set CHARGE_KEY config vars'] },
    });
  }
});
