import { DateTime } from 'luxon';
import type { Access } from './access.ts';
import type { AppSettings } from './domain/app.ts';
import { type Frozen, frozenAt } from './domain/freeze.ts';
import { hasLoosened } from './domain/gate.ts';
import { type App, mayAdminister, mayDeploy, who } from './domain/permission.ts';
import { fingerprint, type Plan } from './domain/plan.ts';
import { Refusal, sentence, withoutMentions } from './domain/refusal.ts';
import type { Ledger, StartRequest, Starts, StoredPlan } from './team.ts';

/** What stands between a plan and its start: nothing, a second person's yes, or a freeze. */
export type Gate = { kind: 'open' } | { kind: 'approval' } | { kind: 'frozen'; frozen: Frozen };

/** What stands before the start of this very plan: where four eyes are wanted, no commit lets itself destroy before them. */
export const gateOf = (gate: Gate, { fourEyes }: Pick<AppSettings, 'fourEyes'>, { migrations }: Plan): Gate =>
  gate.kind === 'open' && fourEyes && hasLoosened(migrations) ? { kind: 'approval' } : gate;

type Parts = {
  starts: Starts;
  ledger: Pick<Ledger, 'plan'>;
  access: Pick<Access, 'answersStart'>;
  /** Plans what was shown anew. Throws a Refusal when it may not be deployed any more. */
  planNow: (app: App, shown: StoredPlan, user: string) => Promise<Plan>;
  /** Makes the deploy of a plan and begins it; twice is once. */
  begin: (shown: StoredPlan, user: string) => Promise<void>;
  /** By the store's clock, ms. */
  now: () => number;
};

/** Starts that a second person must agree to: those of an app that asks for it, and any in a freeze. */
export class Starting {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What stands before a start of this app now, or at another time (ms). */
  async gate({ freezes = [], startNeedsApproval }: AppSettings, at = this.#parts.now()): Promise<Gate> {
    const frozen = frozenAt([...freezes, ...(await this.#parts.starts.freezes())], at);
    if (frozen) return { kind: 'frozen', frozen };
    return startNeedsApproval ? { kind: 'approval' } : { kind: 'open' };
  }

  /** The same for a time that somebody chose. Throws a Refusal when a freeze holds then. */
  async gateAt(settings: AppSettings, at: number): Promise<Gate> {
    const gate = await this.gate(settings, at);
    if (gate.kind !== 'frozen') return gate;
    const { reason, until } = gate.frozen;
    throw new Refusal([
      `Nothing of ${settings.name} is deployed at that time: ${sentence(withoutMentions(reason))} Choose one after ${clock(until)}.`,
    ]);
  }

  /** Why a deploy that waited may not begin now: a freeze that holds, unless it was let through one. */
  async frozen(settings: AppSettings, id: string): Promise<string | null> {
    const gate = await this.gate(settings);
    if (gate.kind !== 'frozen') return null;
    const request = await this.#parts.starts.get(id);
    if (request?.emergency && request.answer === 'approved') return null;
    return frozenWords(settings, gate.frozen);
  }

  /** Asks for a second person's yes to exactly what was shown. In a freeze it wants a reason, and an admin who asks. */
  async ask(app: App, shown: StoredPlan, gate: Gate, emergency: string | null): Promise<void> {
    if (gate.kind === 'frozen') {
      if (emergency === null) {
        throw new Refusal([frozenWords(app, gate.frozen)]);
      }
      if (!mayAdminister(app, shown.askedBy)) {
        throw new Refusal([`Only an admin of ${app.name} may ask for a start in a freeze: ${who(app, 'admin')}.`]);
      }
    }
    const { starts } = this.#parts;
    await starts.ask({ id: shown.id, app: app.name, by: shown.askedBy, emergency });
    const kept = await starts.get(shown.id);
    if (kept?.answer && kept.answer !== 'approved') {
      const next = `Nobody is asked again for this plan: make a new one with \`/deploy ${app.name}\`.`;
      throw new Refusal([`${alreadyAnswered(kept)} ${next}`]);
    }
  }

  /**
   * The yes or no of a second person. A yes starts what was shown, or nothing when the world is different by now; whoever
   * asked may say no, too.
   */
  async answer({ user, id, yes }: { user: string; id: string; yes: boolean }): Promise<string> {
    const { starts, ledger, access } = this.#parts;
    const [request, shown] = await Promise.all([starts.get(id), ledger.plan(id)]);
    if (!request || !shown) throw new Refusal(['This question is not known any more.']);
    const app = await access.answersStart(request, user, yes);
    if (request.answer) return alreadyAnswered(request);
    if (!yes) {
      const done = await starts.answer(id, 'declined', user);
      return done ? 'Declined: nothing is begun.' : BEFORE_YOU;
    }
    const reason = await this.#notNow(app, request);
    if (reason) throw new Refusal([reason]);
    const plan = await this.#parts.planNow(app, shown, request.by);
    if (fingerprint(plan) !== shown.digest) {
      if (!(await starts.answer(id, 'changed', user))) return BEFORE_YOU;
      return 'Not started: things changed since it was asked. Whoever wants it plans it again.';
    }
    if (!(await starts.answer(id, 'approved', user))) return BEFORE_YOU;
    await this.#parts.begin(shown, request.by);
    return 'Approved: it begins now.';
  }

  /** What came between since it was asked: who asked may not any more, or a freeze has begun. */
  async #notNow(app: App, { by, emergency }: StartRequest): Promise<string | null> {
    if (!mayDeploy(app, by)) {
      // They may all the same, by a group that Slack does not tell of just now.
      const isUntold = [...app.untold.values()].includes('now');
      return `Not started: ${isUntold ? `Slack does not tell just now whether <@${by}> may deploy ${app.name}. Press again in a minute.` : `<@${by}> may not deploy ${app.name} any more.`}`;
    }
    if (emergency === null) {
      const gate = await this.gate(app);
      return gate.kind === 'frozen' ? frozenWords(app, gate.frozen) : null;
    }
    return mayAdminister(app, by) ? null : `Not started: <@${by}> is no admin of ${app.name} any more.`;
  }

  /** Ends what nobody answered, and begins what was approved by a process that was killed right then. */
  async tick(): Promise<void> {
    const { starts, ledger, begin } = this.#parts;
    await starts.expire();
    for (const id of await starts.approved()) {
      const [request, shown] = await Promise.all([starts.get(id), ledger.plan(id)]);
      if (!request || !shown) continue;
      await begin(shown, request.by).catch(async error => {
        // It would be tried for a day, and keep others waiting.
        if (!(error instanceof Refusal)) throw error;
        await starts.answer(id, 'changed', request.by);
      });
    }
  }
}

const BEFORE_YOU = 'Somebody answered before you: the message shows what.';

function frozenWords({ name }: AppSettings, { reason, until }: Frozen): string {
  return `Nothing of ${name} is deployed until ${clock(until)}: ${sentence(withoutMentions(reason))} In an emergency plan it again and press *Emergency start*: that takes an admin, a reason and a second person.`;
}

const clock = (at: number): string => DateTime.fromMillis(at, { zone: 'utc' }).toFormat("d LLL HH:mm 'UTC'");

const alreadyAnswered = ({ answer, answeredBy }: StartRequest): string =>
  answer === 'expired'
    ? 'Nobody answered for 2 hours: it has to be planned again.'
    : `<@${answeredBy}> has answered already: ${answer}.`;
