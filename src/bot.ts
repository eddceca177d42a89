import { randomBytes } from 'node:crypto';
import type { AppSettings } from './domain/app.ts';
import type { Click, Deploy } from './domain/deploy.ts';
import { approvalRefused, askThem, isApproval, isRescue, mayDeploy } from './domain/permission.ts';
import { fingerprint, type Plan, preflight, type Situation } from './domain/plan.ts';
import { planChanges } from './domain/plan-changes.ts';
import { Refusal } from './domain/refusal.ts';
import type { Ledger, Running, StoredPlan } from './outside.ts';
import { gather, type Sources } from './situation.ts';
import { gatherBack } from './situation-back.ts';

/** How long somebody who pressed waits for the run's own answer before they are told that it was taken, ms. */
const ANSWER_WITHIN_MS = 2_000;

export type Started = { kind: 'started'; deploy: string; channel: string };
export type Changed = { kind: 'changed'; id: string; plan: Plan; what: string[] };

export type BotParts = {
  ledger: Ledger;
  sources: Sources;
  /** Begins the run of a deploy that is in the ledger; beginning it twice is the same. */
  begin: (deploy: string, app: string) => Promise<void>;
  /** Resolves when something happened to the deploy, at the latest after so many ms. */
  news: (deploy: string, ms: number) => Promise<void>;
};

/** The one door: what the team can ask for. Permission first; what is refused is thrown as a Refusal. */
export class Bot {
  readonly #parts: BotParts;

  constructor(parts: BotParts) {
    this.#parts = parts;
  }

  /** The apps that this person may deploy. */
  async apps(user: string): Promise<readonly AppSettings[]> {
    const apps = await this.#parts.ledger.apps();
    return apps.filter(settings => mayDeploy(settings, user));
  }

  /** What a deploy of the ref (the app's default one when null) would do; stored, so that Start can name it. */
  async plan(ask: {
    user: string;
    channel: string;
    app: string;
    ref: string | null;
  }): Promise<{ id: string; plan: Plan }> {
    const settings = await this.#allowed(ask.app, ask.user);
    const plan = await this.#planNow(settings, ask.ref ?? settings.defaultRef);
    return { id: await this.#keep(plan, ask.user, ask.channel), plan };
  }

  /** What going back to a release (the newest one of other code when null) would do; stored, so that Start can name it. */
  async planBack(ask: {
    user: string;
    channel: string;
    app: string;
    version: number | null;
  }): Promise<{ id: string; plan: Plan }> {
    const settings = await this.#allowed(ask.app, ask.user);
    const plan = await this.#backNow(settings, ask.version);
    return { id: await this.#keep(plan, ask.user, ask.channel), plan };
  }

  /** Starts what the asker was shown; when the world is different by now, gives the new plan instead. */
  async start(ask: { user: string; plan: string }): Promise<Started | Changed> {
    const { ledger, begin } = this.#parts;
    const shown = await ledger.plan(ask.plan);
    if (!shown) throw new Refusal(['This plan is not known any more. Ask for a new one with `/deploy`.']);
    if (shown.askedBy !== ask.user) {
      throw new Refusal([
        `This plan was made for <@${shown.askedBy}>. Make your own with \`/deploy ${shown.plan.app}\`.`,
      ]);
    }
    const settings = await this.#allowed(shown.plan.app, ask.user);
    const { back } = shown.plan;
    const plan = back ? await this.#backNow(settings, back.version) : await this.#planNow(settings, shown.plan.ref);
    if (fingerprint(plan) !== shown.digest) {
      const id = await this.#keep(plan, ask.user, shown.channel);
      return { kind: 'changed', id, plan, what: planChanges(shown.plan, plan) };
    }
    const other = await ledger.createDeploy(shown, ask.user);
    if (other && other.id !== shown.id)
      throw new Refusal([
        `<@${other.startedBy}> started a deploy of ${plan.app} a moment ago. Wait until its thread says that it ended.`,
      ]);
    await begin(shown.id, plan.app);
    return { kind: 'started', deploy: shown.id, channel: plan.channel };
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
    const names = mine.map(settings => `\`${settings.name}\``).join(', ');
    const yours = names ? `Yours are ${names}.` : 'There is none yet that you may deploy.';
    return `There is no app \`${name}\` here. ${yours} Apps are added with \`npm run settings -- import FILE\` where the bot runs.`;
  }

  async #planNow(settings: AppSettings, ref: string): Promise<Plan> {
    const { ledger, sources } = this.#parts;
    const [running, held] = await Promise.all([this.#running(settings), ledger.held(settings.name)]);
    return ready(await gather(sources, settings, ref, { running, held }));
  }

  async #backNow(settings: AppSettings, version: number | null): Promise<Plan> {
    const { ledger, sources } = this.#parts;
    const [running, floor] = await Promise.all([this.#running(settings), ledger.schemaFloor(settings.name)]);
    const situation = await gatherBack(sources, settings, version, { running, floor });
    if ('refused' in situation) throw new Refusal(situation.refused);
    return ready(situation);
  }

  async #running({ name }: AppSettings): Promise<Situation['running']> {
    const [running] = await this.#parts.ledger.running(name);
    return running ? { id: running.id, by: running.startedBy, asks: running.asks } : null;
  }

  async #keep(plan: Plan, askedBy: string, channel: string): Promise<string> {
    const stored: StoredPlan = { id: newId(), plan, digest: fingerprint(plan), askedBy, channel };
    await this.#parts.ledger.savePlan(stored);
    return stored.id;
  }
}

function ready(situation: Situation): Plan {
  const judged = preflight(situation);
  if (judged.kind === 'refused') throw new Refusal(judged.reasons);
  return judged.plan;
}

/** Short enough to be read aloud: a letter and ten hex digits. */
const newId = (): string => `d${randomBytes(5).toString('hex')}`;
