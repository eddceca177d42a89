import type { Backend } from './outlook.ts';

/** One of the routers: picks a dyno at random among those that it has not had trouble with of late. */
export type Lane = {
  number: number;
  pick(backends: Backend[]): Backend | undefined;
  quarantine(backend: Backend): void;
};

export function createLane(number: number, quarantineMs: number): Lane {
  const until = new Map<string, number>();
  return {
    number,
    pick(backends) {
      const now = performance.now();
      const fit = backends.filter(({ id }) => (until.get(id) ?? 0) <= now);
      return fit[Math.floor(Math.random() * fit.length)];
    },
    quarantine({ id }) {
      const now = performance.now();
      for (const [other, end] of until) if (end <= now) until.delete(other);
      until.set(id, now + quarantineMs);
    },
  };
}
