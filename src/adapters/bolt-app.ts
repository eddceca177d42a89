import { App, type AppOptions, type ReceiverEvent } from '@slack/bolt';
import type { Logger } from 'pino';
import type { NotDone } from '../domain/not-done.ts';
import { type Inbox, PerhapsTaken } from './inbox.ts';
import { Turns } from './turns.ts';
import { within } from './within.ts';
import { isOurs, type Workspace } from './workspace.ts';

export type Taking = {
  inbox: Pick<Inbox, 'take' | 'done' | 'claim'>;
  /** Rejects when Slack does not tell. */
  workspace: () => Promise<Workspace>;
  /** True for what changes nothing, however often it is done. */
  onlyReads: (body: unknown) => boolean;
  log: Pick<Logger, 'warn' | 'error'>;
};

/** Known since the start, but for a Slack that is away. */
const WORKSPACE_WITHIN_MS = 1_000;
/** Slack waits 3 s, and the receiver says that we are at fault after 2.5 s. */
const ANSWER_WITHIN_MS = 2_200;
/** Left-overs of another instance that are worked at the same time. */
const AT_ONCE = 8;
/** Commands, which have no type, and events. For all else Slack wants a form or a menu within 3 s. */
const MAY_WAIT: ReadonlySet<unknown> = new Set([undefined, 'event_callback']);
const TOO_MUCH = 'So much is asked just now that this was not looked up. Nothing was changed: ask again in a minute.';
/** Their acknowledgement has contents, so whoever works them gives it. */
const HAS_ANSWER: ReadonlySet<unknown> = new Set(['view_submission', 'block_suggestion']);

/**
 * Bolt, but nothing that Slack was told is taken is lost or done twice: what changes something is kept before it is
 * acknowledged, and worked by another instance when this one dies. `context.notDone` (a NotDone) says to the listeners that
 * they are only to answer, `context.again` that an acknowledgement would reach nobody, `context.answerBy` (by
 * performance.now()) until when one is waited for.
 */
export class TakingApp extends App {
  readonly #taking: Taking;
  readonly #jobs = new Set<Promise<void>>();
  readonly #turns = new Turns();
  #ours: Workspace | undefined;

  constructor(options: AppOptions, taking: Taking) {
    super(options);
    this.#taking = taking;
  }

  /** Called by the receiver, which has checked the signature by then. */
  override processEvent(event: ReceiverEvent): Promise<void> {
    return this.#track(this.#receive(event));
  }

  /** Works what instances left that are gone: to be called every few seconds. */
  async workLeft(): Promise<void> {
    const { inbox, log } = this.#taking;
    while (this.#jobs.size < AT_ONCE) {
      const left = await inbox.claim();
      if (!left) return;
      const { id, giveUp } = left;
      log.warn({ id, giveUp }, 'another instance left a request of Slack: it is worked here');
      const customProperties = giveUp ? { again: true, notDone: 'left' satisfies NotDone } : { again: true };
      const work = this.#work(id, { body: JSON.parse(left.body), ack: unheard, customProperties });
      void this.#track(work).catch(err => log.error({ err, id }, 'what another instance left could not be worked'));
    }
  }

  /** Resolves when nothing is being worked. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#jobs);
  }

  async #receive(given: ReceiverEvent): Promise<void> {
    const { inbox, workspace, onlyReads, log } = this.#taking;
    const answerBy = performance.now() + ANSWER_WITHIN_MS;
    const event = { ...given, customProperties: { ...given.customProperties, answerBy } };
    const { body } = event;
    const id = idOf(event);
    this.#turns.came();
    try {
      this.#ours ??= await within(WORKSPACE_WITHIN_MS, workspace());
      if (!isOurs(body, this.#ours)) {
        log.warn({ id }, 'a request of another workspace or Slack app was refused');
        return this.#refuse(event, 'not ours');
      }
    } catch (err) {
      log.warn({ err }, 'Slack does not tell which workspace this bot is in');
      return this.#refuse(event, 'not taken');
    }
    if (onlyReads(body)) {
      const mayWait = MAY_WAIT.has(body.type);
      if (mayWait && this.#turns.isFull) return event.ack(body.command === undefined ? undefined : TOO_MUCH);
      const early = await this.#acknowledge(event);
      const read = async (): Promise<void> => {
        // Nothing is lost when it is read twice; so the database need not be there to tell.
        if (await inbox.take(id, null).catch(() => true)) await super.processEvent(early);
        else await this.#cameAgain(id, early);
      };
      if (!mayWait) return read();
      // Not waited for by the receiver, which would keep the whole request meanwhile.
      void this.#track(this.#turns.take(read)).catch(err =>
        log.error({ err, id }, 'a request of Slack could not be read'),
      );
      return;
    }

    let isNew: boolean;
    try {
      isNew = await inbox.take(id, JSON.stringify(kept(body)));
    } catch (err) {
      return this.#refuse(event, err instanceof PerhapsTaken ? 'perhaps taken' : 'not taken');
    }
    return isNew ? this.#work(id, await this.#acknowledge(event)) : this.#cameAgain(id, event);
  }

  async #cameAgain(id: string, event: ReceiverEvent): Promise<void> {
    this.#taking.log.warn({ id }, 'a request of Slack came again: nothing is done');
    await event.ack();
  }

  async #work(id: string, event: ReceiverEvent): Promise<void> {
    try {
      await super.processEvent(event);
    } finally {
      this.#taking.inbox.done(id);
    }
  }

  /** The listeners say why, each in its own place. */
  async #refuse(event: ReceiverEvent, notDone: NotDone): Promise<void> {
    const { customProperties, ...early } = await this.#acknowledge(event);
    return super.processEvent({ ...early, customProperties: { ...customProperties, notDone } });
  }

  async #acknowledge(event: ReceiverEvent): Promise<ReceiverEvent> {
    if (HAS_ANSWER.has(event.body.type)) return event;
    await event.ack();
    return { ...event, ack: unheard };
  }

  async #track(job: Promise<void>): Promise<void> {
    this.#jobs.add(job);
    await job.finally(() => this.#jobs.delete(job));
  }
}

const unheard = async (): Promise<void> => {};

/** An event keeps its id when Slack sends it again; all else is as unique as its delivery. */
function idOf({ body, customProperties }: ReceiverEvent): string {
  return typeof body.event_id === 'string' ? body.event_id : String(customProperties?.delivery);
}

/** Without what nobody reads again: Slack's old verification token, and the message or form that was looked at. */
function kept({ token: _, message: __, view, ...body }: ReceiverEvent['body']): object {
  if (!view) return body;
  const { blocks: ___, ...rest } = view;
  return { ...body, view: rest };
}
