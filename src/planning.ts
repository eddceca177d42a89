import { randomBytes } from 'node:crypto';
import type { Deploy } from './domain/deploy.ts';
import { lockRefusals } from './domain/lock.ts';
import type { App } from './domain/permission.ts';
import { fingerprint, type Plan, type Preflight, preflight } from './domain/plan.ts';
import { Refusal } from './domain/refusal.ts';
import { type Objections, type Place, placeBehind } from './domain/turn.ts';
import { archivedReason } from './domain/unheard.ts';
import { usualSeconds } from './domain/usual.ts';
import type { Locking } from './locking.ts';
import { gather, type Sources } from './situation.ts';
import { gatherBack } from './situation-back.ts';
import { type Gate, gateOf, type Starting } from './starting.ts';
import type { Directory, Ledger, StoredPlan } from './team.ts';

/** So many of the last deploys. */
const TIMED_BY = 20;

export type Planned = { id: string; plan: Plan; place: Place | null; gate: Gate };

/** `maintenance`: behind a closed page. */
export type Mode = { maintenance?: boolean | undefined };

type Parts = {
  ledger: Ledger;
  locking: Locking;
  sources: Sources;
  directory: Pick<Directory, 'isArchived'>;
  starting: () => Pick<Starting, 'gate' | 'frozen'>;
};

/** What a deploy would do, asked of the world as it is now. */
export class Planning {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A deploy of the ref. Throws a Refusal with every reason against it. */
  async of(app: App, wish: { ref: string | null } & Mode, user: string): Promise<Plan> {
    const asked = { ...wish, ref: wish.ref ?? app.defaultRef };
    return this.#ready(this.#judge(app, asked, user, await this.#isNext(app)), app, user);
  }

  /** Going back to a release, or to the newest one of other code (null). */
  async back(app: App, wish: { version: number | null } & Mode, user: string): Promise<Plan> {
    return this.#ready(this.#judgeBack(app, wish, user, await this.#isNext(app)), app, user);
  }

  /** What was shown, planned anew. */
  again(app: App, { back, ref, maintenance }: Pick<Plan, 'back' | 'ref' | 'maintenance'>, user: string): Promise<Plan> {
    return back
      ? this.back(app, { version: back.version, maintenance }, user)
      : this.of(app, { ref, maintenance }, user);
  }

  /** The very commit or release of a plan whose turn has come; it is told where it was begun. */
  async atItsTurn(
    app: App,
    { back, commit, ref, maintenance, channel, ...seen }: Plan,
    user: string,
  ): Promise<Preflight> {
    const judged = back
      ? await this.#judgeBack(app, { version: back.version, maintenance }, user, true)
      : await this.#judge(app, { ref: commit.sha, maintenance }, user, true);
    if (judged.kind !== 'ready') return judged;
    // Who started it does not do away with the second pair of eyes that was promised then.
    return { ...judged, plan: { ...judged.plan, ref, channel, fourEyes: seen.fourEyes || judged.plan.fourEyes } };
  }

  /**
   * What the bot's own store has against a deploy right when it begins: reasons, and the oldest release that fits the schema.
   * Hours may have passed since it was started or approved, with no bot there.
   */
  async notNow({ id, plan, startedBy }: Deploy): Promise<Objections> {
    const { ledger, locking, starting } = this.#parts;
    const settings = await ledger.app(plan.app);
    const [floor, locks, frozen] = await Promise.all([
      ledger.schemaFloor(plan.app),
      locking.on({ name: plan.app }),
      settings && starting().frozen(settings, id),
    ]);
    const locked = lockRefusals(locks, startedBy);
    if (locked.length > 0) await locking.wait(startedBy, plan.app);
    return { floor, reasons: frozen ? [...locked, frozen] : locked };
  }

  /** Stores what is shown, so that Start can name it; `due` (ms) when it is for later. */
  async keep(
    app: App,
    plan: Plan,
    { user, channel, due = null }: { user: string; channel: string; due?: number | null },
  ): Promise<Planned> {
    const { ledger, starting } = this.#parts;
    const stored: StoredPlan = { id: newId(), plan, digest: fingerprint(plan), askedBy: user, channel, due };
    const [running, before] = await Promise.all([
      ledger.running(plan.app),
      starting().gate(app),
      ledger.savePlan(stored),
    ]);
    return { id: stored.id, plan, place: placeBehind(running, Date.now()), gate: gateOf(before, app, plan) };
  }

  async #judge(
    app: App,
    { ref, maintenance = false }: { ref: string } & Mode,
    asker: string,
    isNext: boolean,
  ): Promise<Preflight> {
    const { ledger, sources, locking } = this.#parts;
    const [held, locks] = await Promise.all([ledger.held(app.name), locking.on(app)]);
    return this.#timed(preflight(await gather(sources, app, ref, { isNext, held, locks, asker, maintenance })));
  }

  async #judgeBack(
    app: App,
    { version, maintenance = false }: { version: number | null } & Mode,
    asker: string,
    isNext: boolean,
  ): Promise<Preflight> {
    const { ledger, sources, locking } = this.#parts;
    const [floor, locks] = await Promise.all([ledger.schemaFloor(app.name), locking.on(app)]);
    const situation = await gatherBack(sources, app, version, { isNext, floor, locks, asker, maintenance });
    return 'refused' in situation ? { kind: 'refused', reasons: situation.refused } : this.#timed(preflight(situation));
  }

  /** What is said of its length comes from the app's own last deploys. */
  async #timed(judged: Preflight): Promise<Preflight> {
    if (judged.kind !== 'ready') return judged;
    const recent = await this.#parts.ledger.recent(judged.plan.app, TIMED_BY);
    return { ...judged, plan: { ...judged.plan, usualSeconds: usualSeconds(recent, judged.plan) } };
  }

  async #ready(judging: Promise<Preflight>, app: App, user: string): Promise<Plan> {
    const [judged, isArchived] = await Promise.all([judging, this.#parts.directory.isArchived(app.channel)]);
    if (judged.kind === 'ready' && !isArchived) return judged.plan;
    await this.#parts.locking.wait(user, app.name);
    const reasons = judged.kind === 'refused' ? judged.reasons : [];
    throw new Refusal(isArchived ? [...reasons, archivedReason(app)] : reasons);
  }

  async #isNext({ name }: App): Promise<boolean> {
    return (await this.#parts.ledger.running(name)).length === 0;
  }
}

/** Short enough to be read aloud: a letter and ten hex digits. */
const newId = (): string => `d${randomBytes(5).toString('hex')}`;
