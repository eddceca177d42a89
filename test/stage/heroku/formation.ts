import type { DynoView, FormationEntry, RunnableRelease } from './contract.ts';
import type { Crew } from './crew.ts';
import type { Dyno, Ground } from './dyno.ts';
import { Web } from './web.ts';
import { Workers } from './workers.ts';

/** Every process type of an app. */
export class Formation {
  readonly web: Web;
  readonly #ground: Ground;
  readonly #crews = new Map<string, Crew>();
  #release: RunnableRelease | null = null;

  constructor(ground: Ground, ask: { formation: FormationEntry[]; routers: number; preboot: boolean }) {
    this.#ground = ground;
    const entry = ask.formation.find(each => each.type === 'web') ?? { type: 'web', quantity: 0, size: 'Basic' };
    this.web = new Web(ground, { ...ask, entry });
    this.#crews.set('web', this.web);
    this.scale(ask.formation);
  }

  views(): DynoView[] {
    return this.#dynos().map(dyno => dyno.view());
  }

  run(release: RunnableRelease): void {
    this.#release = release;
    for (const crew of this.#crews.values()) crew.run(release);
  }

  scale(formation: FormationEntry[]): void {
    for (const entry of formation) {
      const crew = this.#crews.get(entry.type);
      if (crew) crew.scale(entry);
      else this.#add(entry);
    }
  }

  restart(which?: { name: string } | { type: string }): void {
    if (which && 'name' in which) this.#crews.get(typeOf(which.name))?.restart(which.name);
    else if (which) this.#crews.get(which.type)?.restart();
    else for (const crew of this.#crews.values()) crew.restart();
  }

  stop(nameOrId: string): boolean {
    const dyno = this.#dynos().find(each => each.name === nameOrId || each.view().id === nameOrId);
    if (dyno) this.#crews.get(dyno.type)?.stop(dyno);
    return dyno !== undefined;
  }

  #dynos(): Dyno[] {
    return [...this.#crews.values()].flatMap(crew => [...crew.visible()]);
  }

  #add(entry: FormationEntry): void {
    const crew = new Workers(this.#ground, entry);
    this.#crews.set(entry.type, crew);
    if (this.#release) crew.run(this.#release);
  }
}

function typeOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.'));
}
