import { ALL_APPS, type Lock, scopeWords } from '../src/domain/lock.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { code, dayAndTime, foreign, mention, sentence } from './text.ts';

// What is said of locks. One message in the channel is a lock's own: it is edited when the lock is gone.

type Notice = { id: string; channel: string; message: Message };

const nameOf = ({ scope }: Lock): string => foreign(scopeWords(scope));
const endOf = ({ until }: Lock): string => (until ? `until ${dayAndTime(until)}` : 'until somebody unlocks it');
const say = (mark: string, headline: string, words: string): Message =>
  message(`${headline}. ${words}`, [section(`${mark} *${headline}*`, words)]);
const privately = (id: string, user: string, words: Message): Notice => ({ id, channel: user, message: words });

export function lockedNotices(lock: Lock, takenFrom: Lock | null): Notice[] {
  const { by, reason, scope } = lock;
  const own = say(
    ':lock:',
    `${nameOf(lock)} is locked`,
    `${mention(by)}, ${endOf(lock)}: ${sentence(foreign(reason, 500))} New deploys do not begin; running ones go on. ${code(`/deploy unlock ${scope}`)} frees it.`,
  );
  const notices: Notice[] = [{ id: `lock ${lock.id}`, channel: lock.channel, message: own }];
  if (!takenFrom) return notices;
  const taken = say(
    ':unlock:',
    `${nameOf(lock)} was locked`,
    `By ${mention(takenFrom.by)} since ${dayAndTime(takenFrom.at)}; ${mention(by)} has taken it over.`,
  );
  notices.push({ id: `lock ${takenFrom.id}`, channel: takenFrom.channel, message: taken });
  if (takenFrom.by === by) return notices;
  const told = `${mention(by)} locks it instead, ${endOf(lock)}: ${sentence(foreign(reason, 500))} Talk to them if you still need it.`;
  return [
    ...notices,
    privately(
      `lock ${takenFrom.id} taken`,
      takenFrom.by,
      say(':lock:', `Your lock on ${nameOf(lock)} was taken over`, told),
    ),
  ];
}

export function freedNotices(
  lock: Lock,
  waiters: readonly { waiter: string; app: string }[],
  by: string | null,
): Notice[] {
  const how =
    by === null ? 'It ended by itself.' : by === lock.by ? 'They unlocked it.' : `${mention(by)} unlocked it.`;
  const was = `By ${mention(lock.by)} since ${dayAndTime(lock.at)}: ${sentence(foreign(lock.reason, 500))} ${how}`;
  const notices: Notice[] = [
    { id: `lock ${lock.id}`, channel: lock.channel, message: say(':unlock:', `${nameOf(lock)} is free again`, was) },
  ];
  if (by !== lock.by) {
    notices.push(
      privately(`lock ${lock.id} gone`, lock.by, say(':unlock:', `Your lock on ${nameOf(lock)} is gone`, how)),
    );
  }
  const others = [...new Set(waiters.map(({ waiter }) => waiter))].filter(
    waiter => waiter !== by && waiter !== lock.by,
  );
  return [
    ...notices,
    ...others.map(waiter => {
      const apps = waiters.filter(known => known.waiter === waiter).map(({ app }) => code(`/deploy ${app}`));
      const words = `You wanted to deploy while ${mention(lock.by)} had it locked: ${apps.join(', ')} works now.`;
      return privately(
        `lock ${lock.id} free for ${waiter}`,
        waiter,
        say(':unlock:', `${nameOf(lock)} is free again`, words),
      );
    }),
  ];
}

/** To its owner, who may have forgotten it. The time makes each reminder a message of its own. */
export function lockReminders(lock: Lock, now: number): Notice[] {
  const words = say(
    ':alarm_clock:',
    `You still have ${lock.scope === ALL_APPS ? 'every app' : nameOf(lock)} locked`,
    `Since ${dayAndTime(lock.at)}, ${endOf(lock)}: ${sentence(foreign(lock.reason, 500))} Nobody else can deploy. ${code(`/deploy unlock ${lock.scope}`)} frees it.`,
  );
  return [privately(`lock ${lock.id} reminded ${now}`, lock.by, words)];
}

/** Somebody else has it: whoever asked may take it over, which is told to them. */
export function lockInTheWay(lock: Lock, wanted: 'lock' | 'unlock'): Message {
  const headline = `${nameOf(lock)} is locked by ${mention(lock.by)}`;
  const words = `Since ${dayAndTime(lock.at)}, ${endOf(lock)}: ${sentence(foreign(lock.reason, 500))} Talk to them first; they are told if you go on.`;
  const value = `${lock.scope} ${lock.id}`;
  return message(`${headline}. ${words}`, [
    section(`:lock: *${headline}*`, words),
    actions(
      wanted === 'lock'
        ? { label: 'Take it over', action: 'take-lock', value, aloud: `Lock ${nameOf(lock)} in their place` }
        : {
            ...{ label: 'Unlock it', action: 'unlock', value, style: 'danger' },
            aloud: `Unlock ${nameOf(lock)} though it is not yours`,
            confirm: {
              title: 'Take the lock of somebody else away?',
              text: `${mention(lock.by)} has a reason for it: ${foreign(lock.reason, 150)}`,
              ...{ yes: 'Unlock it', no: 'Leave it' },
            },
          },
    ),
  ]);
}

/** What one's own lock or unlock did. */
export function lockAnswer(done: 'locked' | 'unlocked' | 'free', lock: Pick<Lock, 'scope' | 'until'>): Message {
  const name = foreign(scopeWords(lock.scope));
  const words = {
    locked: `${name} is locked ${lock.until ? `until ${dayAndTime(lock.until)}` : 'until you unlock it'}. Running deploys go on; only you can begin one.`,
    unlocked: `${name} is free again.`,
    free: `${name} is not locked: there is nothing to unlock.`,
  }[done];
  return message(words, [section(words)]);
}

/** Locks that hold now, for status and the plan. */
export const lockLines = (locks: readonly Lock[]): string[] =>
  locks.map(
    lock =>
      `:lock: ${nameOf(lock)} is locked by ${mention(lock.by)} ${endOf(lock)}: ${sentence(foreign(lock.reason, 300))}`,
  );
