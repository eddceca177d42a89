import { randomBytes } from 'node:crypto';
import type { AppSettings } from './domain/app.ts';
import { ALL_APPS, type Lock, lockRefusals, readDuration } from './domain/lock.ts';
import { Refusal } from './domain/refusal.ts';
import type { Locks } from './team.ts';

/** What came of asking: done, nothing to do, or somebody else's lock in the way. */
export type LockAnswer =
  | { kind: 'locked' | 'unlocked' | 'free'; lock: Pick<Lock, 'scope' | 'until'> }
  | { kind: 'held'; lock: Lock };

/** Locks as people ask for them; who may is asked before. */
export class Locking {
  readonly #locks: Locks;

  constructor(locks: Locks) {
    this.#locks = locks;
  }

  /**
   * `length` as typed (`2h`), null for no end; `instead` is the id of somebody else's lock that is taken over; `request` names
   * what was typed or pressed, once.
   */
  async lock(ask: {
    user: string;
    scope: string;
    length: string | null;
    reason: string;
    channel: string;
    instead?: string | null;
    request: string;
  }): Promise<LockAnswer> {
    const { user, scope, length, reason, channel, instead = null, request } = ask;
    const ms = length === null ? null : readDuration(length);
    if (length !== null && ms === null) {
      throw new Refusal([
        `“${length.slice(0, 40)}” is no length of time. Say \`15m\`, \`2h\`, \`1h30m\` or \`3d\`, 30 days at most.`,
      ]);
    }
    if (!reason.trim()) {
      throw new Refusal([
        `A lock needs a reason, for those whom it stops: \`/deploy lock ${scope} for 2h we look at the queue\`.`,
      ]);
    }
    const id = `l${randomBytes(5).toString('hex')}`;
    const wish = { scope, id, by: user, reason: reason.trim(), channel, seconds: ms === null ? null : ms / 1000 };
    const taken = await this.#locks.take(wish, { instead, request });
    switch (taken.kind) {
      case 'taken':
        return { kind: 'locked', lock: taken.lock };
      case 'held':
        return { kind: 'held', lock: taken.lock };
      case 'over':
        return { kind: 'free', lock: { scope, until: null } };
      default:
        return taken satisfies never;
    }
  }

  /** `id` names somebody else's lock that is taken away all the same. */
  async unlock(ask: { user: string; scope: string; id?: string | null; request: string }): Promise<LockAnswer> {
    const { user, scope, id = null, request } = ask;
    const released = await this.#locks.release(scope, { by: user, id, request });
    switch (released.kind) {
      case 'released':
        return { kind: 'unlocked', lock: released.lock };
      case 'held':
        return released;
      case 'free':
        return { kind: 'free', lock: { scope, until: null } };
      default:
        return released satisfies never;
    }
  }

  /** Those that hold on an app. */
  on({ name }: Pick<AppSettings, 'name'>): Promise<Lock[]> {
    return this.#locks.on([name, ALL_APPS]);
  }

  /** Whoever was refused the app for locks of others is told when they are gone. */
  async wait(user: string, app: string): Promise<void> {
    for (const lock of await this.#locks.on([app, ALL_APPS])) {
      if (lockRefusals([lock], user).length > 0) await this.#locks.wait(lock, user, app);
    }
  }
}
