import { randomFrom } from '../bench/statistics.ts';

/** Chance that a seed fixes: the same seed gives the same choices in the same order. */
export class Chance {
  readonly #seed: number;
  /** At least 0 and less than 1. */
  readonly next: () => number;

  constructor(seed: number) {
    this.#seed = seed;
    this.next = randomFrom(seed);
  }

  /** One for a subject of its own, so that what one subject draws does not change what another gets. */
  of(subject: string): Chance {
    let hash = this.#seed;
    for (const letter of subject) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
    return new Chance(hash >>> 0);
  }

  is(likely: number): boolean {
    return this.next() < likely;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.next() * from.length)];
    if (found === undefined) throw new Error('There is nothing to pick from');
    return found;
  }

  /** One of the names, each as often as its weight says. */
  weighed<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[];
    let left = this.next() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return this.pick(names);
  }
}
