import { describe, expect, it } from 'vitest';
import type { Deploy, FactBody } from '../src/domain/deploy.ts';
import { wayBack } from '../src/domain/readings.ts';
import { Refusal } from '../src/domain/refusal.ts';
import type { NotBegun } from '../src/domain/schedule.ts';
import { Presses } from '../src/presses.ts';
import type { Ledger } from '../src/team.ts';
import { cancelAnswer } from '../views/back.ts';
import { planShown } from '../views/plan.ts';
import { rootMessage } from '../views/root.ts';
import { deployForm, pressInstead } from '../views/thread-help.ts';
import { BoltRig } from './bolt-rig.ts';
import { closed } from './sample-closed.ts';
import { deployOf, deploys, OPEN, plan } from './sample-deploys.ts';
import { migrating } from './sample-migrations.ts';
import { validateBlocks } from './stage/slack/blocks.ts';

const after = (deploy: Deploy, ...facts: FactBody[]): Deploy => {
  const last = deploy.facts.at(-1);
  return {
    ...deploy,
    facts: [
      ...deploy.facts,
      ...facts.map((fact, i) => ({ ...fact, seq: (last?.seq ?? 0) + 1 + i, at: last?.at ?? '' })),
    ],
  };
};
const shown = (message: { blocks: readonly object[] }): string => JSON.stringify(message.blocks);
const waiting = migrating['waiting for an approval'];
const destroyed = after(waiting, { kind: 'migrated', direction: 'contract', file: '5.sql', seconds: 1 });

describe('the way back', () => {
  it.each<[string, Deploy, ReturnType<typeof wayBack>]>([
    ['in the window there is none: it is undone there', deploys['old code still serving'], null],
    ['when new code serves it is a plan', deploys['new code serves'], { kind: 'plan', version: 41 }],
    ['when it was announced too early there is none yet', deploys.corrected, null],
    ['while an approval waits it is a plan', waiting, { kind: 'plan', version: 41 }],
    [
      'while contract migrations run nobody can say',
      after(waiting, { kind: 'migrating', direction: 'contract' }),
      null,
    ],
    ['when they have run there is none', destroyed, { kind: 'none', version: 41 }],
    ['when it has ended well it is a plan', deploys.succeeded, { kind: 'plan', version: 41 }],
    ['of what was rolled back there is none', deploys['rolled back unseen'], null],
    ['of what others replaced there is none', deploys.superseded, null],
  ])('%s', (_, deploy, way) => {
    expect(wayBack(deploy)).toEqual(way);
  });

  it('is a button on the message, in the mode in which it was deployed, or the reason why not', () => {
    expect(shown(rootMessage(waiting))).toContain('"value":"shop 41"');
    expect(shown(rootMessage(destroyed))).not.toContain('plan-back');
    const facts = closed.succeeded.facts.filter(({ kind }) => kind !== 'migrated');
    expect(shown(rootMessage(closed.succeeded))).not.toContain('plan-back');
    expect(shown(rootMessage({ ...closed.succeeded, facts }))).toContain('"value":"shop 41 maintenance"');
    expect(shown(cancelAnswer('Too late.', waiting))).toMatch(/Too late\. .*go back to v41.*"plan-back"/);
    expect(shown(cancelAnswer('Too late.', destroyed))).toMatch(/no way back to v41 of shop.*mended in new code/);
    expect(shown(cancelAnswer('Rolling back.', deploys['old code still serving']))).not.toContain('plan-back');
  });
});

describe('calling off', () => {
  function presses(world: { running?: string[]; notBegun?: Partial<NotBegun>[]; last?: Deploy }) {
    const clicked: string[] = [];
    const off: string[] = [];
    const { running = [], notBegun = [], last } = world;
    const rows = running.map((startedBy, index) => ({ id: `d${index}`, app: 'shop', startedBy }));
    const made = new Presses({
      ledger: {
        running: async () => rows,
        runningDeploy: async (id: string) => rows.find(row => row.id === id) ?? null,
        leaveQueue: async () => false,
        addClick: async (id: string) => clicked.push(id) > 0,
        clickAnswer: async () => (clicked.length > 0 ? 'Called off.' : null),
        clickedDeploy: async () => null,
        isFirst: async () => true,
        deploy: async () => last ?? deploys.building,
        recent: async () => (last ? [last] : []),
      } as unknown as Ledger,
      access: { allowed: async () => ({}), press: async () => {} } as never,
      notBegun: async () => notBegun as NotBegun[],
      takeOff: async ({ id = '' }) => {
        off.push(id);
        return 'Taken off.';
      },
      news: async () => {},
    });
    return { presses: made, clicked, off };
  }
  const ask = { user: 'U0ANN', app: 'shop', id: '1' };

  it('means first what is the asker’s own, running or not begun, then what is anybody’s', async () => {
    const scheduled = { kind: 'scheduled', id: 's1', by: 'U0ANN' } as const;
    for (const [world, clicked, off] of [
      [{ running: ['U0BOB', 'U0ANN'], notBegun: [scheduled] }, ['d1'], []],
      [{ running: ['U0BOB'], notBegun: [scheduled] }, [], ['s1']],
      [{ running: ['U0BOB'], notBegun: [{ ...scheduled, by: 'U0EVE' }] }, ['d0'], []],
      [{ notBegun: [{ ...scheduled, by: 'U0EVE' }] }, [], ['s1']],
    ] as const) {
      const made = presses({
        ...world,
        running: [...('running' in world ? world.running : [])],
        notBegun: [...world.notBegun],
      });
      await made.presses.cancel(ask);
      expect([made.clicked, made.off]).toEqual([clicked, off]);
    }
  });

  it('of nothing that is open offers the way back from what was deployed last', async () => {
    const { calledOff } = await presses({ last: deploys.succeeded }).presses.cancel(ask);
    expect(calledOff).toBe(deploys.succeeded);
    await expect(presses({ last: deploys.superseded }).presses.cancel(ask)).rejects.toThrow(Refusal);
    await expect(presses({}).presses.cancel(ask)).rejects.toThrow('nothing to cancel');
  });

  it('of a deploy that has ended offers it too, and any other press says that it has ended', async () => {
    const { presses: made } = presses({ last: deploys.succeeded });
    expect(await made.click({ user: 'U0ANN', id: '1', deploy: 'd9', kind: 'roll back' })).toMatchObject({
      answer: 'This deploy has ended.',
      calledOff: deploys.succeeded,
    });
    await expect(made.click({ user: 'U0ANN', id: '1', deploy: 'd9', kind: 'run them' })).rejects.toThrow('has ended');
  });
});

describe('what a card asks', () => {
  const turn = deployOf([
    [0, { kind: 'started', by: 'U0ANN' }],
    [9, { kind: 'turn came' }],
    [10, { kind: 'planned again', plan, news: ['Web was 2.'] }],
  ]);

  it('can be pressed on the deploy’s own message too, but for what must be read first', () => {
    expect(shown(rootMessage(turn))).toMatch(/"go-on".*"cancel"/);
    expect(shown(rootMessage(turn)).match(/"cancel"/g)).toHaveLength(1);
    expect(shown(rootMessage(waiting))).not.toContain('"run-them');
  });

  it('is all in the menu of a message, as the card shows it', () => {
    const form = deployForm(waiting, 'C1');
    expect(shown(form)).toMatch(/DROP TABLE old_hats.*"run-them.*"hold".*"plan-back"/s);
    expect(validateBlocks(form.blocks, 'modal')).toEqual([]);
    for (const deploy of [turn, ...Object.values({ ...deploys, ...migrating, ...closed })]) {
      const { blocks } = deployForm(deploy, 'C1');
      expect(validateBlocks(blocks, 'modal')).toEqual([]);
      expect(JSON.stringify(blocks)).toMatch(/nothing to decide|"type":"button"/);
    }
  });

  it('is shown to whoever says it in the thread, to be pressed there', () => {
    expect(shown(pressInstead(waiting))).toMatch(/DROP TABLE old_hats.*"run-them/s);
    expect(pressInstead(deploys.building).text).toContain('No contract migrations wait');
  });
});

describe('a press in the menu of a message', () => {
  it('is answered in that form, and what it opens lies on top', async () => {
    const bench = new BoltRig();
    await bench.start();
    const pressed = (action_id: string, value: string) =>
      bench.interacts({
        type: 'block_actions',
        container: { type: 'view', view_id: 'V1' },
        view: { id: 'V1', type: 'modal', private_metadata: JSON.stringify({ channel: 'C1' }), state: { values: {} } },
        actions: [{ type: 'button', action_id, block_id: 'b', value, action_ts: '1.1' }],
      });
    const modes: unknown[] = [];
    bench.bot.planBack = async ({ maintenance }) => {
      modes.push(maintenance);
      return { id: 'p1', plan, place: null, gate: OPEN };
    };
    await pressed('plan-back', 'shop 41 maintenance');
    const answered = await bench.hears('/api/views.update');
    expect(answered.view_id).toBe('V1');
    const { blocks, private_metadata } = JSON.parse(String(answered.view));
    expect(blocks).toEqual(planShown({ id: 'p1', plan, place: null, gate: OPEN }).blocks);
    expect(JSON.parse(private_metadata)).toEqual({ channel: 'C1' });
    expect(modes).toEqual([true]);
    await pressed('hold', 'd1 c1');
    const pushed = JSON.parse(String((await bench.hears('/api/views.push')).view));
    const view = { ...pushed, id: 'V2', previous_view_id: 'V1' };
    const state = { values: { reason: { reason: { value: 'Why not' } } } };
    const { body } = await bench.interacts({ type: 'view_submission', view: { ...view, state } });
    expect(JSON.parse(body)).toEqual({ response_action: 'clear' });
    await bench.stop();
  });
});
