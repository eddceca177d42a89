import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Deploy, Fact } from './domain/deploy.ts';
import { type Pace, POST_EVERY_MS, retryAfterMs } from './pace.ts';
import type { Chat, Message } from './team.ts';

// Tells each deploy in Slack, from its stored facts: one root message, edited in place, and a reply for each fact worth
// reading. What was told is stored too, so a restarted bot goes on where the last one stopped, and says nothing twice.

/** What is kept of our messages. A row without `ts` was meant to be posted, and may have been. */
export interface Messages {
  of(deploy: string): Promise<{ key: string; ts: string | null; hash: string | null }[]>;
  claim(ask: { deploy: string; key: string; channel: string; by: string }): Promise<'first' | 'again' | 'taken'>;
  keep(deploy: string, message: { key: string; ts: string; hash: string | null }): Promise<void>;
  allTold(deploy: string, channel: string, by: string): Promise<void>;
  unfinished(): Promise<string[]>;
}

export type NarratorParts = {
  load: (deploy: string) => Promise<Deploy | null>;
  messages: Messages;
  chat: Chat;
  /** Shared with whoever else posts to this workspace. */
  pace: Pace;
  views: {
    root: (deploy: Deploy) => Message;
    /** `live`: to be edited when what it says has changed. */
    reply: (fact: Fact, deploy: Deploy) => { message: Message; broadcast: boolean; live?: boolean } | null;
  };
  /** Names this process among those that may tell the same deploy. */
  instance: string;
  log: Pick<Logger, 'warn' | 'error'>;
};

const SWEEP_EVERY_MS = 20_000;
/** What is told to its newest fact waits to be woken; this is for what nobody thought of. */
const LOOK_AGAIN_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 60_000;
const STOP_WITHIN_MS = 6_000;

type Kept = { key: string; ts: string; hash: string | null };
type Teller = { woken: boolean; wake: () => void; done: Promise<void>; editedAt: number; editFailures: number };
/** What is to be done next: nothing more for ever, or wait so many ms for a fact. */
type Next = 'all told' | number;

export class Narrator {
  readonly #parts: NarratorParts;
  readonly #pace: Pace;
  readonly #tellers = new Map<string, Teller>();
  readonly #sweep: NodeJS.Timeout;

  constructor(parts: NarratorParts) {
    this.#parts = parts;
    this.#pace = parts.pace;
    this.#sweep = setInterval(() => void this.#resume(), SWEEP_EVERY_MS);
    void this.#resume();
  }

  /** To be called after each appended fact; the facts themselves are read from the store. */
  wake(deploy: string): void {
    const teller = this.#tellers.get(deploy) ?? this.#begin(deploy);
    if (!teller) return;
    teller.woken = true;
    teller.wake();
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
    const teller: Teller = { woken: false, wake: () => {}, done: Promise.resolve(), editedAt: 0, editFailures: 0 };
    this.#tellers.set(deploy, teller);
    teller.done = this.#follow(deploy, teller).finally(() => this.#tellers.delete(deploy));
    return teller;
  }

  /** Tells one deploy in the order of its facts. Each deploy has a loop of its own: none waits for another. */
  async #follow(deploy: string, teller: Teller): Promise<void> {
    let failures = 0;
    while (!this.#pace.stopped) {
      teller.woken = false;
      try {
        const next = await this.#tell(deploy, teller);
        failures = 0;
        if (teller.woken) continue;
        if (next === 'all told') return;
        await this.#pace.pause(next, end => {
          teller.wake = end;
        });
      } catch (err) {
        failures++;
        const pause = pauseAfter(err, failures);
        this.#parts.log.warn({ err, deploy, pause }, 'could not tell a deploy in Slack; trying again');
        await this.#pace.pause(pause);
      }
    }
  }

  async #tell(id: string, teller: Teller): Promise<Next> {
    const { load, messages, views, instance } = this.#parts;
    const deploy = await load(id);
    if (!deploy) return 'all told';
    const kept = new Map((await messages.of(id)).flatMap(({ ts, ...row }) => (ts ? [[row.key, { ...row, ts }]] : [])));
    const message = views.root(deploy);
    const known = kept.get('root');
    const root = known ?? (await this.#post({ deploy, key: 'root', message, since: deploy.startedAt }));
    if (!root) return POST_EVERY_MS;
    if (!known) teller.editedAt = Date.now();
    // A reply that Slack will not have must not keep the root message from being edited.
    const [replies, edit] = await Promise.allSettled([
      this.#reply(deploy, root.ts, kept),
      this.#edit(deploy, message, root, teller),
    ]);
    if (replies.status === 'rejected') throw replies.reason;
    if (edit.status === 'rejected') throw edit.reason;
    if (replies.value !== 'all told' || edit.value !== 'all told') {
      return Math.min(...[replies.value, edit.value].filter(next => next !== 'all told'));
    }
    if (!deploy.facts.some(fact => fact.kind === 'ended')) return LOOK_AGAIN_MS;
    await messages.allTold(id, deploy.plan.channel, instance);
    return 'all told';
  }

  /** Posts what is missing, oldest first, and edits what lives; waits when another process is posting the next one. */
  async #reply(deploy: Deploy, thread: string, kept: ReadonlyMap<string, Kept>): Promise<Next> {
    for (const fact of deploy.facts) {
      const key = `reply:${fact.seq}`;
      const reply = this.#parts.views.reply(fact, deploy);
      const known = kept.get(key);
      if (!reply) continue;
      if (!known) {
        const { message, broadcast } = reply;
        if (!(await this.#post({ deploy, key, thread, message, broadcast, since: fact.at }))) return POST_EVERY_MS;
      } else if (reply.live && known.hash !== hashOf(reply.message)) {
        await this.#parts.chat.update({ channel: deploy.plan.channel, ts: known.ts, message: reply.message });
        await this.#keep(deploy.id, { ...known, hash: hashOf(reply.message) });
      }
    }
    return 'all told';
  }

  /** Posts a message once. An earlier attempt may have got through without our knowing: then it is found by its label. */
  async #post(ask: {
    deploy: Deploy;
    key: string;
    thread?: string;
    broadcast?: boolean;
    message: Message;
    since: string;
  }): Promise<Kept | null> {
    const { messages, chat, instance } = this.#parts;
    const { deploy, key, thread, message, broadcast = false } = ask;
    const { channel } = deploy.plan;
    const claim = { deploy: deploy.id, key, channel, by: instance };
    const place = { channel, ...(thread === undefined ? {} : { thread }), key: { deploy: deploy.id, key } };
    await this.#pace.turn(channel);
    if (this.#pace.stopped) return null;
    let claimed = await messages.claim(claim);
    if (claimed === 'again') {
      const ts = await chat.find({ ...place, after: Date.parse(ask.since) });
      if (ts !== null) return this.#keep(deploy.id, { key, ts, hash: null });
      // Looking took its time: say once more that it is ours.
      claimed = await messages.claim(claim);
    }
    if (claimed === 'taken') return null;
    try {
      const ts = await chat.post({ ...place, broadcast, message });
      return await this.#keep(deploy.id, { key, ts, hash: hashOf(message) });
    } catch (error) {
      this.#pace.postRefused(channel, error);
      throw error;
    }
  }

  /** Brings the root message up to date when its content changed and its time has come. */
  async #edit(deploy: Deploy, message: Message, root: Kept, teller: Teller): Promise<Next> {
    const hash = hashOf(message);
    if (root.hash === hash) return 'all told';
    const last = deploy.facts.some(fact => fact.kind === 'ended') && teller.editFailures === 0;
    const wait = this.#pace.nextEdit(teller.editedAt, this.#tellers.size, last) - Date.now();
    if (wait > 0) return wait;
    try {
      await this.#parts.chat.update({ channel: deploy.plan.channel, ts: root.ts, message });
    } catch (err) {
      this.#pace.editRefused(err);
      const pause = pauseAfter(err, ++teller.editFailures);
      this.#parts.log.warn({ err, deploy: deploy.id, pause }, 'could not edit a message in Slack; trying again');
      teller.editedAt = Date.now() + pause;
      return pause;
    }
    teller.editedAt = Date.now();
    teller.editFailures = 0;
    await this.#keep(deploy.id, { ...root, hash });
    return 'all told';
  }

  async #keep(deploy: string, message: Kept): Promise<Kept> {
    await this.#parts.messages.keep(deploy, message);
    return message;
  }
}

function pauseAfter(error: unknown, failures: number): number {
  return Math.max(retryAfterMs(error), Math.min(1_000 * 2 ** failures, LONGEST_PAUSE_MS));
}

const hashOf = (message: Message): string => createHash('sha256').update(JSON.stringify(message)).digest('base64url');
