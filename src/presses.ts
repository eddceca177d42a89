import type { Access } from './access.ts';
import type { Click, Deploy } from './domain/deploy.ts';
import { wayBack } from './domain/readings.ts';
import { Refusal } from './domain/refusal.ts';
import type { NotBegun } from './domain/schedule.ts';
import { ANSWER_WITHIN_MS, type Ledger } from './team.ts';

type Press = Pick<Click, 'id' | 'kind'> & Partial<Pick<Click, 'about' | 'reason'>> & { user: string; deploy: string };
/** `calledOff`: it was to be called off, and is past that. */
type Answered = { answer: string; calledOff?: Deploy };

type Parts = {
  ledger: Ledger;
  access: Access;
  notBegun: (app: string) => Promise<NotBegun[]>;
  /** Takes off what has not begun. Throws a Refusal for whoever may not. */
  takeOff: (wanted: NotBegun, user: string) => Promise<string>;
  /** Resolves when something happened to the deploy, at the latest after so many ms. */
  news: (deploy: string, ms: number) => Promise<void>;
};

/** What people press, or say instead, about a deploy that runs: permission first, then the run answers. */
export class Presses {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Hands a press to the run of its deploy, and gives its answer, or that it was taken. `id` names the press, once. */
  async click({ about = null, reason = null, ...ask }: Press): Promise<Answered> {
    const { ledger, access } = this.#parts;
    const running = await ledger.runningDeploy(ask.deploy);
    if (!running) return this.#ended(ask);
    await access.press(await ledger.deploy(ask.deploy), ask.user, ask.kind);
    const click = { id: ask.id, kind: ask.kind, by: ask.user, about, reason };
    if (!(await ledger.addClick(ask.deploy, click))) return this.#ended(ask);
    if (ask.kind === 'cancel' && (await ledger.leaveQueue(ask.deploy, ask.user))) {
      return { answer: 'It has left the queue. Nothing was begun.' };
    }
    const answer = await this.#answer(ask);
    return isCalledOff(ask) ? { answer, ...pastThat(await ledger.deploy(ask.deploy)) } : { answer };
  }

  /**
   * Calls off what the asker wants of an app: their own deploy that runs, waits for its turn, its time or a yes; or else
   * somebody's. `id` names what they typed, once.
   */
  async cancel({ user, app, id }: { user: string; app: string; id: string }): Promise<Answered> {
    const { ledger, access, notBegun, takeOff } = this.#parts;
    await access.allowed(app, user);
    // Worked again after a bot died: what it called off is no more, and what stands behind it was not meant.
    const before = await ledger.clickedDeploy(id);
    if (before) return this.click({ user, id, deploy: before, kind: 'cancel' });
    const [open, wanted] = await Promise.all([ledger.running(app), notBegun(app)]);
    const running = open.find(({ startedBy }) => startedBy === user);
    const waiting = wanted.find(({ by }) => by === user);
    const deploy = running ?? (waiting ? undefined : open[0]);
    if (deploy) return this.click({ user, id, deploy: deploy.id, kind: 'cancel' });
    if (!(await ledger.isFirst(id))) return { answer: STOPPED };
    const first = waiting ?? wanted[0];
    if (first) return { answer: await takeOff(first, user) };
    const [last] = await ledger.recent(app, 1);
    if (last && wayBack(last)) return { answer: `No deploy of ${app} is open.`, calledOff: last };
    throw new Refusal([`No deploy of ${app} is open: there is nothing to cancel.`]);
  }

  /** A deploy as it is now, for somebody who may start or approve deploys of its app. */
  async show(ask: { user: string; deploy: string; channel: string | null }): Promise<Deploy> {
    const deploy = await this.#parts.ledger.deploy(ask.deploy);
    await this.#parts.access.show(deploy, ask.user, ask.channel ?? '');
    return deploy;
  }

  /** The deploy whose message that is; null when it is none, or the asker may not see its app. */
  async deployAt({ user, channel, ts }: { user: string; channel: string; ts: string }): Promise<Deploy | null> {
    const { ledger, access } = this.#parts;
    const deploy = await ledger.deployAt(channel, ts);
    if (!deploy) return null;
    try {
      await access.seen(deploy.plan.app, user);
      return deploy;
    } catch (error) {
      if (error instanceof Refusal) return null;
      throw error;
    }
  }

  async #answer({ id, deploy }: Press): Promise<string> {
    const { ledger, news } = this.#parts;
    const until = performance.now() + ANSWER_WITHIN_MS;
    for (let left = ANSWER_WITHIN_MS; left > 0; left = until - performance.now()) {
      const answer = await ledger.clickAnswer(id);
      if (answer) return answer;
      await news(deploy, left);
    }
    return (await ledger.clickAnswer(id)) ?? 'Taken. The thread says what comes of it.';
  }

  async #ended(ask: Press): Promise<Answered> {
    // Worked again after a bot died: perhaps ended by this very press.
    const answer = await this.#parts.ledger.clickAnswer(ask.id);
    if (answer) return { answer };
    const refusal = new Refusal(['This deploy has ended: its message shows how. There is nothing left to press.']);
    if (!isCalledOff(ask)) throw refusal;
    const deploy = await this.#parts.ledger.deploy(ask.deploy).catch(() => null);
    if (!deploy || !wayBack(deploy)) throw refusal;
    await this.#parts.access.press(deploy, ask.user, ask.kind);
    return { answer: 'This deploy has ended.', calledOff: deploy };
  }
}

const STOPPED =
  'The bot was stopped while it took a deploy off. `/deploy status` shows whether it is; if not, ask once more.';
const isCalledOff = ({ kind }: Press): boolean => kind === 'cancel' || kind === 'roll back';
const pastThat = (deploy: Deploy): { calledOff?: Deploy } => (wayBack(deploy) ? { calledOff: deploy } : {});
