/** Calls of one kind: so many ms apart, of which some may come at once. */
export type Budget = { name: string; everyMs: number; atOnce: number };

/** What Slack allows the bot is for all of its processes together. */
export interface Shared {
  /** No other process calls Slack now: what is kept in this one is all there is. */
  alone(): boolean;
  /** Takes a place if there is one: 0. Else for how many ms there is none. */
  take(budget: Budget): Promise<number>;
}
