import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from './chance.ts';
import { troubleOn } from './faults.ts';
import { gather } from './gather.ts';
import { hasEnded, violations } from './invariants.ts';
import { strikeOn } from './kills.ts';
import { People } from './people.ts';
import { count, type Tally } from './tally.ts';
import { startWorld, type World } from './world.ts';

/** With nobody in its way none takes longer, once its turn has come: people are asked 3 min after a switch whose log was missed. */
const ENDED_WITHIN_MS = 420_000;
/** Trouble waits for the first deploys, but not longer. */
const BEGUN_WITHIN_MS = 30_000;
/** Nothing was said for so long: all is told. */
const QUIET_MS = 4_000;

/** One run: trouble for so long, then peace until every deploy has ended; what is left is judged. */
export async function tortureOnce(ask: {
  seed: number;
  troubleMs: number;
  /** Processes of the bot; by the seed when not given. */
  bots: number | null;
  /** The stages to strike in; all of them when not given. */
  aim: readonly string[] | null;
  tally: Tally;
  /** Where the transcript and the bots' logs go when something is violated; nowhere when not given. */
  keep: string | null;
  say: (text: string) => void;
}): Promise<void> {
  const { seed, tally, say } = ask;
  const chance = new Chance(seed);
  const isMixed = chance.of('versions').is(0.5);
  const processes = ask.bots ?? chance.of('bots').pick([1, 2, 2, 3, 3]);
  const world = await startWorld(processes);
  try {
    const { bots, standing, proxy } = world;
    await Promise.all(bots.all.slice(1).map(bot => bots.start(bot, 'same', () => true)));
    await bots.all[0]?.process.end('SIGKILL');
    for (const bot of bots.all) await bots.start(bot, 'same', () => true);
    const people = new People(world, chance.of('people'), tally.answers);
    let [troubled, answered] = [true, true];
    let until = Number.POSITIVE_INFINITY;
    const isOver = () => performance.now() > until;
    const answering = people.answerOn(
      () => !answered,
      () => troubled,
    );
    const tending = bots.tend(() => !answered);
    const working = people.workOn(isOver);
    // Where nothing goes on yet, nothing can be struck.
    for (const limit = performance.now() + BEGUN_WITHIN_MS; performance.now() < limit; await sleep(100)) {
      if (people.started.length >= 3) break;
    }
    until = performance.now() + ask.troubleMs;
    const [kills] = await Promise.all([
      strikeOn({ bots, standing, proxy, chance: chance.of('kills'), isMixed, aim: ask.aim, tally, isOver }),
      troubleOn(world, chance.of('faults'), tally, isOver),
      working,
    ]);
    troubled = false;
    const drainedFrom = performance.now();
    say(
      `seed ${seed}, ${processes} bots: ${kills} kills, ${people.started.length} of ${people.asked} deploys begun; waiting for their ends`,
    );
    // Whoever is to end what was left at a stage of the newer version must know it. Where there is one version only, they
    // stand as they are: what trouble did to them must pass by itself.
    for (const bot of isMixed ? bots.all : []) await bots.renew(bot);
    let limit = performance.now() + ENDED_WITHIN_MS;
    for (let left = people.left().length; left > 0 && performance.now() < limit; await sleep(200)) {
      const before = left;
      left = people.left().length;
      // Those of one app end one after the other.
      if (left < before) limit = performance.now() + ENDED_WITHIN_MS;
    }
    await allTold(world);
    answered = false;
    await Promise.all([answering, tending]);
    await untilOpen(world, people);
    await world.stopTraffic();
    const seen = await gather(world, people);
    const found = violations(seen);
    tally.visits += world.visits;
    for (const { id } of people.started) {
      const root = seen.posts.find(post => post.deploy === id && post.key === 'root');
      count(tally.outcomes, outcomeOf(root && hasEnded(root.last) ? root.last : undefined));
    }
    for (const violation of found) {
      tally.violations.push({ ...violation, seed });
      say(`VIOLATION, seed ${seed}: ${violation.check}: ${violation.what}`);
    }
    say(
      `seed ${seed}: ${found.length} violations, ended in ${((performance.now() - drainedFrom) / 1000).toFixed(0)} s`,
    );
    if (ask.keep && (found.length > 0 || people.left().length > 0))
      await keepAll(join(ask.keep, `seed-${seed}`), world, seen);
  } finally {
    tally.runs++;
    await world.stop();
  }
}

/** In the words of its root message. */
function outcomeOf(receipt: string | undefined): string {
  const head = receipt?.split('\n')[0] ?? '';
  const words = {
    'is deployed, its contract': 'deployed, contract not done',
    'is deployed': 'deployed',
    failed: 'failed',
    'was cancelled': 'cancelled',
    'was rolled back': 'rolled back',
    'Another release': 'superseded',
    'without proof': 'not proved',
    'was stopped': 'stopped',
  };
  return Object.entries(words).find(([part]) => head.includes(part))?.[1] ?? (receipt ? head : 'not ended');
}

async function allTold({ stage }: World): Promise<void> {
  for (const limit = performance.now() + 60_000; performance.now() < limit; await sleep(200)) {
    const last = stage.slack.calls.findLast(({ method }) => method.startsWith('chat.'));
    if (!last || Date.now() - Date.parse(last.at) > QUIET_MS) return;
  }
}

/** What people closed by a command they open; the bot then has its time for that. What a deploy closed it opens itself. */
async function untilOpen({ apps, stage }: World, { closures }: People): Promise<void> {
  const shut = new Set(closures.map(({ app }) => app));
  const ann = stage.slack.person('ann');
  for (const limit = performance.now() + 60_000; performance.now() < limit; await sleep(1_000)) {
    const closed = apps.filter(({ name, heroku }) => heroku.maintenance && shut.has(name));
    if (closed.length === 0) return;
    for (const { name } of closed) await ann.types(`/maintenance ${name} off`, { channel: name });
  }
}

async function keepAll(dir: string, { stage, bots }: World, seen: unknown): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'slack.txt'), stage.slack.transcript());
  await writeFile(join(dir, 'heroku.jsonl'), stage.heroku.calls.map(call => JSON.stringify(call)).join('\n'));
  await writeFile(join(dir, 'evidence.json'), JSON.stringify(seen, null, 1));
  for (const { name, process } of bots.all) await writeFile(join(dir, `${name}.jsonl`), process.log);
}
