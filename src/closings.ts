import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { AppSettings } from './domain/app.ts';
import { type Closing, type Door, doorIn, nextMove } from './domain/closing.ts';
import { type Deploy, latest } from './domain/deploy.ts';
import { directDatabase } from './domain/direct-database.ts';
import { blockersInWords } from './domain/migration-outcome.ts';
import { type App, mayAdminister, who } from './domain/permission.ts';
import { Refusal } from './domain/refusal.ts';
import type { Heroku, Migrator, Prober } from './outside.ts';
import type { Closings, Ledger, Notice } from './team.ts';

/** Answers of the same kind, each over a connection of its own, before it is said what visitors see. */
const ANSWERS = 3;
const PAGE_WITHIN_MS = 5_000;
const LONGEST_MINUTES = 24 * 60;

type Parts = {
  closings: Closings;
  ledger: Pick<Ledger, 'app' | 'running' | 'deploy'>;
  heroku: Heroku;
  prober: Prober;
  migrator: Pick<Migrator, 'holders'>;
  /** Gives the status of a page, or throws. */
  page: (url: string, signal: AbortSignal) => Promise<number>;
  /** What is said when somebody migrates (`who`, in words) while the time of a closing is over. */
  barred: (closing: Closing, who: readonly string[], now: number) => Notice[];
  log: Pick<Logger, 'warn'>;
};

/** What closing an app would mean, for whoever is asked to confirm it. */
export type ClosingPlan = {
  id: string;
  app: string;
  minutes: number | null;
  reason: string;
  workers: readonly { type: string; quantity: number }[];
  /** The app's own closed page: not set, answers, or does not and why. */
  page: { kind: 'not set' } | { kind: 'answers' } | { kind: 'broken'; why: string };
};

export type DoorStatus = { app: string; closed: boolean; closing: Closing | null };

/** Maintenance mode on a person's word, driven by whichever process ticks. */
export class Doors {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Keeps the question, so that the yes to it is to what was shown. */
  async ask(app: App, ask: { user: string; channel: string; minutes: number | null; reason: string }) {
    const { closings, heroku } = this.#parts;
    const { name } = app;
    const { user, minutes, reason } = ask;
    if (minutes !== null && !(minutes >= 1 && minutes <= LONGEST_MINUTES)) {
      throw new Refusal([
        'An app can be closed for 1 minute to 24 hours: `for 15m`, `for 2h`. Leave it out for no end.',
      ]);
    }
    await this.#notDuringTheDeployOfAnother(app, user);
    const [open, known, formation, config] = await Promise.all([
      closings.open(name),
      heroku.app(name),
      heroku.formation(name),
      heroku.config(name),
    ]);
    if (open)
      throw new Refusal([
        `<@${open.by}> has closed ${name} already: ${open.reason} \`/maintenance ${name} status\` shows it.`,
      ]);
    if (known.maintenance) {
      throw new Refusal([`${name} is closed already, and not by this bot. \`/maintenance ${name} off\` opens it.`]);
    }
    const id = `m${randomBytes(5).toString('hex')}`;
    await closings.ask({ id, app: name, by: user, reason, channel: app.channel, minutes });
    const workers = formation.filter(({ type, quantity }) => type !== 'web' && quantity > 0);
    const plan: ClosingPlan = {
      id,
      app: name,
      minutes,
      reason,
      workers,
      page: await this.#page(config.MAINTENANCE_PAGE_URL),
    };
    return plan;
  }

  /** The yes. Pressing twice is pressing once. */
  async close(app: App, { user, id }: { user: string; id: string }): Promise<Closing> {
    const { closings } = this.#parts;
    const asked = await closings.get(id);
    if (!asked) throw new Refusal(['This question is not known any more. Ask again with `/maintenance`.']);
    if (asked.by !== user) throw new Refusal([`<@${asked.by}> was asked this, not you.`]);
    if (asked.wanted !== null) return asked;
    await this.#notDuringTheDeployOfAnother(app, user);
    if (await closings.open(asked.app)) throw new Refusal([`${asked.app} was closed by somebody else meanwhile.`]);
    const until = asked.minutes === null ? null : Date.now() + asked.minutes * 60_000;
    const closing = await closings.change(id, { wanted: 'closed', wantedNow: true, until });
    if (!closing) throw new Refusal(['This was closed and opened again already.']);
    return closing;
  }

  /** Opens what this bot closed, or what somebody closed without it. */
  async open(settings: AppSettings, user: string): Promise<'opening' | 'is open'> {
    const { closings, heroku, ledger } = this.#parts;
    const [running] = await ledger.running(settings.name);
    const deploy = running && (await ledger.deploy(running.id));
    if (deploy && latest(deploy, 'closing')?.byUs && !latest(deploy, 'opened')) {
      throw new Refusal([
        `The deploy of <@${deploy.startedBy}> has closed ${settings.name} while its schema changes, and opens it itself. If it failed half-way, its card in the thread asks what to do.`,
      ]);
    }
    const known = await closings.open(settings.name);
    if (known) {
      await closings.change(known.id, { wanted: 'open', wantedNow: true, openedBy: user });
      return 'opening';
    }
    if (!(await heroku.app(settings.name)).maintenance) return 'is open';
    const id = `m${randomBytes(5).toString('hex')}`;
    const reason = 'Somebody closed it without this bot.';
    await closings.ask({ id, app: settings.name, by: user, reason, channel: settings.channel, minutes: null });
    await closings.change(id, { wanted: 'open', wantedNow: true, openedBy: user });
    return 'opening';
  }

  /** Longer, by so many minutes from now or from its end. */
  async extend(id: string, minutes: number): Promise<Closing> {
    const { closings } = this.#parts;
    const known = await closings.get(id);
    if (known?.wanted !== 'closed' || known.endedAt !== null) throw new Refusal(['It is open again already.']);
    const until = Math.max(known.until ?? 0, Date.now()) + minutes * 60_000;
    const longer = await closings.change(id, { until, remindedNow: false, barredNow: false });
    if (!longer) throw new Refusal(['It is open again already.']);
    return longer;
  }

  async stopWorkers(id: string): Promise<void> {
    const changed = await this.#parts.closings.change(id, { stopWorkers: true });
    if (changed?.wanted !== 'closed') throw new Refusal(['It is open again already: the workers run.']);
  }

  async app(id: string): Promise<string> {
    const closing = await this.#parts.closings.get(id);
    if (!closing) throw new Refusal(['This closing is not known any more.']);
    return closing.app;
  }

  async status({ name }: AppSettings): Promise<DoorStatus> {
    const [closing, app] = await Promise.all([this.#parts.closings.open(name), this.#parts.heroku.app(name)]);
    return { app: name, closed: app.maintenance, closing };
  }

  /** Does what is next for each closing: to be called every few seconds, by any process. */
  async tick(): Promise<void> {
    const { closings, log } = this.#parts;
    const done: string[] = [];
    for (;;) {
      const closing = await closings.claim(done);
      if (!closing) return;
      done.push(closing.id);
      try {
        await this.#move(closing);
      } catch (err) {
        log.warn({ err, closing: closing.id }, 'A closing could not be brought on; trying again');
      } finally {
        await closings.free(closing.id);
      }
    }
  }

  async #move(closing: Closing): Promise<void> {
    const { closings, heroku } = this.#parts;
    const { id, app } = closing;
    const move = nextMove(closing, Date.now());
    switch (move.kind) {
      case 'open':
        return this.#openAtItsTime(closing);
      case 'tell':
        await heroku.setMaintenance(app, move.door === 'closed');
        return void (await closings.change(id, { told: move.door, toldNow: true, seen: null, lateNow: false }));
      case 'stop workers': {
        const formation = await heroku.formation(app);
        const workers = formation.filter(({ type, quantity }) => type !== 'web' && quantity > 0);
        if (workers.length === 0) return void (await closings.change(id, { stopWorkers: false }));
        // Kept first: a killed bot must know what to start again.
        await closings.change(id, { workers: workers.map(({ type, quantity }) => ({ type, quantity })) });
        return heroku.scale(
          app,
          workers.map(({ type }) => ({ type, quantity: 0 })),
        );
      }
      case 'start workers': {
        const formation = await heroku.formation(app);
        // What somebody has started since stays as it is.
        const stopped = closing.workers.filter(({ type }) =>
          formation.some(known => known.type === type && known.quantity === 0),
        );
        if (stopped.length > 0) await heroku.scale(app, stopped);
        return void (await closings.change(id, { workers: [] }));
      }
      case 'look': {
        const seen = await this.#see(app);
        if (seen === move.door) return void (await closings.change(id, { seen, seenNow: true }));
        if (move.late) await closings.change(id, { lateNow: true });
        return;
      }
      case 'remind':
        return void (await closings.change(id, { remindedNow: true }));
      case 'end':
        return void (await closings.change(id, { endedNow: true }));
      case 'rest':
        return;
      default:
        return move satisfies never;
    }
  }

  /** Nobody is let in to a half changed schema: while somebody migrates it stays closed, and people are asked. */
  async #openAtItsTime(closing: Closing): Promise<void> {
    const { closings, barred } = this.#parts;
    const who = await this.#migrating(closing.app);
    if (who.length === 0) {
      await closings.change(closing.id, { wanted: 'open', wantedNow: true });
      return;
    }
    await closings.change(closing.id, { barredNow: true });
    await closings.say(barred(closing, who, Date.now()));
  }

  /** Who is at the app's schema, in words: a deploy of ours that is not through with it, or anybody else. */
  async #migrating(app: string): Promise<string[]> {
    const { ledger, heroku, migrator } = this.#parts;
    const [running] = await ledger.running(app);
    const deploy = running && (await ledger.deploy(running.id));
    if (deploy && isAtTheSchema(deploy)) return [`the deploy of <@${deploy.startedBy}>`];
    const database = directDatabase(await heroku.config(app));
    const holders = database.kind === 'direct' ? await migrator.holders(database.url) : [];
    // What a connection calls itself must mention nobody.
    return holders.map(holder => blockersInWords([holder]).replaceAll('<', '‹'));
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

  async #notDuringTheDeployOfAnother(app: App, user: string): Promise<void> {
    const [running] = await this.#parts.ledger.running(app.name);
    if (!running || running.startedBy === user || mayAdminister(app, user)) return;
    throw new Refusal([
      `<@${running.startedBy}> is deploying ${app.name}: closed, it could not be proved which code serves. Ask them or an admin (${who(app, 'admin')}) to close it, or wait until its thread says that it ended.`,
    ]);
  }

  async #page(url: string | undefined): Promise<ClosingPlan['page']> {
    if (!url) return { kind: 'not set' };
    try {
      const status = await this.#parts.page(url, AbortSignal.timeout(PAGE_WITHIN_MS));
      return status < 400 ? { kind: 'answers' } : { kind: 'broken', why: `it answers ${status}` };
    } catch (error) {
      return { kind: 'broken', why: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Its contract migrations have begun, and are neither done nor taken back. */
function isAtTheSchema(deploy: Deploy): boolean {
  const began = deploy.facts.some(fact => fact.kind === 'migrating' && fact.direction === 'contract');
  return began && !deploy.facts.some(fact => fact.kind === 'schema changed' && fact.direction === 'contract');
}
