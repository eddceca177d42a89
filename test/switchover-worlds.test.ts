import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phaseOf } from '../src/domain/phase.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, type Observation, type Phase, probesPerSecond } from '../src/domain/watch.ts';
import { goal, happen, heard, t, type World, worlds } from './switchover-world.ts';

/** The same worlds each time: what is found once in 50,000 is for a search, not for whoever changes something else. */
const SEED = 7;

/** When each claim was first made, by Heroku's clock, and what the watch came to. */
type Claims = { serves?: number; gone?: number; corrected?: number; ended?: Phase['kind'] };

/** Watches a world to its end, as the bot does: it asks the app, and reads Heroku's lists when the fold asks for them. */
function play(world: World) {
  const history = happen(world);
  const queue = heard(world, history).sort((a, b) => a.at - b.at);
  const put = (at: number, seen: Observation): void => {
    queue.splice(queue.findLastIndex(entry => entry.at <= at) + 1, 0, { at, seen });
  };
  const claims: Claims = {};
  let watch = beginWatch(goal);
  const see = (at: number, seen: Observation): void => {
    watch = observe(watch, byOurClock(seen, world.aheadMs));
    const said = phaseOf(watch);
    if (watch.served) claims.serves ??= at;
    if (said.kind === 'old gone') claims.gone ??= at;
    if (said.kind === 'mixed' && said.corrected) claims.corrected ??= at;
    if (['old gone', 'not proved', 'crashed', 'superseded'].includes(said.kind)) claims.ended ??= said.kind;
  };
  const ask = (at: number, probe: World['probes'][number]): void => {
    const { router, tookMs, routedAt, fate } = probe;
    const asked = { kind: 'answer', sentAt: at } as const;
    if (fate === 'lost') {
      put(at + 10_000, { ...asked, receivedAt: at + 10_000, status: null, version: null });
      return;
    }
    const routed = at + tookMs * routedAt;
    const release = history.servedBy(router, routed);
    const failed = release === null || fate === 'failed';
    const version = failed || !world.tells || fate === 'bare' ? null : { release };
    put(routed, { kind: 'line', at: routed, event: { kind: 'other', at: routed } });
    put(at + tookMs, { ...asked, receivedAt: at + tookMs, status: failed ? 503 : 200, version });
  };
  let sent = 0;
  let [askAt, tickAt, dynosAt, releasesAt] = [t(world.comesAt), t(world.comesAt + 900), 0, 0];
  while (!claims.ended) {
    const now = Math.min(askAt, tickAt, queue[0]?.at ?? Number.POSITIVE_INFINITY);
    if (queue[0]?.at === now) see(now, queue.shift()!.seen);
    else if (tickAt === now) {
      see(now, { kind: 'time', at: now });
      tickAt += 1_000;
    } else {
      ask(now, world.probes[sent++ % world.probes.length]!);
      askAt += 1_000 / probesPerSecond(watch);
    }
    if (watch.asks.dynos && now >= dynosAt) {
      dynosAt = now + 150;
      put(now + 100, { kind: 'dynos', at: now, dynos: history.dynosAt(now) });
    }
    if (watch.asks.releases && now >= releasesAt) {
      releasesAt = now + 150;
      put(now + 100, { kind: 'releases', at: now, releases: history.releasesAt(now) });
    }
  }
  return { claims, history };
}

/** What the log and the API say keeps Heroku's times. */
function byOurClock(seen: Observation, aheadMs: number): Observation {
  return seen.kind === 'answer'
    ? { ...seen, sentAt: seen.sentAt + aheadMs, receivedAt: seen.receivedAt + aheadMs }
    : { ...seen, at: seen.at + aheadMs };
}

describe('generated switchovers', () => {
  it('are never announced early, whatever people do meanwhile, and always end', () => {
    fc.assert(
      fc.property(worlds(2_000), world => {
        const { claims, history } = play(world);
        if (claims.serves !== undefined) expect(claims.serves).toBeGreaterThanOrEqual(history.switchedAt);
        if (claims.gone !== undefined) expect(claims.gone).toBeGreaterThanOrEqual(history.goneAt);
        expect(claims.corrected).toBeUndefined();
        expect(claims.ended).toBeDefined();
      }),
      { numRuns: 400, seed: SEED },
    );
  });

  it('are proved to their end where nobody disturbs them, by answers or by the log, whatever our clock says', () => {
    fc.assert(
      fc.property(worlds(2_000), wild => {
        const probes = wild.probes.filter(({ fate }) => fate === 'answered' || fate === 'lost');
        fc.pre(probes.some(({ fate }) => fate === 'answered'));
        const { claims } = play({ ...wild, probes, acts: [], previousMs: null, gap: null });
        expect(claims).toMatchObject({ serves: expect.any(Number), ended: 'old gone' });
      }),
      { numRuns: 100, seed: SEED },
    );
  });

  it('correct themselves when routers differ by more than was assumed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 6_000, max: 20_000 }), lateMs => {
        const { claims, history } = play({
          ...{ tells: true, aheadMs: 0, acts: [], previousMs: null, gap: null },
          ...{
            comesAt: 100,
            logAfterMs: 0,
            flips: [0, lateMs],
            drainMs: 5_000,
            bootMs: [2_000],
            exitMs: [100],
            leaveMs: 0,
            lateMs: [0],
          },
          // Long enough on the new router for a false proof, then the old one is asked again.
          probes: Array.from({ length: 40 }, (_, i) => {
            return { router: i < 30 ? 0 : 1, tookMs: 10, routedAt: 0.5, fate: 'answered' };
          }),
        });
        expect(claims.serves).toBeLessThan(history.switchedAt);
        expect(claims.corrected).toBeDefined();
        expect(claims.gone).toBeGreaterThan(history.switchedAt);
      }),
      { numRuns: 50, seed: SEED },
    );
  });
});
