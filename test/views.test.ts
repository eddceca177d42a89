import { describe, expect, it } from 'vitest';
import type { Fact } from '../src/domain/deploy.ts';
import { ourFault, refused } from '../views/answers.ts';
import type { Message } from '../views/blocks.ts';
import { plainBlocks } from '../views/plain.ts';
import { planChanged, planShown } from '../views/plan.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { ANN, type DeployName, deployOf, deploys, OPEN, plan } from './sample-deploys.ts';

/** What a person reads, in order: all texts of all blocks. */
const readable = (message: { blocks: readonly object[] }): string =>
  plainBlocks(message)
    .blocks.flatMap(block => texts(block))
    .join('\n');

function texts(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'text' && typeof inner === 'string' ? [inner] : texts(inner),
  );
}

const buttons = (message: Message): string[] =>
  message.blocks.flatMap(block =>
    block.type === 'actions'
      ? block.elements.flatMap(element => (element.type === 'button' ? [element.text.text] : []))
      : [],
  );

const thread = (name: DeployName): { fact: Fact['kind']; headline: string; words: string; broadcast: boolean }[] =>
  deploys[name].facts.flatMap(fact => {
    const reply = replyTo(fact, deploys[name]);
    if (!reply) return [];
    const words = readable(reply.message);
    return [{ fact: fact.kind, headline: words.split('\n')[0] ?? '', words, broadcast: reply.broadcast }];
  });

const last = (name: DeployName) => {
  const told = thread(name).at(-1);
  if (!told) throw new Error(`nothing was told of ${name}`);
  return told;
};

describe('the plan', () => {
  it('says what is deployed, in which order, how long it takes and how it is proved', () => {
    const read = readable(planShown({ id: 'p1', plan, place: null, gate: OPEN }));
    expect(read).toContain('`c0ffee12` Show the basket on every page (Ann)');
    expect(read).toContain('*2 new commits* since v41');
    expect(read).toContain(
      '1. Upload the source\n2. Build: the last one took 1 min 10 s\n3. Release\n4. New dynos boot: 2 web',
    );
    expect(read).toContain('in about 4 min 10 s');
    expect(read).toContain('`X-Heroku-Release-Version` at `/`');
    expect(read).toContain('10 new ones in a row');
    expect(buttons(planShown({ id: 'p1', plan, place: null, gate: OPEN }))).toEqual(['Start', 'Not now']);
  });

  it('Start names the plan, and asks again only when commits would be lost', () => {
    const start = (behind: number) =>
      JSON.stringify(
        planShown({ id: 'p1', place: null, gate: OPEN, plan: { ...plan, changes: { commits: [], total: 0, behind } } }),
      );
    expect(start(0)).toContain('"value":"p1"');
    expect(start(0)).not.toContain('"confirm"');
    expect(start(3)).toContain('Take 3 commits away from shop?');
  });

  it('lists ten commits and counts the rest', () => {
    const commits = Array.from({ length: 10 }, (_, i) => ({
      sha: `${i}`.repeat(40),
      subject: `Change ${i}`,
      author: 'Ann',
    }));
    const read = readable(
      planShown({ id: 'p1', place: null, gate: OPEN, plan: { ...plan, changes: { commits, total: 25, behind: 0 } } }),
    );
    expect(read).toContain('Change 9');
    expect(read).toContain('and 15 more');
  });

  it('one that changed says what changed before it is shown anew', () => {
    const read = readable(
      planChanged({ id: 'p2', plan, place: null, gate: OPEN }, ['main moved from aaaaaaaa to c0ffee12.']),
    );
    expect(read).toMatch(/\*Not started\.\*[\s\S]*main moved from aaaaaaaa to c0ffee12\.[\s\S]*What will happen/);
    expect(JSON.stringify(planChanged({ id: 'p2', plan, place: null, gate: OPEN }, []))).toContain('"value":"p2"');
  });
});

describe('answers to one person', () => {
  it('a refusal gives every reason', () => {
    expect(readable(refused(['Preboot is off.', 'Web is basic.']))).toMatch(
      /2 reasons[\s\S]*Preboot is off\.[\s\S]*Web is basic\./,
    );
  });

  it('a refusal may name whom to ask', () => {
    expect(refused(['Ask <@U0ANN>.']).text).toBe('Ask <@U0ANN>.');
  });

  it('an error of ours is owned, named and followed by what to do', () => {
    expect(ourFault('e42').text).toMatch(/our fault.*e42.*Try again/);
  });
});

describe('the root message', () => {
  it.each<[DeployName, RegExp]>([
    ['building', /^shop: building `c0ffee12`\. Old code \(v41\) serves everybody\./],
    [
      'old code still serving',
      /^shop: old code is still serving\. v41 serves everybody; v42 .* expected about <!date\^\d+\^\{time_secs\}\|12:04:15 UTC>/,
    ],
    ['new code serves', /^shop: new code serves\. v42 serves everybody since/],
    ['corrected', /^shop: old code answers again\. .*treat the switch as not done/],
    ['crashed', /^shop: new code crashed\. web\.1 of v42 crashed/],
    ['not proved', /^shop: a person must look\. It could not be proved that v42 serves/],
    ['succeeded', /^shop is deployed/],
    ['rolled back unseen', /^shop was rolled back/],
    ['superseded', /^Another release took the place/],
  ])('%s: its sentence says so', (name, sentence) => {
    expect(rootMessage(deploys[name]).text).toMatch(sentence);
  });

  it.each<[DeployName, string[]]>([
    ['building', ['Cancel']],
    ['old code still serving', ['Roll back']],
    ['new code serves', ['Go back to v41…']],
    ['not proved', ['It serves', 'Roll back']],
    ['old code not proved gone', ['Old code is gone', 'Go back to v41…']],
    ['rolling back', []],
    ['succeeded', ['Go back to v41…']],
  ])('%s: the buttons are %j', (name, labels) => {
    expect(buttons(rootMessage(deploys[name]))).toEqual(labels);
  });

  it('has a card for each step, with its state', () => {
    const block = rootMessage(deploys['old code still serving']).blocks.find(({ type }) => type === 'plan');
    expect(block).toMatchObject({
      tasks: [
        { title: 'Upload the source', status: 'complete' },
        { title: 'Build', status: 'complete' },
        { title: 'Release', status: 'complete' },
        { title: 'New dynos boot', status: 'complete' },
        { title: 'Old code still serving', status: 'in_progress' },
        { title: 'New code serves', status: 'pending' },
        { title: 'Old code gone', status: 'pending' },
      ],
    });
  });

  it('has the same in lines for a workspace without cards', () => {
    const plain = plainBlocks(rootMessage(deploys['old code still serving']));
    expect(JSON.stringify(plain)).not.toContain('task_card');
    expect(readable(plain)).toContain(':hourglass_flowing_sand: *Old code still serving* (now): v41 serves everybody');
  });

  it('ends as the receipt', () => {
    const read = readable(rootMessage(deploys.succeeded));
    for (const said of [
      'Who: <@U0ANN>',
      '5 min 1 s in all',
      'released as v42, after v41',
      'Count what is in the basket (Bob)',
      '*Proved by probe*: 14 answers in a row over fresh connections, in 2.6 s, all came from v42.',
      'served on for 3 min 2 s after the release',
      '1 failed, the slowest took 412 ms',
      'no failed request was logged',
      '*Build* (done): c0ffee12 in 1 min 7 s',
    ]) {
      expect(read).toContain(said);
    }
  });

  it('shows trouble of our own until something goes well again', () => {
    expect(readable(rootMessage(deploys['in trouble']))).toContain('Attempt 2: Heroku answered 503.');
    const facts = deploys['in trouble'].facts.map(fact => [0, fact] as const);
    const over = deployOf([...facts, [20, { kind: 'built', slug: 's', release: 'r' }]]);
    expect(readable(rootMessage(over))).not.toContain('Heroku answered 503');
  });
});

describe('the thread', () => {
  it('a deploy that succeeds is told in three replies, of which only the announcement goes to the channel', () => {
    expect(thread('succeeded').map(({ headline, broadcast }) => [headline, broadcast])).toEqual([
      [':hourglass_flowing_sand: *Old code is still serving: v41 answers everybody*', false],
      [':large_green_circle: *New code serves: shop runs v42*', true],
      [':white_check_mark: *Old code is gone: only v42 of shop is left*', false],
    ]);
  });

  it('the announcement mentions the starter and names its evidence, the window and the worst of the probes', () => {
    const { words } = last('new code serves');
    expect(words).toContain(`<@${ANN}>`);
    expect(words).toContain('*Proved by probe*: 14 answers in a row over fresh connections, in 2.6 s');
    expect(words).toContain('Old code (v41) served on for 3 min 2 s');
    expect(words).toContain('1 failed, the slowest took 412 ms');
  });

  it('an announcement that was too early is corrected where it was read, and made again', () => {
    expect(
      thread('serves again')
        .slice(-2)
        .map(({ headline, broadcast }) => [headline, broadcast]),
    ).toEqual([
      [':warning: *Correction: shop still answers with old code*', true],
      [':large_green_circle: *New code serves again: shop runs v42*', true],
    ]);
    expect(last('corrected').words).toContain('that was too early');
  });

  it('a failed build shows its last lines, and that old code serves as before', () => {
    const { words } = last('build failed');
    expect(words).toContain('npm ERR! Missing script');
    expect(words).toContain('v41 serves as before');
    expect(words).not.toContain('<!channel>');
  });

  it('at most twenty lines of an output are shown, and they are the last', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`);
    const deploy = deployOf([[1, { kind: 'build failed', lines }]]);
    const read = readable(replyTo(deploy.facts[0]!, deploy)!.message);
    expect(read).toContain('line 11\n');
    expect(read).not.toContain('line 10\n');
    expect(read).toContain('line 30\n');
  });

  it('a crash says that it goes back, then until when that surely comes in time', () => {
    const [, crashed, back] = thread('rolling back');
    expect(crashed?.words).toContain('web.1 of v42 crashed after it had started');
    expect(crashed?.words).toContain('All 40 answers so far came from v41');
    expect(back?.words).toContain(
      'It is asked for in time: the last safe moment was <!date^1795435436^{time_secs}|12:03:56 UTC>',
    );
  });

  it('past the last safe moment it says that users may see new code', () => {
    expect(thread('rollback refused').find(({ fact }) => fact === 'rollback intended')?.words).toContain(
      '*users may see v42*',
    );
  });

  it('users saw nothing only when nothing shows otherwise', () => {
    expect(last('rolled back unseen').words).toContain('*Users saw nothing of v42, as far as could be seen*');
    expect(last('rolled back too late').words).toContain('*Users may have met v42*: 4 of 184 answers');
    expect(last('rolled back too late').words).toContain('H10 × 3');
    expect(last('rolled back too late').words).not.toContain('saw nothing');
  });

  it('another release in the window is told with who made it', () => {
    expect(last('superseded').words).toContain('bob@example.com released v43 (Deploy 1234567)');
    expect(last('superseded').broadcast).toBe(true);
  });

  it('what could not be proved is asked, with what is known and where to look', () => {
    expect(last('not proved').words).toMatch(
      /None of 410 answers[\s\S]*https:\/\/shop\.example\.com\/[\s\S]*\*It serves\*/,
    );
    expect(last('old code not proved gone').words).toContain('*Old code is gone*');
  });

  it('trouble is told once a stage, not once an attempt', () => {
    expect(thread('in trouble')).toHaveLength(1);
  });

  it('an end that the thread told already is not told twice', () => {
    for (const name of [
      'succeeded',
      'build failed',
      'rolled back unseen',
      'superseded',
      'ended on a word',
      'rollback refused',
    ] as const) {
      expect(
        thread(name).map(({ fact }) => fact),
        name,
      ).not.toContain('ended');
    }
    expect(last('nobody answered').fact).toBe('ended');
    expect(last('stopped').fact).toBe('ended');
  });

  it('a reply says the same whatever happened since', () => {
    const { facts } = deploys.succeeded;
    for (const fact of facts) {
      const then = { ...deploys.succeeded, facts: facts.filter(({ seq }) => seq <= fact.seq) };
      expect(replyTo(fact, deploys.succeeded)).toEqual(replyTo(fact, then));
    }
  });

  it.each(['web.1 crashed', 'It failed, so it went back.'])('a way back ends its reason once: %s', why => {
    const [asked, fact] = deployOf([
      [1, { kind: 'rollback asked', by: null, why }],
      [2, { kind: 'rollback intended', newest: 42, safeUntil: 0, to: plan.live }],
    ]).facts;
    const deploy = { ...deploys.succeeded, facts: [asked, fact].filter(known => known !== undefined) };
    const told = JSON.stringify(fact && replyTo(fact, deploy));
    expect(told).toContain(`${why.replace(/\.$/, '')}.`);
    expect(told).not.toContain('..');
  });
});
