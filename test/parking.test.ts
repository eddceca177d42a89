import { describe, expect, it } from 'vitest';
import { park } from '../src/parking.ts';
import { Run } from '../src/run.ts';
import { replyTo } from '../views/reply.ts';
import { World } from './recipe-world.ts';
import { deployOf } from './sample-deploys.ts';

const parked = [3, { kind: 'parked', stage: 'Sell hats' }] as const;
const begun = [
  [0, { kind: 'started', by: 'U0ANN' }],
  [1, { kind: 'uploaded', url: 'https://example.com/source', bytes: 1 }],
  [2, { kind: 'build started', build: 'b1' }],
] as const;

const cardOf = (deploy: ReturnType<typeof deployOf>): string => {
  const fact = deploy.facts.find(({ kind }) => kind === 'parked');
  return JSON.stringify(fact && replyTo(fact, deploy));
};

describe('a deploy at a stage that this version of the bot does not know', () => {
  it('does nothing until somebody ends it there, and is told once however often it is killed', async () => {
    const world = new World({});
    world.presses = [
      { after: 'parked', kind: 'roll back' },
      { after: 'parked', kind: 'end here', by: 'U2' },
    ];
    const stopping = new AbortController();
    const killed = new Run(world.deploy(), world.journal, {} as never, stopping.signal);
    const first = park('Sell hats')(killed);
    stopping.abort(new Error('killed'));
    await expect(first).rejects.toThrow('killed');
    const run = new Run(
      world.deploy(),
      world.journal,
      { watcher: world.watcher } as never,
      new AbortController().signal,
    );
    expect(await park('Sell hats')(run)).toEqual({ end: 'stopped' });
    expect(world.facts.map(({ kind }) => kind)).toEqual(['parked', 'ended']);
    expect(world.clicks[0]?.answer).toContain('does not know how it goes on');
    expect(world.calls).toBeGreaterThan(0);
  });

  it('is asked about on a card, with what is done and what is not', () => {
    const card = cardOf(deployOf([...begun, parked]));
    expect(card).toContain('This bot cannot go on with the deploy of shop');
    expect(card).toMatch(/Done\*: Upload the source\..*Not done\*: Build, Release, New dynos boot/);
    expect(card).toContain('End it here');
    expect(card).toContain('"broadcast":true');
  });

  it('has a card without buttons once another version went on with it', () => {
    const card = cardOf(deployOf([...begun, parked, [9, { kind: 'built', slug: 's', release: 'r' }]]));
    expect(card).toContain('went on');
    expect(card).not.toContain('End it here');
  });

  it('keeps its buttons while the database gives trouble', () => {
    const trouble = { kind: 'trouble', stage: 'Sell hats', error: 'Connection terminated', attempt: 1 } as const;
    const card = cardOf(deployOf([...begun, parked, [9, trouble]]));
    expect(card).toContain('This bot cannot go on');
    expect(card).toContain('End it here');
  });

  it('is asked about anew where it went on and came back to that stage', async () => {
    const world = new World({});
    const parkedOnce = async (): Promise<void> => {
      const run = new Run(world.deploy(), world.journal, {} as never, AbortSignal.abort(new Error('killed')));
      await expect(park('Sell hats')(run)).rejects.toThrow('killed');
    };
    await parkedOnce();
    await world.journal.append(world.deploy().id, { kind: 'build asked' }, 'build asked');
    await parkedOnce();
    await parkedOnce();
    expect(world.facts.map(({ kind }) => kind)).toEqual(['parked', 'build asked', 'parked']);
  });
});
