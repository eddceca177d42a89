import { randomBytes } from 'node:crypto';
import type { DoorStatus, Doors } from './closings.ts';
import type { AppSettings } from './domain/app.ts';
import type { Closing } from './domain/closing.ts';
import type { Click, Deploy } from './domain/deploy.ts';
import { ALL_APPS } from './domain/lock.ts';
import { nearest } from './domain/nearest.ts';
import { approvalRefused, askThem, isApproval, isRescue, mayDeploy, maySee } from './domain/permission.ts';
import { fingerprint, type Plan, type Preflight, preflight } from './domain/plan.ts';
import { planChanges } from './domain/plan-changes.ts';
import { Refusal } from './domain/refusal.ts';
import { type Place, placeBehind } from './domain/turn.ts';
import type { LockAnswer, Locking } from './locking.ts';
import { type Ledger, NotFound, type Running, type Starts, type StoredPlan } from './outside.ts';
import type { AppStatus, CommitStatus, LiveStatus, Reports } from './reports.ts';
import { gather, type Sources } from './situation.ts';
import { gatherBack } from './situation-back.ts';
import { type Gate, Starting } from './starting.ts';

/** How long somebody who pressed waits for the run's own answer before they are told that it was taken, ms. */
const ANSWER_WITHIN_MS = 2_000;
/** What **15 minutes more** on a closed app gives. */
const EXTEND_MINUTES = 15;
/** Deploys that `/deploy history` shows. */
const HISTORY = 10;

const OPEN: Gate = { kind: 'open' };

export type Started = { kind: 'started'; deploy: string; channel: string; place: Place | null };
export type Planned = { id: string; plan: Plan; place: Place | null; gate: Gate };
export type Asked = { kind: 'asked'; channel: string };
export type Changed = Planned & { kind: 'changed'; what: string[] };

export type BotParts = {
  ledger: Ledger;
  locking: Locking;
  starts: Starts;
  doors: Doors;
  reports: Reports;
  sources: Sources;
  /** Begins the run of a deploy that is in the ledger; beginning it twice is the same. */
  begin: (deploy: string, app: string) => Promise<void>;
  /** Resolves when something happened to the deploy, at the latest after so many ms. */
  news: (deploy: string, ms: number) => Promise<void>;
};

/** The one door: what the team can ask for. Permission first; what is refused is thrown as a Refusal. */
export class Bot {
  readonly #parts: BotParts;
  readonly #starting: Starting;

  constructor(parts: BotParts) {
    this.#parts = parts;
    this.#starting = new Starting({
      ...{ starts: parts.starts, ledger: parts.ledger },
      planNow: (settings, shown, user) => this.#again(settings, shown, user),
      begin: async (shown, user) => void (await this.#begin(shown, user)),
    });
  }

  /** The apps that this person may deploy. */
  async apps(user: string): Promise<readonly AppSettings[]> {
    const apps = await this.#parts.ledger.apps();
    return apps.filter(settings => mayDeploy(settings, user));
  }

  /** What a deploy of the ref (the app's default one when null) would do; stored, so that Start can name it. */
  async plan(ask: { user: string; channel: string; app: string; ref: string | null }): Promise<Planned> {
    const settings = await this.#allowed(ask.app, ask.user);
    return this.#keep(await this.#planNow(settings, ask.ref ?? settings.defaultRef, ask.user), ask.user, ask.channel);
  }

  /** What going back to a release (the newest one of other code when null) would do; stored, so that Start can name it. */
  async planBack(ask: { user: string; channel: string; app: string; version: number | null }): Promise<Planned> {
    const settings = await this.#allowed(ask.app, ask.user);
    return this.#keep(await this.#backNow(settings, ask.version, ask.user), ask.user, ask.channel);
  }

  /** Starts what the asker was shown; when the world is different by now, gives the new plan instead. */
  async start(ask: { user: string; plan: string; emergency?: string | null }): Promise<Started | Changed | Asked> {
    const { ledger } = this.#parts;
    const shown = await ledger.plan(ask.plan);
    if (!shown) throw new Refusal(['This plan is not known any more. Ask for a new one with `/deploy`.']);
    if (shown.askedBy !== ask.user) {
      throw new Refusal([
        `This plan was made for <@${shown.askedBy}>. Make your own with \`/deploy ${shown.plan.app}\`.`,
      ]);
    }
    const settings = await this.#allowed(shown.plan.app, ask.user);
    const plan = await this.#again(settings, shown, ask.user);
    if (fingerprint(plan) !== shown.digest) {
      const planned = await this.#keep(plan, ask.user, shown.channel);
      const what = planChanges(shown.plan, plan);
      return { kind: 'changed', ...planned, what: what.length > 0 ? what : ['The app or its settings changed.'] };
    }
    const gate = await this.#starting.gate(settings);
    if (gate.kind !== 'open') {
      await this.#starting.ask(settings, shown, gate, ask.emergency ?? null);
      return { kind: 'asked', channel: plan.channel };
    }
    const place = await this.#begin(shown, ask.user);
    return { kind: 'started', deploy: shown.id, channel: plan.channel, place };
  }

  async #begin(shown: StoredPlan, user: string): Promise<Place | null> {
    const { ledger, begin } = this.#parts;
    const { app, back } = shown.plan;
    if (back) await this.#makeWay(app, user, back.version);
    const place = await ledger.createDeploy(shown, user);
    await begin(shown.id, app);
    return place;
  }

  /** A second person's yes or no to a start. */
  answerStart(ask: { user: string; id: string; yes: boolean }): Promise<string> {
    return this.#starting.answer(ask);
  }

  /** To be called every few seconds, by any process. */
  tick(): Promise<void> {
    return this.#starting.tick();
  }

  #again(settings: AppSettings, { plan: { back, ref } }: StoredPlan, user: string): Promise<Plan> {
    return back ? this.#backNow(settings, back.version, user) : this.#planNow(settings, ref, user);
  }

  /** Whoever goes back wants it now: a deploy that only waits with its contract migrations leaves them for later. */
  async #makeWay(app: string, user: string, version: number): Promise<void> {
    const { ledger } = this.#parts;
    for (const { id, soaks } of await ledger.running(app)) {
      const reason = `Going back to v${version}.`;
      const hold = { id: `${user} goes back ${id}`, kind: 'hold', by: user, about: null, reason } as const;
      if (soaks) await ledger.addClick(id, hold);
    }
  }

  /** What a deploy would do if it were planned now, when its turn has come. */
  async planAgain({ id, plan, startedBy }: Deploy): Promise<Preflight> {
    const settings = await this.#parts.ledger.app(plan.app);
    if (!settings) return { kind: 'refused', reasons: [`${plan.app} is not among the bot's apps any more.`] };
    if (!mayDeploy(settings, startedBy)) return { kind: 'refused', reasons: [askThem(settings)] };
    const frozen = await this.#starting.frozen(settings, id);
    if (frozen) return { kind: 'refused', reasons: [frozen] };
    const { back, ref } = plan;
    const judged = back
      ? await this.#judgeBack(settings, back.version, startedBy, true)
      : await this.#judge(settings, plan.commit.sha, startedBy, true);
    return judged.kind === 'ready' ? { ...judged, plan: { ...judged.plan, ref } } : judged;
  }

  /** Locks an app, or with `all` every app. */
  async lock(ask: Parameters<Locking['lock']>[0]): Promise<LockAnswer> {
    await this.#mayLock(ask.scope, ask.user);
    return this.#parts.locking.lock(ask);
  }

  async unlock(ask: Parameters<Locking['unlock']>[0]): Promise<LockAnswer> {
    await this.#mayLock(ask.scope, ask.user);
    return this.#parts.locking.unlock(ask);
  }

  /** Whoever may deploy an app may lock it; `all` is for those who may deploy every app. */
  async #mayLock(scope: string, user: string): Promise<void> {
    if (scope !== ALL_APPS) return void (await this.#allowed(scope, user));
    for (const settings of await this.#parts.ledger.apps()) {
      if (!mayDeploy(settings, user))
        throw new Refusal([`A lock on every app is for those who may deploy every app. ${askThem(settings)}`]);
    }
  }

  /** How an app stands, or every app that this person may see. */
  async status(ask: { user: string; app: string | null }): Promise<AppStatus[] | LiveStatus> {
    const { reports } = this.#parts;
    if (ask.app !== null) return reports.app(await this.#seen(ask.app, ask.user));
    const apps = await this.#parts.ledger.apps();
    return reports.status(apps.filter(settings => maySee(settings, ask.user)));
  }

  /** What this person's Home shows: each app that they may see, and what they may do with it. */
  async home(user: string): Promise<(AppStatus & { mayDeploy: boolean; mayApprove: boolean })[]> {
    const apps = (await this.#parts.ledger.apps()).filter(settings => maySee(settings, user));
    const all = await this.#parts.reports.status(apps);
    return all.flatMap((status, index) => {
      const settings = apps[index];
      if (!settings) return [];
      const startedBy = status.running?.startedBy ?? '';
      const mayApprove = approvalRefused(settings, { user, startedBy }) === null;
      return { ...status, mayDeploy: mayDeploy(settings, user), mayApprove };
    });
  }

  /** The last deploys of an app, newest first. */
  async history({ user, app }: { user: string; app: string }): Promise<Deploy[]> {
    return this.#parts.reports.history(await this.#seen(app, user), HISTORY);
  }

  /** Whether a commit, branch or tag is live. */
  async live({ user, app, ref }: { user: string; app: string; ref: string }): Promise<CommitStatus> {
    const settings = await this.#seen(app, user);
    try {
      return await this.#parts.reports.commit(settings, ref);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      throw new Refusal([
        `${settings.repository} has no branch, tag or commit ${ref}. Check the spelling, or push it.`,
      ]);
    }
  }

  /** Calls off the asker's own deploy of an app, or else the one that runs. `id` names what they typed, once. */
  async cancel({ user, app, id }: { user: string; app: string; id: string }): Promise<{ answer: string }> {
    await this.#allowed(app, user);
    const open = await this.#parts.ledger.running(app);
    const deploy = open.find(({ startedBy }) => startedBy === user) ?? open[0];
    if (!deploy) throw new Refusal([`No deploy of ${app} is open: there is nothing to cancel.`]);
    return this.click({ user, id, deploy: deploy.id, kind: 'cancel' });
  }

  async #seen(name: string, user: string): Promise<AppSettings> {
    const settings = await this.#parts.ledger.app(name);
    if (settings && maySee(settings, user)) return settings;
    throw new Refusal([settings ? askThem(settings) : await this.#unknown(name, user)]);
  }

  /** What closing an app would mean; nothing is closed before `closeApp` is told so. */
  async askToClose(ask: { user: string; channel: string; app: string; minutes: number | null; reason: string }) {
    return this.#parts.doors.ask(await this.#allowed(ask.app, ask.user), ask);
  }

  async closeApp({ user, id }: { user: string; id: string }): Promise<Closing> {
    await this.#allowed(await this.#parts.doors.app(id), user);
    return this.#parts.doors.close({ user, id });
  }

  async openApp({ user, app }: { user: string; app: string }): Promise<'opening' | 'is open'> {
    return this.#parts.doors.open(await this.#allowed(app, user), user);
  }

  /** A press on a closing's own message. */
  async door({
    user,
    id,
    kind,
  }: {
    user: string;
    id: string;
    kind: 'open' | 'extend' | 'stop workers';
  }): Promise<void> {
    const { doors } = this.#parts;
    const settings = await this.#allowed(await doors.app(id), user);
    if (kind === 'open') await doors.open(settings, user);
    else if (kind === 'extend') await doors.extend(id, EXTEND_MINUTES);
    else await doors.stopWorkers(id);
  }

  async doorStatus({ user, app }: { user: string; app: string }): Promise<DoorStatus> {
    return this.#parts.doors.status(await this.#seen(app, user));
  }

  /** Hands a press to the run of its deploy, and gives its answer, or that it was taken. `id` names the press, once. */
  async click(ask: {
    user: string;
    id: string;
    deploy: string;
    kind: Click['kind'];
    about?: string | null;
    reason?: string | null;
  }): Promise<{ answer: string }> {
    const { ledger, news } = this.#parts;
    const { about = null, reason = null } = ask;
    const running = (await ledger.running()).find(deploy => deploy.id === ask.deploy);
    if (!running) throw new Refusal(['This deploy has ended: its message shows how. There is nothing left to press.']);
    if (isApproval(ask.kind)) await this.#mayApprove(running, ask.user);
    else if (!(isRescue(ask.kind) && (await this.#approves(running.app, ask.user)))) {
      await this.#allowed(running.app, ask.user);
    }
    if (ask.kind === 'cancel' && (await ledger.leaveQueue(ask.deploy, ask.user))) {
      return { answer: 'It has left the queue. Nothing was begun.' };
    }
    await ledger.addClick(ask.deploy, { id: ask.id, kind: ask.kind, by: ask.user, about, reason });
    const until = performance.now() + ANSWER_WITHIN_MS;
    for (let left = ANSWER_WITHIN_MS; left > 0; left = until - performance.now()) {
      const answer = await ledger.clickAnswer(ask.id);
      if (answer) return { answer };
      await news(ask.deploy, left);
    }
    const answer = await ledger.clickAnswer(ask.id);
    return { answer: answer ?? 'Taken. The thread says what comes of it.' };
  }

  /** A deploy as it is now, for somebody who may start or approve deploys of its app. */
  async show(ask: { user: string; deploy: string }): Promise<Deploy> {
    const deploy = await this.#parts.ledger.deploy(ask.deploy);
    if (!(await this.#approves(deploy.plan.app, ask.user))) await this.#allowed(deploy.plan.app, ask.user);
    return deploy;
  }

  /** The deploy whose message that is; null when it is none, or the asker may not see its app. */
  async deployAt({ user, channel, ts }: { user: string; channel: string; ts: string }): Promise<Deploy | null> {
    const { ledger } = this.#parts;
    const deploy = await ledger.deployAt(channel, ts);
    const settings = deploy && (await ledger.app(deploy.plan.app));
    return settings && maySee(settings, user) ? deploy : null;
  }

  async #allowed(name: string, user: string): Promise<AppSettings> {
    const settings = await this.#parts.ledger.app(name);
    if (!settings) throw new Refusal([await this.#unknown(name, user)]);
    if (!mayDeploy(settings, user)) throw new Refusal([askThem(settings)]);
    return settings;
  }

  async #approves(app: string, user: string): Promise<boolean> {
    return (await this.#parts.ledger.app(app))?.approvers.includes(user) === true;
  }

  async #mayApprove({ app, startedBy }: Running, user: string): Promise<void> {
    const settings = await this.#parts.ledger.app(app);
    const refused = settings ? approvalRefused(settings, { user, startedBy }) : await this.#unknown(app, user);
    if (refused) throw new Refusal([refused]);
  }

  async #unknown(name: string, user: string): Promise<string> {
    const mine = await this.apps(user);
    const near = nearest(
      name,
      mine.map(settings => settings.name),
    );
    const names = mine.map(settings => `\`${settings.name}\``).join(', ');
    const yours = names ? `Yours are ${names}.` : 'There is none yet that you may deploy.';
    const meant = near ? ` Did you mean \`${near}\`?` : '';
    return `There is no app \`${name}\` here.${meant} ${yours} Apps are added with \`npm run settings -- import FILE\` where the bot runs.`;
  }

  async #planNow(settings: AppSettings, ref: string, user: string): Promise<Plan> {
    return this.#ready(await this.#judge(settings, ref, user, await this.#isNext(settings)), settings, user);
  }

  async #backNow(settings: AppSettings, version: number | null, user: string): Promise<Plan> {
    return this.#ready(await this.#judgeBack(settings, version, user, await this.#isNext(settings)), settings, user);
  }

  async #judge(settings: AppSettings, ref: string, asker: string, isNext: boolean): Promise<Preflight> {
    const { ledger, sources, locking } = this.#parts;
    const [held, locks] = await Promise.all([ledger.held(settings.name), locking.on(settings)]);
    return preflight(await gather(sources, settings, ref, { isNext, held, locks, asker }));
  }

  async #judgeBack(settings: AppSettings, version: number | null, asker: string, isNext: boolean): Promise<Preflight> {
    const { ledger, sources, locking } = this.#parts;
    const [floor, locks] = await Promise.all([ledger.schemaFloor(settings.name), locking.on(settings)]);
    const situation = await gatherBack(sources, settings, version, { isNext, floor, locks, asker });
    return 'refused' in situation ? { kind: 'refused', reasons: situation.refused } : preflight(situation);
  }

  async #ready(judged: Preflight, { name }: AppSettings, user: string): Promise<Plan> {
    if (judged.kind === 'ready') return judged.plan;
    await this.#parts.locking.wait(user, name);
    throw new Refusal(judged.reasons);
  }

  async #isNext({ name }: AppSettings): Promise<boolean> {
    return (await this.#parts.ledger.running(name)).length === 0;
  }

  async #keep(plan: Plan, askedBy: string, channel: string): Promise<Planned> {
    const { ledger } = this.#parts;
    const stored: StoredPlan = { id: newId(), plan, digest: fingerprint(plan), askedBy, channel };
    const settings = await ledger.app(plan.app);
    const [running, gate] = await Promise.all([
      ledger.running(plan.app),
      settings ? this.#starting.gate(settings) : OPEN,
      ledger.savePlan(stored),
    ]);
    return { id: stored.id, plan, place: placeBehind(running, Date.now()), gate };
  }
}

/** Short enough to be read aloud: a letter and ten hex digits. */
const newId = (): string => `d${randomBytes(5).toString('hex')}`;
