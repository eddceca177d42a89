/** Calls a minute and workspace of each tier (docs.slack.dev, apis/web-api/rate-limits), which is all we may count on. */
const TIER = { 2: 20, 3: 50, 4: 100 } as const;
export type Tier = keyof typeof TIER | 'special';

/** Slack looks at more than one second: a message may come a little early, when the one before came late. */
const MESSAGES = { perSecond: 1, burst: 1.2 };

type Bucket = { left: number; at: number };

/** Slack's rate limits: one message a second in each channel, and so many calls a minute of each method. */
export class Limits {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes one call; gives the seconds to wait when there is none left, or null. */
  take(method: string, tier: Tier, channel: string | null): number | null {
    if (method === 'chat.postMessage' && channel) return this.#take(`${method} ${channel}`, MESSAGES);
    if (tier === 'special') return null;
    return this.#take(method, { perSecond: TIER[tier] / 60, burst: TIER[tier] });
  }

  #take(name: string, { perSecond, burst }: { perSecond: number; burst: number }): number | null {
    const now = Date.now();
    const bucket = this.#buckets.get(name) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.#buckets.set(name, bucket);
    if (bucket.left < 1) return Math.max(1, Math.ceil((1 - bucket.left) / perSecond));
    bucket.left -= 1;
    return null;
  }
}
