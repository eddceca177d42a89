import { describe, expect, it } from 'vitest';
import { NotFound } from '../src/outside.ts';
import { replyTo } from '../views/reply.ts';
import { pending as closedPending, closedWorld } from './closed-world.ts';
import { ADD, closing, DROP, triedAgain } from './migrating-world.ts';
import { kinds, play, type World } from './recipe-world.ts';
import { plan } from './sample-deploys.ts';

// An app that is closed with half of its schema changed, and somebody has the rest tried again.

const LAST = '3_drop';
const REFUSED = { kind: 'refused', reason: 'It takes no more connections.' } as const;
/** Of an app that is closed for its migrations, and of one that is deployed behind a closed page. */
const WORLDS = {
  'for its migrations': () => closing({ breaks: LAST }),
  'for its deploy': () =>
    closedWorld({ breaks: LAST }, [
      closedPending(ADD, 'expand'),
      closedPending(DROP, 'contract'),
      closedPending(LAST, 'contract'),
    ]),
} as const;

/** From the moment it is tried again. */
const isAgain = (world: World): boolean => kinds(world).includes('closed app answered');

describe.each(Object.keys(WORLDS) as (keyof typeof WORLDS)[])('an app that was closed %s', how => {
  it.each<[string, (world: World) => void]>([
    [
      'are others by then',
      world => {
        const { run } = world.migrator;
        world.migrator.run = async ask =>
          isAgain(world) ? { kind: 'changed', problems: ['3_drop.js could not be read.'] } : run(ask);
      },
    ],
    [
      'cannot be had any more',
      world => {
        const { tarball } = world.source;
        world.source.tarball = async (...ask) => {
          if (isAgain(world)) throw new NotFound('acme/shop has no commit abc any more.');
          return tarball(...ask);
        };
      },
    ],
  ])('stays closed, and is asked about anew, when its migrations %s, whatever is killed when', async (_, happens) => {
    const world = () => {
      const made = triedAgain(WORLDS[how]());
      happens(made);
      return made;
    };
    const rehearsal = world();
    for (let kill = 0; kill <= rehearsal.calls; kill++) {
      const played = kill === 0 ? rehearsal : world();
      expect((await play(played, kill === 0 ? [] : [kill])).outcome, `killed at ${kill}`).toBe('unfinished');
      expect(played.applied, `killed at ${kill}`).toEqual([ADD, DROP]);
      expect(played.doors, `killed at ${kill}`).toEqual(['closed', 'open']);
      const opened = played.facts.findIndex(({ kind }) => kind === 'opened');
      const answers = played.facts.slice(0, opened).filter(({ kind }) => kind === 'closed app answered');
      expect(answers, `killed at ${kill}`).toMatchObject([{ what: 'try again' }, { what: 'open' }]);
    }
    expect(rehearsal.facts.findLast(({ kind }) => kind === 'migration failed')).toMatchObject({
      failure: { ran: false, file: expect.stringContaining(LAST) },
    });
  });
});

it('what an earlier try has left is not forgotten when the next one cannot begin', async () => {
  const world = triedAgain(closing());
  const { run } = world.migrator;
  world.migrator.run = async ask => {
    if (ask.digest !== 'digest') return run(ask);
    if (isAgain(world)) return REFUSED;
    const table = 'pgmigrations';
    const stays = { kind: 'left behind', error: 'no', wayOut: 'DROP INDEX CONCURRENTLY shop_price' } as const;
    const [first, second] = ask.files.map(({ name }) => ({ name, table }));
    if (!first || !second) throw new Error('There are two of them');
    return {
      kind: 'ran',
      files: [
        { ...first, outcome: { kind: 'applied', ms: 1 } },
        { ...second, outcome: stays },
      ],
    };
  };
  expect((await play(world)).outcome).toBe('unfinished');
  const failures = world.facts.flatMap(fact => (fact.kind === 'migration failed' ? [fact.failure] : []));
  expect(failures).toMatchObject([
    { stays: 'DROP INDEX CONCURRENTLY shop_price' },
    { stays: 'DROP INDEX CONCURRENTLY shop_price', ran: false, file: expect.stringContaining(LAST) },
  ]);
});

it.each([
  ['other', 'Nothing was released'],
  ['digest', 'New code serves everybody'],
])('where nothing had begun (%s) an app that is open is not said to be closed', async (digest, words) => {
  const world = closing();
  const { run } = world.migrator;
  world.migrator.run = async ask => (ask.digest === digest ? REFUSED : run(ask));
  await play(world);
  const failed = world.facts.find(fact => fact.kind === 'migration failed');
  const deploy = { ...world.deploy(), plan: { ...plan, ...world.plan } };
  const { text = '' } = (failed && replyTo(failed, deploy)?.message) ?? {};
  expect(text).toMatch(/was not run.*Nothing of it was run.*Mend it, push/s);
  expect(text).toContain(words);
  expect(text).not.toContain('closed page');
});

it('what was left and is done by now is not to be taken away', async () => {
  const world = triedAgain(closing());
  const { run } = world.migrator;
  let tries = 0;
  world.migrator.run = async ask => {
    if (ask.digest !== 'digest') return run(ask);
    const [first] = ask.files.map(({ name }) => ({ name, table: 'pgmigrations' }));
    if (!first) throw new Error('There are two of them');
    switch (++tries) {
      case 1:
        return {
          kind: 'ran',
          files: [
            { ...first, outcome: { kind: 'left behind', error: 'no', wayOut: 'DROP INDEX CONCURRENTLY shop_price' } },
          ],
        };
      case 2: {
        // Its end is recorded, and then the bot dies.
        const file = 'migrations/contract/2_drop.sql';
        world.append({ kind: 'migrated', direction: 'contract', file, seconds: 1 }, `migrated contract ${file}`);
        throw new Error('It died');
      }
      default:
        return REFUSED;
    }
  };
  expect((await play(world, [], () => {})).outcome).toBe('unfinished');
  const failures = world.facts.flatMap(fact => (fact.kind === 'migration failed' ? [fact.failure] : []));
  expect(failures).toMatchObject([
    { file: expect.stringContaining(DROP), stays: 'DROP INDEX CONCURRENTLY shop_price' },
    { file: expect.stringContaining(LAST), stays: null, ran: false },
  ]);
});
