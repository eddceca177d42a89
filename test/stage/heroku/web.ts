import type { FormationEntry, RunnableRelease } from './contract.ts';
import { bounce, type Crew, makeDynos, resize, sayStarting, takeOver, twin } from './crew.ts';
import type { Dyno, Ground } from './dyno.ts';
import type { Outlook } from './outlook.ts';

/** The web dynos of one release; `leaving` are those that a restart under preboot has hidden, which serve on. */
type Fleet = { release: RunnableRelease; dynos: Dyno[]; leaving: Dyno[] };

const LEAVING_MS = { least: 4 * 60_000, spread: 2 * 60_000 };

/**
 * The web dynos and whom each router may ask. With preboot a release boots out of the routers' sight while the serving
 * fleet, no longer shown, goes on; after the window the routers change over whatever the state of the new dynos
 * (preboot article; changelog 1121), and only then the old ones get their SIGTERM.
 */
export class Web implements Crew {
  /** Switching it does nothing by itself: the next release or restart goes by it. */
  preboot: boolean;
  readonly #ground: Ground;
  #entry: FormationEntry;
  /** The fleet of each router; during a switch they differ. */
  readonly #routed: (Fleet | null)[];
  #serving: Fleet | null = null;
  #pending: { fleet: Fleet; cancelSwitch: () => void } | null = null;

  constructor(ground: Ground, ask: { entry: FormationEntry; routers: number; preboot: boolean }) {
    this.#ground = ground;
    this.#entry = ask.entry;
    this.preboot = ask.preboot;
    this.#routed = Array.from({ length: ask.routers }, () => null);
  }

  /** Scaled. */
  get windowMs(): number {
    const { knobs, scale } = this.#ground;
    return (knobs.bootTimeoutMs + knobs.routerDelayMs) / scale;
  }

  visible(): readonly Dyno[] {
    return this.#shown?.dynos ?? [];
  }

  /** What this router knows of the web dynos. */
  outlook(router: number): Outlook {
    const fleet = this.#routed[router];
    if (!fleet) return { kind: 'blank' };
    const dynos = everyDyno(fleet);
    const backends = dynos.flatMap(dyno => dyno.backend ?? []);
    if (backends.length > 0) return { kind: 'up', backends };
    if (this.#entry.quantity === 0 || !fleet.release.slug.processTypes.web) return { kind: 'none scaled' };
    if (dynos.length === 0) return { kind: 'none routable' };
    return { kind: dynos.every(dyno => dyno.state === 'crashed') ? 'crashed' : 'booting' };
  }

  run(release: RunnableRelease): void {
    const fleet: Fleet = { release, dynos: makeDynos(this.#ground, release, this.#entry), leaving: [] };
    if (this.preboot && this.#serving && everyDyno(this.#serving).length > 0) this.#bootUnseen(fleet);
    else this.#stopThenStart(fleet);
  }

  /**
   * In a window there are twice as many dynos as asked for, and fewer are taken away oldest first: all that the routers
   * know are gone, and users get H99 until the switch (Heroku support, quikly/heroku-scaler).
   */
  scale(entry: FormationEntry): void {
    const fewer = entry.quantity < this.#entry.quantity;
    const resized = entry.size !== this.#entry.size;
    this.#entry = entry;
    const fleet = this.#shown;
    if (!fleet || !this.#serving) return;
    if (fewer) {
      const hidden = this.#pending ? everyDyno(this.#serving) : this.#serving.leaving;
      for (const dyno of hidden) void dyno.shutdown();
      this.#serving.leaving = [];
      if (this.#pending) this.#serving.dynos = [];
    }
    // [assumed] A new size restarts what is there, as `ps:restart` would.
    if (resized) this.restart();
    fleet.dynos = resize(this.#ground, fleet.dynos, fleet.release, entry);
    this.#ground.onChange();
  }

  restart(name?: string): void {
    const fleet = this.#shown;
    if (!fleet) return;
    const { size } = this.#entry;
    const old = fleet.dynos.filter(dyno => !name || dyno.name === name);
    const fresh = old.map(dyno => twin(this.#ground, dyno, size));
    fleet.dynos = fleet.dynos.map(dyno => fresh[old.indexOf(dyno)] ?? dyno);
    if (this.#pending) {
      // "Spins up yet another dyno to preboot", so the serving ones run longer (Heroku support, whacamole 13).
      // [assumed] The clock starts again, as for a release.
      bootBeside(old, fresh, dyno => void dyno.shutdown());
      this.#switchLater(this.#pending.fleet);
    } else if (this.preboot) {
      for (const dyno of old) dyno.say('Restarting');
      bootBeside(old, fresh, dyno => this.#leave(fleet, dyno));
    } else takeOver(old, fresh);
  }

  stop(dyno: Dyno): void {
    const fleet = this.#shown;
    if (fleet) fleet.dynos = fleet.dynos.map(each => (each === dyno ? bounce(this.#ground, dyno) : each));
  }

  get #shown(): Fleet | null {
    return this.#pending?.fleet ?? this.#serving;
  }

  /**
   * A second release in the window takes the place of the pending one; the serving fleet stays, the clock restarts.
   * [assumed, as is that the replaced dynos go as quietly as old ones do: a SIGTERM without a change of state]
   */
  #bootUnseen(fleet: Fleet): void {
    const replaced = this.#pending?.fleet.dynos ?? [];
    for (const dyno of this.visible()) sayStarting(dyno);
    for (const dyno of replaced) void dyno.shutdown();
    for (const dyno of fleet.dynos) dyno.start();
    this.#switchLater(fleet);
  }

  #switchLater(fleet: Fleet): void {
    this.#pending?.cancelSwitch();
    const cancelSwitch = this.#ground.timers.after(this.windowMs, () => this.#switchTo(fleet));
    this.#pending = { fleet, cancelSwitch };
  }

  #switchTo(fleet: Fleet): void {
    const { timers, knobs, scale, onTruth } = this.#ground;
    const old = this.#serving;
    this.#serving = fleet;
    this.#pending = null;
    const last = this.#routed.length - 1;
    for (const router of this.#routed.keys()) {
      timers.after(last === 0 ? 0 : (router / last) * knobs.switchSkewMs, () => {
        this.#route(router, fleet);
        if (router !== last) return;
        if (this.#serving === fleet) onTruth({ kind: 'switched', at: new Date(), release: fleet.release.version });
        if (old) timers.after(knobs.drainDelayMs / scale, () => everyDyno(old).forEach(dyno => void dyno.shutdown()));
      });
    }
  }

  #stopThenStart(fleet: Fleet): void {
    const shown = this.visible();
    const all = [this.#serving, this.#pending?.fleet].flatMap(each => (each ? everyDyno(each) : []));
    this.#pending?.cancelSwitch();
    this.#pending = null;
    this.#serving = fleet;
    for (const dyno of all) if (!shown.includes(dyno)) void dyno.shutdown();
    takeOver(shown, fleet.dynos);
    for (const router of this.#routed.keys()) this.#route(router, fleet);
    this.#ground.onTruth({ kind: 'switched', at: new Date(), release: fleet.release.version });
  }

  /** A router that is late does not go back to a fleet which was replaced meanwhile. */
  #route(router: number, fleet: Fleet): void {
    if (this.#serving !== fleet) return;
    this.#routed[router] = fleet;
    this.#ground.onTruth({ kind: 'router-flipped', at: new Date(), router, release: fleet.release.version });
    this.#ground.onChange();
  }

  /** Hidden, but routed for another 4 to 6 minutes (preboot article, on restarts). */
  #leave(fleet: Fleet, dyno: Dyno): void {
    fleet.leaving.push(dyno);
    const afterMs = (LEAVING_MS.least + Math.random() * LEAVING_MS.spread) / this.#ground.scale;
    this.#ground.timers.after(afterMs, () => {
      fleet.leaving = fleet.leaving.filter(each => each !== dyno);
      void dyno.shutdown();
    });
  }
}

function everyDyno(fleet: Fleet): Dyno[] {
  return [...fleet.dynos, ...fleet.leaving];
}

/** Shown under the old ones' names at once; what becomes of the old ones is up to `then`. */
function bootBeside(old: readonly Dyno[], fresh: readonly Dyno[], then: (old: Dyno) => void): void {
  for (const dyno of old) {
    sayStarting(dyno);
    then(dyno);
  }
  for (const dyno of fresh) dyno.start();
}
