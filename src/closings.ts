import { randomBytes } from 'node:crypto';
import { type Barred, closedByADeploy, whyNotOpen } from './closing-moves.ts';
import type { AppSettings } from './domain/app.ts';
import type { Closing } from './domain/closing.ts';
import { type App, mayAdminister, who } from './domain/permission.ts';
import { Refusal, sentence, withoutMentions } from './domain/refusal.ts';
import type { Heroku, Migrator } from './outside.ts';
import type { Closings, Ledger } from './team.ts';

const PAGE_WITHIN_MS = 5_000;
const LONGEST_MINUTES = 24 * 60;

type Parts = {
  closings: Closings;
  ledger: Pick<Ledger, 'app' | 'running' | 'deploy'>;
  heroku: Heroku;
  migrator: Pick<Migrator, 'holders'>;
  /** Gives the status of a page, or throws. */
  page: (url: string, signal: AbortSignal) => Promise<number>;
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

/**
 * What came of asking to open an app: it is opened, was open, or should not be now, which must be said yes to. `closing`: the
 * one that is meant; null: somebody closed it without this bot.
 */
export type Opening =
  | { kind: 'opening' }
  | { kind: 'is open' }
  | { kind: 'barred'; why: Barred; closing: string | null };

/** Maintenance mode on a person's word. */
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
    // One that is being opened, and is not proved to be, gives way to this.
    if (open?.wanted === 'closed')
      throw new Refusal([
        `<@${open.by}> has closed ${name} already: ${sentence(withoutMentions(open.reason))} \`/maintenance ${name} status\` shows it; *15 minutes more* on its message keeps it closed for longer.`,
      ]);
    if (known.maintenance && !open) {
      throw new Refusal([`${name} is closed already, and not by this bot. \`/maintenance ${name} off\` opens it.`]);
    }
    const id = `m${randomBytes(5).toString('hex')}`;
    const workers = formation.filter(({ type, quantity }) => type !== 'web' && quantity > 0);
    const hasWorkers = workers.length > 0;
    await closings.ask({ id, app: name, by: user, reason, channel: app.channel, minutes, hasWorkers });
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
    const open = await closings.open(asked.app);
    if (open?.wanted === 'closed') throw new Refusal([`${asked.app} was closed by somebody else meanwhile.`]);
    // Its end would open what this would have told people to be closed.
    if (await closedByADeploy(this.#parts.ledger, asked.app)) {
      throw new Refusal([
        `Your deploy of ${asked.app} has closed it meanwhile, and opens it when it is through. Ask again after that.`,
      ]);
    }
    const change = { wanted: 'closed', wantedNow: true, longer: asked.minutes } as const;
    const closing = await closings.change(id, change, { only: 'asked', insteadOf: open?.id });
    if (!closing || closing.endedAt !== null) throw new Refusal(['This was closed and opened again already.']);
    return closing;
  }

  /**
   * Opens what this bot closed, or what somebody closed without it; while somebody is at its schema only `anyway`: they
   * were told, and know better. `closing`: only that one, or (null) only what was closed without it. `request` names what was typed or pressed, once.
   */
  async open(
    settings: AppSettings,
    ask: { user: string; request: string; closing?: string | null; anyway?: boolean },
  ): Promise<Opening> {
    const { user, request, closing, anyway = false } = ask;
    const { closings, heroku, ledger } = this.#parts;
    const deploy = await closedByADeploy(ledger, settings.name);
    if (deploy) {
      throw new Refusal([
        `The deploy of <@${deploy.startedBy}> has closed ${settings.name} while its schema changes, and opens it itself. If it failed half-way, its card in the thread asks what to do.`,
      ]);
    }
    const known = await closings.open(settings.name);
    // The button of an old message does not open what was closed since.
    if (closing !== undefined && closing !== (known?.id ?? null)) throw new Refusal([notThatOne(known)]);
    if (!known && !(await heroku.app(settings.name)).maintenance) return { kind: 'is open' };
    const why = anyway ? null : await whyNotOpen(this.#parts, settings.name);
    if (why) return { kind: 'barred', why, closing: known?.id ?? null };
    if (known) {
      // Also where it was told so before: who says so sees that it is closed.
      const again = known.wanted === 'open' ? { told: null, lateNow: false } : {};
      await closings.change(known.id, { wanted: 'open', wantedNow: true, openedBy: user, ...again }, { request });
      return { kind: 'opening' };
    }
    const id = `m${randomBytes(5).toString('hex')}`;
    const reason = 'Somebody closed it without this bot.';
    const { name: app, channel } = settings;
    await closings.ask({ id, app, by: user, reason, channel, minutes: null, hasWorkers: true });
    await closings.change(id, { wanted: 'open', wantedNow: true, openedBy: user }, { request });
    return { kind: 'opening' };
  }

  /** Longer, by so many minutes from now or from its end. */
  async extend(id: string, minutes: number, request: string): Promise<Closing> {
    const { closings } = this.#parts;
    const known = await closings.get(id);
    if (known?.wanted !== 'closed' || known.endedAt !== null) throw new Refusal(['It is open again already.']);
    const change = { longer: minutes, remindedNow: false, barredNow: false };
    const extended = await closings.change(id, change, { request, only: 'closed' });
    if (extended?.wanted !== 'closed' || extended.endedAt !== null) throw new Refusal(['It is open again already.']);
    return extended;
  }

  async stopWorkers(id: string): Promise<void> {
    const changed = await this.#parts.closings.change(id, { stopWorkers: true, idleNow: false });
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

const notThatOne = (now: Closing | null): string =>
  now === null
    ? 'It is open again already.'
    : `Nothing was opened: since that was asked <@${now.by}> has closed ${now.app} anew: ${sentence(withoutMentions(now.reason))} *Open now* on its message opens it.`;
