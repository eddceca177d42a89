import { type Deploy, latest } from './deploy.ts';

/** Reading, asking and Heroku's own delays: 15 s of a window of 3 minutes. */
const MARGIN = 1 / 12;

/** The last moment, Unix ms, at which going back surely comes in time; `from` is when the window began. */
export function safeUntil({ plan, ...deploy }: Deploy, from: number): number {
  const phaseSeconds = latest(deploy, 'released')?.phaseSeconds ?? 0;
  return from + (plan.windowSeconds * (1 - MARGIN) - phaseSeconds) * 1000;
}
