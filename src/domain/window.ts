import { type Deploy, latest } from './deploy.ts';

/** Reading, asking and Heroku's own delays: 15 s of a window of 3 minutes. */
const MARGIN = 1 / 12;

/** The last moment, Unix ms, at which going back surely comes in time; `from` is when the window began. */
export function safeUntil({ plan, ...deploy }: Deploy, from: number): number {
  const phaseSeconds = latest(deploy, 'released')?.phaseSeconds ?? 0;
  return from + (plan.windowSeconds * (1 - MARGIN) - phaseSeconds) * 1000;
}

/**
 * Until when (Unix ms) a command that new code needs is waited for: as long as going back comes in time, and where a release
 * phase as long as the last one never would, until the switch.
 */
export function commandUntil(deploy: Deploy, from: number): number {
  const windowMs = deploy.plan.windowSeconds * 1000;
  const safe = safeUntil(deploy, from);
  return safe - from > windowMs * MARGIN ? safe : from + windowMs;
}
