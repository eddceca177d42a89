import type { Access } from './access.ts';
import { readMoment } from './domain/moment.ts';
import { NotNow, Refusal, sentence, withoutMentions } from './domain/refusal.ts';
import type { Directory, Due, Ledger, Schedules } from './team.ts';

/** What came of a start at its time. */
type Outcome = { kind: 'started' } | { kind: 'asked' } | { kind: 'changed'; what: string[] };

type Parts = {
  schedules: Schedules;
  ledger: Pick<Ledger, 'plan'>;
  access: Access;
  directory: Pick<Directory, 'person'>;
  /** As if its owner pressed Start: permission, freezes and the world are looked at then. */
  start: (ask: { user: string; plan: string }) => Promise<Outcome>;
};

/** Deploys that begin at a time that somebody chose. What would be another deploy by then is not begun, and its owner is told. */
export class Scheduling {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The moment that somebody typed, by their own clock, ms. */
  async moment(user: string, text: string): Promise<number> {
    const { zone } = await this.#parts.directory.person(user);
    const read = readMoment(text, zone, Date.now());
    if (read.kind === 'wrong')
      throw new Refusal([`${withoutMentions(read.why)}. As in \`/deploy shop main at 18:30\`.`]);
    return read.at;
  }

  /** Keeps a plan that its asker was shown for its time, which it gives (ms). Twice is once. */
  async keep({ user, plan }: { user: string; plan: string }): Promise<number> {
    const { schedules, ledger, access } = this.#parts;
    const shown = await ledger.plan(plan);
    if (!shown || shown.due === null)
      throw new Refusal(['This plan is not known any more. Ask for a new one with `/deploy`.']);
    if (shown.askedBy !== user) throw new Refusal([`This plan was made for <@${shown.askedBy}>. Make your own.`]);
    await access.allowed(shown.plan.app, user);
    const { due } = shown;
    const isKept = await schedules.keep({ id: plan, app: shown.plan.app, by: user, due });
    if (!isKept) throw new Refusal(['That time is over. Plan it again.']);
    return due;
  }

  /** Whoever may deploy the app may take it off. */
  async cancel({ user, id }: { user: string; id: string }): Promise<string> {
    const { schedules, ledger, access } = this.#parts;
    const shown = await ledger.plan(id);
    if (!shown) throw new Refusal(['This plan is not known any more.']);
    await access.allowed(shown.plan.app, user);
    if (!(await schedules.end(id, { outcome: 'cancelled', by: user, why: null })))
      throw new Refusal(['It waits no more: its message shows what came of it.']);
    return 'Taken off: nothing begins then.';
  }

  /** Begins what is due: to be called every few seconds, by any process. */
  async tick(): Promise<void> {
    const { schedules } = this.#parts;
    const failed = new Map<string, unknown>();
    for (;;) {
      const due = await schedules.claim([...failed.keys()]);
      if (!due) break;
      try {
        await schedules.end(due.id, due.begun ? BEGUN : due.missed ? MISSED : await this.#outcome(due));
      } catch (error) {
        // It keeps no other from beginning.
        failed.set(due.id, error);
        await schedules.free(due.id);
      }
    }
    if (failed.size > 0) throw new AggregateError(failed.values(), [...failed.values()].join(' '));
  }

  async #outcome({ id, by, late }: Due): Promise<Parameters<Schedules['end']>[1]> {
    try {
      const done = await this.#parts.start({ user: by, plan: id });
      if (done.kind === 'started') return BEGUN;
      return { outcome: done.kind, by: null, why: done.kind === 'changed' ? done.what.join(' ') : null };
    } catch (error) {
      if (error instanceof Refusal && !(error instanceof NotNow))
        return { outcome: 'refused', by: null, why: error.reasons.join(' ') };
      if (!late) throw error;
      const why = error instanceof Error ? error.message : String(error);
      return { outcome: 'refused', by: null, why: `For 15 minutes it could not be begun: ${sentence(why)}` };
    }
  }
}

const BEGUN = { outcome: 'begun', by: null, why: null } as const;
/** Hours later it would surprise more than help. */
const MISSED = {
  outcome: 'refused',
  by: null,
  why: 'No bot was there to begin it for an hour from its time.',
} as const;
