import type { Access } from './access.ts';
import type { DoorStatus, Doors, Opening } from './closings.ts';
import type { Closing } from './domain/closing.ts';
import type { Deploy } from './domain/deploy.ts';
import { type App, askThem, mayDeploy } from './domain/permission.ts';
import { fingerprint, type Preflight } from './domain/plan.ts';
import { planChanges } from './domain/plan-changes.ts';
import { phaseFact } from './domain/readings.ts';
import { Refusal, withoutMentions } from './domain/refusal.ts';
import type { Place } from './domain/turn.ts';
import type { LockAnswer, Locking } from './locking.ts';
import { notBegun } from './not-begun.ts';
import { NotFound } from './outside.ts';
import { type Mode, type Planned, Planning } from './planning.ts';
import { Presses } from './presses.ts';
import type { AppStatus, CommitStatus, LiveStatus, Reports } from './reports.ts';
import { Scheduling } from './scheduling.ts';
import type { Sources } from './situation.ts';
import { gateOf, Starting } from './starting.ts';
import type { Directory, Ledger, Schedules, Starts, StoredPlan } from './team.ts';

/** What **15 minutes more** on a closed app gives. */
const EXTEND_MINUTES = 15;

export type Started = { kind: 'started'; deploy: string; channel: string; place: Place | null };
export type Asked = { kind: 'asked'; channel: string };
export type Changed = Planned & { kind: 'changed'; what: string[] };

type Wish = { user: string; channel: string; app: string } & Mode;
/** `id`: of the closing. `request` names the press, once. */
type DoorPress = { user: string; id: string; kind: 'extend' | 'stop workers'; request: string };

export type BotParts = {
  ledger: Ledger;
  access: Access;
  locking: Locking;
  starts: Starts;
  schedules: Schedules;
  directory: Pick<Directory, 'person' | 'isArchived'>;
  doors: Doors;
  reports: Reports;
  sources: Sources;
  /** Begins the run of a deploy that is in the ledger; beginning it twice is the same. */
  begin: (deploy: string, app: string) => Promise<void>;
  /** By the ledger's clock, ms. */
  now: () => number;
  /** Resolves when something happened to the deploy, at the latest after so many ms. */
  news: (deploy: string, ms: number) => Promise<void>;
};

/** The one door: what the team can ask for. Permission first; what is refused is thrown as a Refusal. */
export class Bot {
  readonly #parts: BotParts;
  readonly #starting: Starting;
  readonly #planning: Planning;
  readonly #scheduling: Scheduling;
  readonly #presses: Presses;

  constructor(parts: BotParts) {
    const { ledger, access, locking, sources, starts, schedules, directory, news } = parts;
    this.#parts = parts;
    this.#planning = new Planning({ ledger, locking, sources, directory, starting: () => this.#starting });
    this.#starting = new Starting({
      ...{ starts, ledger, access, now: parts.now },
      planNow: (app, shown, user) => this.#planning.again(app, shown.plan, user),
      begin: async (shown, user) => void (await this.#begin(shown, user)),
    });
    this.#scheduling = new Scheduling({ schedules, ledger, access, directory, start: ask => this.start(ask) });
    this.#presses = new Presses({
      ...{ ledger, access, news },
      notBegun: app => notBegun(parts, app),
      takeOff: ({ kind, id }, user) =>
        kind === 'asked' ? this.#starting.answer({ user, id, yes: false }) : this.#scheduling.cancel({ user, id }),
    });
  }

  /** The apps that this person may see, with everybody's roles. */
  visible(user: string): Promise<readonly App[]> {
    return this.#parts.access.visible(user);
  }

  /** Those who may add apps. */
  get admins(): readonly string[] {
    return this.#parts.access.admins;
  }

  /** What a deploy of the ref (the app's default one when null) would do; stored, so that Start can name it. */
  async plan(ask: Wish & { ref: string | null }): Promise<Planned> {
    const app = await this.#parts.access.allowed(ask.app, ask.user, ask.channel);
    const plan = await this.#planning.of(app, ask, ask.user);
    return this.#planning.keep(app, plan, ask);
  }

  /** The same for a time, as typed; of the very commit that is shown, wherever its branch goes. */
  async planAt(ask: Wish & { ref: string | null; at: string }) {
    const app = await this.#parts.access.allowed(ask.app, ask.user, ask.channel);
    const at = await this.#scheduling.moment(ask.user, ask.at);
    const gate = await this.#starting.gateAt(app, at);
    const plan = await this.#planning.of(app, ask, ask.user);
    const pinned = { ...plan, ref: plan.commit.sha };
    const planned = await this.#planning.keep(app, pinned, { ...ask, due: at });
    return { at, planned: { ...planned, gate: gateOf(gate, app, pinned) } };
  }

  /** Gives the time for which it is kept, ms. */
  schedule(ask: { user: string; plan: string }): Promise<number> {
    return this.#scheduling.keep(ask);
  }

  unschedule(ask: { user: string; id: string }): Promise<string> {
    return this.#scheduling.cancel(ask);
  }

  /** What going back to a release (the newest one of other code when null) would do; stored, so that Start can name it. */
  async planBack(ask: Wish & { version: number | null }): Promise<Planned> {
    const app = await this.#parts.access.allowed(ask.app, ask.user, ask.channel);
    return this.#planning.keep(app, await this.#planning.back(app, ask, ask.user), ask);
  }

  /** Starts what the asker was shown; when the world is different by now, gives the new plan instead. */
  async start(ask: { user: string; plan: string; emergency?: string | null }): Promise<Started | Changed | Asked> {
    const { ledger, access } = this.#parts;
    const shown = await ledger.plan(ask.plan);
    if (!shown) throw new Refusal(['This plan is not known any more. Ask for a new one with `/deploy`.']);
    if (shown.askedBy !== ask.user) {
      throw new Refusal([
        `This plan was made for <@${shown.askedBy}>. Make your own with \`/deploy ${shown.plan.app}\`.`,
      ]);
    }
    // Where it was shown: if the world changed, the new plan is shown there too.
    const app = await access.allowed(shown.plan.app, ask.user, shown.channel);
    // Pressed twice, or worked again after a bot died: what it changed itself is no other world.
    if (await ledger.hasDeploy(shown.id)) return this.#started(shown, ask.user);
    const plan = await this.#planning.again(app, shown.plan, ask.user);
    if (fingerprint(plan) !== shown.digest) {
      if (await ledger.hasDeploy(shown.id)) return this.#started(shown, ask.user);
      const planned = await this.#planning.keep(app, plan, { user: ask.user, channel: shown.channel });
      const what = planChanges(shown.plan, plan);
      return { kind: 'changed', ...planned, what: what.length > 0 ? what : ['The app or its settings changed.'] };
    }
    const gate = gateOf(await this.#starting.gate(app), app, plan);
    if (gate.kind !== 'open') {
      await this.#starting.ask(app, shown, gate, ask.emergency ?? null);
      return { kind: 'asked', channel: plan.channel };
    }
    return this.#started(shown, ask.user);
  }

  async #started(shown: StoredPlan, user: string): Promise<Started> {
    const place = await this.#begin(shown, user);
    return { kind: 'started', deploy: shown.id, channel: shown.plan.channel, place };
  }

  async #begin(shown: StoredPlan, user: string): Promise<Place | null> {
    const { ledger, begin } = this.#parts;
    const { app, back } = shown.plan;
    if (back && !(await ledger.hasDeploy(shown.id))) await this.#makeWay(app, user, back.version);
    const place = await ledger.createDeploy(shown, user);
    await begin(shown.id, app);
    return place;
  }

  /** A second person's yes or no to a start. */
  answerStart(ask: { user: string; id: string; yes: boolean }): Promise<string> {
    return this.#starting.answer(ask);
  }

  /** To be called every few seconds, by any process. */
  async tick(): Promise<void> {
    await Promise.all([this.#starting.tick(), this.#scheduling.tick()]);
  }

  /**
   * Whoever goes back wants it now: a deploy that only waits with its contract migrations leaves them for later, and one
   * that waits for somebody to look whether old code is gone ends.
   */
  async #makeWay(app: string, user: string, version: number): Promise<void> {
    const { ledger } = this.#parts;
    const press = { by: user, about: null, reason: `Going back to v${version}.` };
    for (const { id, soaks } of await ledger.running(app)) {
      const asks = !soaks && waitsForALook(await ledger.deploy(id));
      if (soaks || asks)
        await ledger.addClick(id, { ...press, id: `${user} goes back ${id}`, kind: soaks ? 'hold' : 'cancel' });
    }
  }

  /** What of locks, freezes and schema stands against it right when it begins. */
  notNow(deploy: Deploy) {
    return this.#planning.notNow(deploy);
  }

  /** What a deploy would do if it were planned now, when its turn has come. */
  async planAgain({ id, plan, startedBy }: Deploy): Promise<Preflight> {
    const app = await this.#parts.access.app(plan.app);
    if (!app) return { kind: 'refused', reasons: [`${plan.app} is not among the bot's apps any more.`] };
    if (!mayDeploy(app, startedBy)) {
      // Whoever may be in a group loses their turn to nobody's silence: it is asked again.
      if ([...app.untold.values()].includes('now')) throw new Error(`Slack does not tell who may deploy ${plan.app}`);
      return { kind: 'refused', reasons: [askThem(app)] };
    }
    const frozen = await this.#starting.frozen(app, id);
    if (frozen) return { kind: 'refused', reasons: [frozen] };
    return this.#planning.atItsTurn(app, plan, startedBy);
  }

  /** Locks an app, or with `all` every app. */
  async lock(ask: Parameters<Locking['lock']>[0]): Promise<LockAnswer> {
    await this.#parts.access.lock(ask.scope, ask.user);
    return this.#parts.locking.lock(ask);
  }

  async unlock(ask: Parameters<Locking['unlock']>[0]): Promise<LockAnswer> {
    await this.#parts.access.lock(ask.scope, ask.user);
    return this.#parts.locking.unlock(ask);
  }

  /** How an app stands, or every app that this person may see. */
  async status(ask: { user: string; app: string | null }): Promise<AppStatus[] | LiveStatus> {
    const { reports, access } = this.#parts;
    if (ask.app !== null) return reports.app(await access.seen(ask.app, ask.user));
    return reports.status(await access.visible(ask.user));
  }

  /** The last deploys of an app, newest first. */
  async history({ user, app, most = 10 }: { user: string; app: string; most?: number }): Promise<Deploy[]> {
    return this.#parts.reports.history(await this.#parts.access.seen(app, user), most);
  }

  /** Whether a commit, branch or tag is live. */
  async live({ user, app, ref }: { user: string; app: string; ref: string }): Promise<CommitStatus> {
    const settings = await this.#parts.access.seen(app, user);
    try {
      return await this.#parts.reports.commit(settings, ref);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      throw new Refusal([
        `${settings.repository} has no branch, tag or commit ${withoutMentions(ref)}. Check the spelling, or push it.`,
      ]);
    }
  }

  /** Calls off what the asker wants of an app. `id` names what they typed, once. */
  cancel(ask: Parameters<Presses['cancel']>[0]) {
    return this.#presses.cancel(ask);
  }

  /** Hands a press to the run of its deploy, and gives its answer, or that it was taken. `id` names the press, once. */
  click(ask: Parameters<Presses['click']>[0]) {
    return this.#presses.click(ask);
  }

  /** A deploy as it is now, for somebody who may start or approve deploys of its app. */
  show(ask: { user: string; deploy: string; channel: string | null }): Promise<Deploy> {
    return this.#presses.show(ask);
  }

  /** The deploy whose message that is; null when it is none, or the asker may not see its app. */
  deployAt(ask: { user: string; channel: string; ts: string }): Promise<Deploy | null> {
    return this.#presses.deployAt(ask);
  }

  /** What closing an app would mean; nothing is closed before `closeApp` is told so. */
  async askToClose(ask: { user: string; channel: string; app: string; minutes: number | null; reason: string }) {
    return this.#parts.doors.ask(await this.#parts.access.allowed(ask.app, ask.user, ask.channel), ask);
  }

  async closeApp({ user, id }: { user: string; id: string }): Promise<Closing> {
    const { access, doors } = this.#parts;
    return doors.close(await access.allowed(await doors.app(id), user), { user, id });
  }

  /** While somebody is at the app's schema only `anyway`. */
  async openApp({ app, ...ask }: { app: string } & Parameters<Doors['open']>[1]): Promise<Opening> {
    return this.#parts.doors.open(await this.#parts.access.allowed(app, ask.user), ask);
  }

  /** A press on a closing's own message; `id` is the closing's. */
  async openDoor({ user, id, request }: Omit<DoorPress, 'kind'>): Promise<{ app: string; opening: Opening }> {
    const app = await this.#parts.doors.app(id);
    return { app, opening: await this.openApp({ user, app, request, closing: id }) };
  }

  /** A press on a closing's own message. */
  async door({ user, id, kind, request }: DoorPress): Promise<void> {
    const { doors } = this.#parts;
    await this.#parts.access.allowed(await doors.app(id), user);
    if (kind === 'extend') await doors.extend(id, EXTEND_MINUTES, request);
    else await doors.stopWorkers(id);
  }

  async doorStatus({ user, app }: { user: string; app: string }): Promise<DoorStatus> {
    return this.#parts.doors.status(await this.#parts.access.seen(app, user));
  }
}

/** New code serves, and a person is asked whether old code is gone. */
function waitsForALook(deploy: Deploy): boolean {
  const phase = phaseFact(deploy, 'deploy')?.phase;
  return phase?.kind === 'not proved' && phase.missing === 'old gone';
}
