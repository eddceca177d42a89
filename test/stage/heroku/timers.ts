/** Timers that end together with the app that set them. */
export type Timers = {
  /** Runs `act` after `ms`; the answer cancels it. */
  after(ms: number, act: () => void): () => void;
  clear(): void;
};

export function createTimers(): Timers {
  const live = new Set<NodeJS.Timeout>();
  const drop = (timer: NodeJS.Timeout) => {
    clearTimeout(timer);
    live.delete(timer);
  };
  return {
    after(ms, act) {
      const timer = setTimeout(() => {
        live.delete(timer);
        act();
      }, ms);
      live.add(timer);
      return () => drop(timer);
    },
    clear: () => live.forEach(drop),
  };
}
