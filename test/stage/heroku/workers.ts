import type { FormationEntry, RunnableRelease } from './contract.ts';
import { bounce, type Crew, makeDynos, resize, takeOver, twin } from './crew.ts';
import type { Dyno, Ground } from './dyno.ts';

/** A process type without traffic: a release or a restart replaces its dynos at once, preboot or not. */
export class Workers implements Crew {
  readonly #ground: Ground;
  #entry: FormationEntry;
  #release: RunnableRelease | null = null;
  #dynos: Dyno[] = [];

  constructor(ground: Ground, entry: FormationEntry) {
    this.#ground = ground;
    this.#entry = entry;
  }

  visible(): readonly Dyno[] {
    return this.#dynos;
  }

  run(release: RunnableRelease): void {
    this.#release = release;
    const fresh = makeDynos(this.#ground, release, this.#entry);
    takeOver(this.#dynos, fresh);
    this.#dynos = fresh;
  }

  scale(entry: FormationEntry): void {
    const resized = entry.size !== this.#entry.size;
    this.#entry = entry;
    if (!this.#release) return;
    if (resized) this.run(this.#release);
    else this.#dynos = resize(this.#ground, this.#dynos, this.#release, entry);
  }

  restart(name?: string): void {
    const old = this.#dynos.filter(dyno => !name || dyno.name === name);
    const fresh = old.map(dyno => twin(this.#ground, dyno));
    this.#dynos = this.#dynos.map(dyno => fresh[old.indexOf(dyno)] ?? dyno);
    takeOver(old, fresh);
  }

  stop(dyno: Dyno): void {
    this.#dynos = this.#dynos.map(each => (each === dyno ? bounce(this.#ground, dyno) : each));
  }
}
