import type { Logger } from 'pino';
import { type Deploy, type Fact, latest } from './domain/deploy.ts';
import type { Unheard } from './domain/unheard.ts';
import { Editing, editOnce, type Next } from './editing.ts';
import { type Lane, newLane, rouse } from './lane.ts';
import { COVERS, isLoud, keyOf, type Late, lateOnes, type Reply, toldBy } from './late.ts';
import { type Pace, pauseAfter } from './pace.ts';
import { POST_EVERY_MS, RANKS, type Rank } from './post-queue.ts';
import { type Kept, type Posting, postOnce } from './posting.ts';
import type { Message } from './team.ts';
import { isRootGone, tellStarter } from './unheard.ts';

export type NarratorParts = Posting & {
  load: (deploy: string) => Promise<Deploy | null>;
  views: {
    root: (deploy: Deploy) => Message;
    /** `live`: to be edited when what it says has changed. */
    reply: (fact: Fact, deploy: Deploy) => Reply | null;
    /** Several of them in one, for a thread that is far behind. */
    late: (replies: readonly Late[]) => Message;
  };
  /** Shows what is to be seen of an ended deploy; false, or a rejection: to be asked again later. */
  illustrate: (deploy: Deploy) => Promise<boolean>;
  /** Says to whoever started it why their deploy is not heard of: once, and once more when it has ended. */
  unheard: (deploy: Deploy, why: Unheard) => Promise<void>;
  log: Pick<Logger, 'warn' | 'error'>;
};

const SWEEP_EVERY_MS = 20_000;
/** What is told to its end waits to be woken; this is for what nobody thought of. */
const LOOK_AGAIN_MS = 10 * 60_000;
const STOP_WITHIN_MS = 6_000;
/** There may be more to post. */
const AT_ONCE = 0;

type Pending = Reply & { fact: Fact };
/** Its root message, its new replies, and those that live go on side by side. */
type Teller = { root: Lane; replies: Lane; cards: Lane; repliesOver: boolean; done: Promise<void> };
/** A deploy, what was told of it, and what was meant to be. */
type Told = { deploy: Deploy; kept: ReadonlyMap<string, Kept>; begun: ReadonlySet<string> };

/** Tells each deploy in Slack, from its stored facts: one root message, edited in place, and replies. Nothing is told twice. */
export class Narrator {
  readonly #parts: NarratorParts;
  readonly #pace: Pace;
  readonly #editing: Editing;
  readonly #tellers = new Map<string, Teller>();
  readonly #sweep: NodeJS.Timeout;

  constructor(parts: NarratorParts) {
    this.#parts = parts;
    this.#pace = parts.pace;
    this.#editing = new Editing(parts);
    this.#sweep = setInterval(() => void this.#resume(), SWEEP_EVERY_MS);
    void this.#resume();
  }

  /** To be called after each appended fact; the facts themselves are read from the store. */
  wake(deploy: string): void {
    const teller = this.#tellers.get(deploy) ?? this.#begin(deploy);
    if (!teller) return;
    for (const lane of [teller.root, teller.replies, teller.cards]) rouse(lane);
  }

  /** To be called when news may have been missed. */
  wakeAll(): void {
    for (const deploy of this.#tellers.keys()) this.wake(deploy);
    void this.#resume();
  }

  /** Stops telling; what is on its way to Slack is waited for, so that it is known to have arrived. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    this.#pace.stop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, STOP_WITHIN_MS);
    });
    await Promise.race([Promise.allSettled([...this.#tellers.values()].map(teller => teller.done)), late]);
    clearTimeout(timer);
  }

  /** Also takes over what a bot that died did not get to tell. */
  async #resume(): Promise<void> {
    try {
      for (const deploy of await this.#parts.messages.unfinished()) {
        if (!this.#tellers.has(deploy)) this.wake(deploy);
      }
    } catch (err) {
      this.#parts.log.warn({ err }, 'cannot look for deploys to tell; trying again');
    }
  }

  #begin(deploy: string): Teller | null {
    if (this.#pace.stopped) return null;
    const lanes = { root: newLane(), replies: newLane(), cards: newLane() };
    const teller: Teller = { ...lanes, repliesOver: false, done: Promise.resolve() };
    this.#tellers.set(deploy, teller);
    teller.done = this.#tellAll(deploy, teller).finally(() => this.#tellers.delete(deploy));
    return teller;
  }

  /** A thread may lag behind where a channel is full; the root message must not. */
  async #tellAll(id: string, teller: Teller): Promise<void> {
    const cards = () => this.#follow(id, teller.cards, told => this.#cards(told, teller));
    const ended = await Promise.all([
      this.#follow(id, teller.root, async told => {
        const next = await this.#root(told, teller);
        // Before the last reply is there, it may be found deleted.
        return next === 'all told' && isOver(told.deploy) && !teller.repliesOver ? SWEEP_EVERY_MS : next;
      }),
      this.#follow(id, teller.replies, told => this.#replies(told, teller)).finally(() => {
        teller.repliesOver = true;
        rouse(teller.root);
      }),
      cards(),
    ]);
    // One that was on its way when the deploy ended may say what was true before.
    const deploy = ended.includes(null) ? null : await cards();
    this.#editing.forget(id);
    if (!deploy) return;
    const { messages, illustrate, instance, log } = this.#parts;
    try {
      if (await illustrate(deploy)) await messages.allTold(id, deploy.plan.channel, instance);
    } catch (err) {
      log.warn({ err, deploy: id }, 'could not show or note that all was told; trying again');
    }
  }

  /** Tells one side of a deploy as its facts come; none waits for another. Gives it once it is told to its end, else null. */
  async #follow(id: string, lane: Lane, tell: (told: Told) => Promise<Next>): Promise<Deploy | null> {
    let failures = 0;
    while (!this.#pace.stopped) {
      lane.woken = false;
      try {
        const done = await this.#tellOnce(id, tell);
        if (!done) return null;
        failures = 0;
        if (lane.woken) continue;
        const { next, ended } = done;
        if (next === 'all told' && ended) return ended;
        await this.#pace.pause(next === 'all told' ? LOOK_AGAIN_MS : next, end => {
          lane.wake = end;
        });
      } catch (err) {
        failures++;
        const pause = pauseAfter(err, failures);
        this.#parts.log.warn({ err, deploy: id, pause }, 'could not tell a deploy in Slack; trying again');
        await tellStarter(this.#parts, id, err);
        await this.#pace.pause(pause);
      }
    }
    return null;
  }

  /** What was looked at is let go of while the next fact is waited for: a thousand deploys may wait. */
  async #tellOnce(
    id: string,
    tell: (told: Told) => Promise<Next>,
  ): Promise<{ next: Next; ended: Deploy | null } | null> {
    const told = await this.#look(id);
    if (!told) return null;
    const next = await tell(told);
    return { next, ended: isOver(told.deploy) ? told.deploy : null };
  }

  async #look(id: string): Promise<Told | null> {
    const { load, messages } = this.#parts;
    const deploy = await load(id);
    if (!deploy) return null;
    const rows = await messages.of(id);
    return {
      deploy,
      kept: new Map(rows.flatMap(({ ts, ...row }) => (ts ? [[row.key, { ...row, ts }]] : []))),
      begun: new Set(rows.flatMap(({ key, ts }) => (ts ? [] : [key]))),
    };
  }

  async #root({ deploy, kept }: Told, teller: Teller): Promise<Next> {
    const { load, views } = this.#parts;
    const known = kept.get('root');
    if (known) return this.#edit(deploy, views.root(deploy), known, { last: isOver(deploy), lane: teller.root });
    const isNeeded = async () => !(await this.#look(deploy.id))?.kept.has('root');
    await this.#pace.turn(deploy.plan.channel, RANKS.root, isNeeded);
    // Much may have happened while it waited.
    const now = (await load(deploy.id)) ?? deploy;
    const message = views.root(now);
    const root = await postOnce(this.#parts, { deploy: now, key: 'root', message, since: deploy.startedAt });
    if (!root) return POST_EVERY_MS;
    this.#editing.posted(deploy.id);
    rouse(teller.replies);
    return this.#edit(now, message, root, { last: isOver(now), lane: teller.root });
  }

  /** Posts the oldest of what is missing; waits when another process is posting it. */
  async #replies(told: Told, { root, replies, cards }: Teller): Promise<Next> {
    if (!told.kept.has('root')) return SWEEP_EVERY_MS;
    if (this.#missing(told).length === 0) return 'all told';
    await this.#turn(told, replies);
    // Much may have happened while it waited.
    const now = await this.#look(told.deploy.id);
    if (!now || this.#missing(now).length === 0) return AT_ONCE;
    const posted = await this.#postNext(now).catch(async err => {
      if (await isRootGone(this.#parts, now.deploy.id, err)) rouse(root);
      throw err;
    });
    if (!posted) return POST_EVERY_MS;
    rouse(cards);
    return AT_ONCE;
  }

  #missing({ deploy, kept }: Told): Pending[] {
    const told = toldBy(kept.values());
    return deploy.facts.flatMap(fact => {
      const reply = this.#parts.views.reply(fact, deploy);
      return reply && !kept.has(keyOf(fact.seq)) && !told(fact.seq) ? [{ ...reply, fact }] : [];
    });
  }

  /** What people must hear of is not kept waiting by what stands before it in its thread, though that asked for the turn. */
  async #turn(told: Told, lane: Lane): Promise<void> {
    const { id, plan } = told.deploy;
    let rank: Rank = this.#missing(told).some(isLoud) ? RANKS.loud : RANKS.quiet;
    let waits = true;
    const lookAnew = async (): Promise<void> => {
      while (waits && lane.woken && rank !== RANKS.loud) {
        lane.woken = false;
        const now = await this.#look(id);
        if (now && this.#missing(now).some(isLoud)) rank = RANKS.loud;
      }
    };
    // Where it fails, it is looked again when the turn comes.
    lane.wake = () => void lookAnew().catch(err => this.#parts.log.warn({ err, deploy: id }, 'cannot look for news'));
    lane.wake();
    const isNeeded = async () => this.#missing((await this.#look(id)) ?? told).length > 0;
    await this.#pace.turn(plan.channel, () => rank, isNeeded);
    waits = false;
    lane.wake = () => {};
  }

  /** Edits the replies that live; no new one waits for that. */
  async #cards({ deploy, kept }: Told, { cards }: Teller): Promise<Next> {
    const waits: number[] = [];
    for (const fact of deploy.facts) {
      const known = kept.get(keyOf(fact.seq));
      const reply = known ? this.#parts.views.reply(fact, deploy) : null;
      if (!known || !reply?.live) continue;
      const next = await this.#edit(deploy, reply.message, known, { last: true, lane: cards });
      if (next !== 'all told') waits.push(next);
    }
    return waits.length > 0 ? Math.min(...waits) : 'all told';
  }

  /** The next of those that are missing, or, where the thread is far behind, all quiet ones up to the next loud one in one. */
  async #postNext(told: Told): Promise<Kept | null> {
    const { deploy, kept, begun } = told;
    const missing = this.#missing(told);
    const late = missing.slice(0, lateOnes(missing, begun, this.#parts.now()));
    const [first, last] = [late[0] ?? missing[0], late.at(-1)];
    const thread = kept.get('root')?.ts;
    if (!first || thread === undefined) return null;
    const where = { deploy, thread, since: first.fact.at };
    const { message, broadcast } = first;
    return last && late.length > 1
      ? postOnce(this.#parts, {
          ...{ ...where, key: keyOf(last.fact.seq), hash: `${COVERS}${first.fact.seq}` },
          message: this.#parts.views.late(late.map(({ message, fact }) => ({ message, at: fact.at }))),
        })
      : postOnce(this.#parts, { ...where, key: keyOf(first.fact.seq), message, broadcast });
  }

  #edit(deploy: Deploy, message: Message, known: Kept, { last, lane }: { last: boolean; lane: Lane }): Promise<Next> {
    return editOnce(this.#parts, this.#editing, { deploy, message, known, last, wake: () => rouse(lane) });
  }
}

const isOver = (deploy: Deploy): boolean => latest(deploy, 'ended') !== undefined;
