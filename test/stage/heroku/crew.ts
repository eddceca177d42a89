import { setTimeout as delay } from 'node:timers/promises';
import type { FormationEntry, RunnableRelease } from './contract.ts';
import { Dyno, type Ground } from './dyno.ts';

/** All dynos of one process type, kept as the formation asks. */
export interface Crew {
  /** What `GET /apps/x/dynos` shows of it. */
  visible(): readonly Dyno[];
  run(release: RunnableRelease): void;
  scale(entry: FormationEntry): void;
  /** One of them, or all. */
  restart(name?: string): void;
  /** The dyno manager starts it again. */
  stop(dyno: Dyno): void;
}

// The new dyno starts as soon as the signal is sent (dyno-shutdown-behavior, 2024-12), so old and new can overlap for
// the whole grace. Placing it takes a moment in which a dyno that exits promptly is gone. [assumed: one second]
const PLACING_MS = 1000;

/** The dynos `type.from` to `type.quantity`; none when the slug's Procfile lacks the type. Not started yet. */
export function makeDynos(ground: Ground, release: RunnableRelease, entry: FormationEntry, from = 1): Dyno[] {
  const { type, size, quantity } = entry;
  const command = release.slug.processTypes[type];
  if (command === undefined) return [];
  const count = Math.max(0, quantity - from + 1);
  return Array.from({ length: count }, (_, index) => {
    return new Dyno(ground, { name: `${type}.${from + index}`, type, command, size, release });
  });
}

/** A new dyno for the place of this one. Not started yet. */
export function twin(ground: Ground, dyno: Dyno, size = dyno.view().size): Dyno {
  const { name, type, command } = dyno.view();
  return new Dyno(ground, { name, type, command, size, release: dyno.release });
}

/** Tells in the log that the dyno shown under this name boots from now on. */
export function sayStarting(old: Dyno): void {
  if (old.state !== 'starting') old.say(`State changed from ${old.state} to starting`);
}

/**
 * Stop, then start: each fresh dyno takes the place of the old one with its name; old ones without an heir go down.
 * [assumed: a name that is new in the formation starts without a "State changed" line]
 */
export function takeOver(old: readonly Dyno[], fresh: readonly Dyno[]): void {
  for (const dyno of fresh) {
    const before = old.find(each => each.name === dyno.name);
    if (!before) {
      dyno.start();
      continue;
    }
    before.say('Restarting');
    sayStarting(before);
    startAfter(before.shutdown(), dyno);
  }
  for (const dyno of old) {
    if (!fresh.some(each => each.name === dyno.name)) retire(dyno);
  }
}

/** Takes a dyno that is shown out of the formation. */
function retire(dyno: Dyno): void {
  dyno.say(`State changed from ${dyno.state} to down`);
  void dyno.shutdown();
}

/** `ps:stop`: down, and up again in the same place. [assumed: the wording of the two state changes] */
export function bounce(ground: Ground, dyno: Dyno): Dyno {
  const fresh = twin(ground, dyno);
  dyno.say(`State changed from ${dyno.state} to down`);
  const gone = dyno.shutdown();
  fresh.say('State changed from down to starting');
  startAfter(gone, fresh);
  return fresh;
}

/** The same dynos with as many as the entry asks: new ones at the end, or the last ones retired. */
export function resize(
  ground: Ground,
  dynos: readonly Dyno[],
  release: RunnableRelease,
  entry: FormationEntry,
): Dyno[] {
  for (const dyno of dynos.slice(entry.quantity)) retire(dyno);
  const more = makeDynos(ground, release, entry, dynos.length + 1);
  for (const dyno of more) dyno.start();
  return [...dynos.slice(0, entry.quantity), ...more];
}

function startAfter(gone: Promise<void>, dyno: Dyno): void {
  void Promise.race([gone, delay(PLACING_MS)]).then(() => dyno.start());
}
