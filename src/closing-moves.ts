import type { Logger } from 'pino';
import { type Closing, type Door, doorIn, isOverdue, type Move, nextMove } from './domain/closing.ts';
import type { Deploy, Fact } from './domain/deploy.ts';
import { directDatabase } from './domain/direct-database.ts';
import { blockersInWords } from './domain/migration-outcome.ts';
import { contractBegun, hasClosed } from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import type { Heroku, MayAct, Migrator, Prober } from './outside.ts';
import type { Closings, Ledger, Notice } from './team.ts';

// What a closing wants is brought about here, by whichever process of the bot comes by: each move looks at what is stored,
// does one thing, and stores that.

/** Answers of the same kind, each over a connection of its own, before it is said what visitors see. */
const ANSWERS = 3;
/** A claim is given up by others 45 s after it was made: what we do not do well before that we leave to them. */
const ACT_WITHIN_MS = 40_000;

type Parts = {
  closings: Closings;
  ledger: Pick<Ledger, 'app' | 'running' | 'deploy'>;
  heroku: Heroku;
  prober: Prober;
  migrator: Pick<Migrator, 'holders'>;
  /** What is said when the time of a closing is over, and it is not opened: somebody migrates (in words), or that is not known. */
  barred: (closing: Closing, why: Barred, now: number) => Notice[];
  /** False when this process may have been taken for gone: what it claimed is another one's by then. */
  sure: () => boolean;
  log: Pick<Logger, 'warn'>;
};

/** Why an app should not be opened now. */
export type Barred = { kind: 'migrating'; who: readonly string[] } | { kind: 'not known'; why: string };

/** Closes and opens apps as their stored closings want it, under a claim of 40 s a move; says when a time is over. */
export class ClosingMoves {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Does what is next for each closing: to be called every few seconds, by any process. */
  async tick(): Promise<void> {
    const { closings, sure, log } = this.#parts;
    const done: string[] = [];
    for (;;) {
      const claimedAt = performance.now();
      const claimed = await closings.claim(done);
      if (!claimed) return;
      const { closing, now } = claimed;
      done.push(closing.id);
      try {
        await this.#move(nextMove(closing, now), closing, now, async () => {
          if (performance.now() - claimedAt > ACT_WITHIN_MS || !sure()) throw new Error('The claim on it is too old');
          // Each call to Heroku may be a late retry, and somebody may have closed the app anew meanwhile.
          if (!(await closings.holds(closing.id))) throw new Error('Another process is at it, or it has ended');
        });
      } catch (err) {
        log.warn({ err, closing: closing.id }, 'A closing could not be brought on; trying again');
        // Nobody is to wait for an app to open that cannot be told to.
        const known = await closings.get(closing.id);
        if (known && isOverdue(known, now)) await closings.change(closing.id, { lateNow: true });
      } finally {
        await closings.free(closing.id);
      }
    }
  }

  async #move(move: Move, closing: Closing, now: number, mayAct: MayAct): Promise<void> {
    const { closings } = this.#parts;
    const { id, app } = closing;
    switch (move.kind) {
      case 'open':
        return this.#openAtItsTime(closing, now);
      case 'tell':
        return this.#tell(closing, move.door, now, mayAct);
      case 'stop workers':
      case 'start workers':
        try {
          await (move.kind === 'stop workers'
            ? this.#stopWorkers(closing, mayAct)
            : this.#startWorkers(closing, mayAct));
        } finally {
          await this.#move(move.meanwhile, closing, now, mayAct);
        }
        return;
      case 'look': {
        const seen = await this.#see(app);
        if (seen === move.door) return void (await closings.change(id, { seen, seenNow: true }));
        if (move.late) await closings.change(id, { lateNow: true });
        return;
      }
      case 'remind':
        return void (await closings.change(id, { remindedNow: true }));
      case 'count down':
        return void (await closings.change(id, { countedNow: true }));
      case 'end':
        return void (await closings.change(id, { endedNow: true }));
      case 'rest':
        return;
      default:
        return move satisfies never;
    }
  }

  async #tell(closing: Closing, door: Door, now: number, mayAct: MayAct): Promise<void> {
    const { closings, heroku } = this.#parts;
    const { id, app } = closing;
    const inTheWay = await this.#inTheWay(closing, door);
    // It was not Heroku that could not be told.
    if (inTheWay === 'migrates' && isOverdue(closing, now)) {
      return void (await closings.change(id, { lateNow: true, barredNow: true }));
    }
    if (inTheWay) return;
    await heroku.setMaintenance(app, door === 'closed', async () => {
      await mayAct();
      if (await this.#inTheWay(closing, door)) throw new Error('A deploy closes it or migrates just now');
    });
    // Closed in the same moment as this was, it is opened when that deploy is through: then it is told anew.
    if ((await this.#inTheWay(closing, door)) === 'has closed it') return;
    const changed = await closings.change(id, {
      ...{ told: door, toldNow: true, seen: null },
      ...(closing.told === door ? {} : { lateNow: false }),
    });
    // It was closed anew meanwhile: whose call came last is not known.
    const anew = changed ? null : await closings.open(app);
    if (anew) await closings.change(anew.id, { told: null });
  }

  /**
   * What a deploy does since that was wanted. One that has closed it opens it by itself when that is safe: also what was to stay
   * closed then. One that found it closed does not; but who had it opened was asked about older migrations only.
   */
  async #inTheWay({ app, wantedAt }: Closing, door: Door): Promise<'has closed it' | 'migrates' | null> {
    const deploys = await unended(this.#parts.ledger, app);
    if (deploys.some(hasClosed)) return 'has closed it';
    return door === 'open' && deploys.some(deploy => isAtTheSchema(deploy, wantedAt ?? 0)) ? 'migrates' : null;
  }

  async #stopWorkers({ id, app, workers }: Closing, mayAct: MayAct): Promise<void> {
    const { closings, heroku } = this.#parts;
    const formation = await heroku.formation(app);
    // What somebody starts after that is theirs: it would not be started again.
    const isOurs = (type: string): boolean => workers.length === 0 || workers.some(worker => worker.type === type);
    const run = formation.filter(({ type, quantity }) => type !== 'web' && quantity > 0 && isOurs(type));
    if (workers.length === 0 && run.length === 0) return void (await closings.change(id, { stopWorkers: false }));
    // Kept first: a killed bot must know what to start again.
    if (workers.length === 0)
      await closings.change(id, { workers: run.map(({ type, quantity }) => ({ type, quantity })) });
    if (run.length > 0) {
      return heroku.scale(
        app,
        run.map(({ type }) => ({ type, quantity: 0 })),
        mayAct,
      );
    }
    // Scaled to 0 they still have 30 s for what they were doing.
    const left = (await heroku.dynos(app)).some(({ type }) => workers.some(worker => worker.type === type));
    if (!left) await closings.change(id, { idleNow: true });
  }

  async #startWorkers({ id, app, workers }: Closing, mayAct: MayAct): Promise<void> {
    const { closings, heroku } = this.#parts;
    const formation = await heroku.formation(app);
    // What somebody has started since stays as it is.
    const stopped = workers.filter(({ type }) => formation.some(known => known.type === type && known.quantity === 0));
    if (stopped.length > 0) await heroku.scale(app, stopped, mayAct);
    await closings.change(id, { workers: [] });
  }

  /** Nobody is let in to a half changed schema: while somebody migrates it stays closed, and people are asked. */
  async #openAtItsTime(closing: Closing, now: number): Promise<void> {
    const { closings, barred } = this.#parts;
    const why = await whyNotOpen(this.#parts, closing.app);
    // While it was looked at somebody may have said that it stays closed for longer.
    const change = why ? { barredNow: true } : ({ wanted: 'open', wantedNow: true } as const);
    const changed = await closings.change(closing.id, change, { only: 'over' });
    if (why && changed?.barredAt !== closing.barredAt) await closings.say(barred(closing, why, now));
  }

  /** What visitors get, when several answers agree. */
  async #see(name: string): Promise<Door | null> {
    const { ledger, heroku, prober } = this.#parts;
    const [settings, app] = await Promise.all([ledger.app(name), heroku.app(name)]);
    const url = settings?.url ?? app.webUrl ?? `https://${name}.herokuapp.com/`;
    const probe = settings?.probe ?? { path: '/', header: 'X-Heroku-Release-Version' };
    const seen = new Set<Door | null>();
    for (let answer = 0; answer < ANSWERS; answer++) {
      seen.add(doorIn(await prober.ask(url, probe, AbortSignal.timeout(15_000))));
    }
    const [only = null] = seen;
    return seen.size === 1 ? only : null;
  }
}

/** All of them: which of them has the turn is not said by their order. */
async function unended(ledger: Pick<Ledger, 'running' | 'deploy'>, app: string): Promise<Deploy[]> {
  return Promise.all((await ledger.running(app)).map(({ id }) => ledger.deploy(id)));
}

/** The deploy that has closed the app itself, and has not opened it yet; null when there is none. */
export async function closedByADeploy(ledger: Pick<Ledger, 'running' | 'deploy'>, app: string): Promise<Deploy | null> {
  const deploys = await unended(ledger, app);
  return deploys.find(hasClosed) ?? null;
}

/** Why visitors should not be let in to an app now: somebody is at its schema, or that cannot be asked. Null when they may. */
export async function whyNotOpen(
  parts: Pick<Parts, 'ledger' | 'heroku' | 'migrator'>,
  app: string,
): Promise<Barred | null> {
  try {
    const who = await migrating(parts, app);
    return who.length > 0 ? { kind: 'migrating', who } : null;
  } catch (error) {
    return { kind: 'not known', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Who is at the app's schema, in words: a deploy of ours that is not through with it, or anybody else. */
async function migrating(
  { ledger, heroku, migrator }: Pick<Parts, 'ledger' | 'heroku' | 'migrator'>,
  app: string,
): Promise<string[]> {
  const deploy = (await unended(ledger, app)).find(deploy => isAtTheSchema(deploy));
  if (deploy) return [`the deploy of <@${deploy.startedBy}>`];
  const database = directDatabase(await heroku.config(app));
  const holders = database.kind === 'direct' ? await migrator.holders(database.url) : [];
  return holders.map(holder => withoutMentions(blockersInWords([holder])));
}

/**
 * Its contract migrations have begun, the last of them after `since` (ms), and are neither done nor put off: a failed one may
 * have left something.
 */
function isAtTheSchema(deploy: Deploy, since = 0): boolean {
  const begun = contractBegun(deploy);
  if (!begun || Date.parse(begun.at) < since) return false;
  return !deploy.facts.some(({ kind, seq }) => seq > begun.seq && THROUGH.includes(kind));
}

const THROUGH: readonly Fact['kind'][] = ['schema changed', 'migrations changed', 'held'];
