import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deploy, Fact } from '../src/domain/deploy.ts';
import { NO_SAMPLE, type Sample } from '../src/domain/health.ts';
import { illBefore, verdictOf } from '../src/domain/health-gate.ts';
import { readLogLine } from '../src/domain/log-line.ts';
import { EMPTY, plot, type Series } from '../src/domain/series.ts';
import { statsOf } from '../src/domain/stats.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch } from '../src/domain/watch.ts';
import { chartOf, isChart } from '../views/chart.ts';
import { pictureOf } from '../views/picture.ts';
import { plainBlocks } from '../views/plain.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { statsShown } from '../views/stats.ts';
import { cases } from './fuzzing.ts';
import { closed } from './sample-closed.ts';
import { deployOf, deploys, STARTED_AT } from './sample-deploys.ts';
import { health } from './sample-health.ts';
import { migrating } from './sample-migrations.ts';
import { expectSafe, foreignText, poisoned } from './untrusted.ts';

// What is shown of things measured: pictures, charts, statistics and health, of any numbers and of anybody's words.

const samples = Object.values({ ...deploys, ...migrating, ...closed, ...health });
/** A deploy of which every word is somebody else's, and its app has any name. */
const deploy = fc.tuple(fc.constantFrom(...samples), foreignText).map(([known, text]): Deploy => poisoned(known, text));

/** What a number that is none looks like; and names that do not. */
const NO_NUMBER = /NaN|Infinity|undefined|\bnull\b/;
const named = foreignText.filter(text => !NO_NUMBER.test(text));
const release = fc.oneof(fc.integer({ min: 38, max: 46 }), fc.maxSafeNat());
const who = fc.oneof(
  release.map(version => `v${version}`),
  fc.constantFrom('old', 'new', 'silent', 'failed', 'other', 'unknown'),
);
const answer = fc.record({ kind: fc.constant('answer' as const), by: who, tookMs: fc.nat(40_000) });
const seen = fc.tuple(
  fc.oneof(fc.nat(3_000), fc.nat(600_000), fc.constant(0)),
  fc.oneof({ weight: 5, arbitrary: answer }, fc.constant({ kind: 'failed request' as const })),
);
/** A watch's curve: time goes on by fits and starts, and now and then an answer comes late. */
const series = fc.tuple(fc.integer({ min: -200, max: 400 }), fc.array(seen, { maxLength: 200 })).map(([from, all]) => {
  let at = STARTED_AT + from * 1_000;
  let curve: Series = EMPTY;
  for (const [later, what] of all) {
    at += later;
    curve = plot(curve, at, what);
  }
  return curve;
});

/** Well-formed, as far as ours goes: elements that are closed in order, attributes in quotes, and no stray mark-up. */
function expectXml(svg: string): void {
  // XML 1.0 knows no other characters.
  expect(svg).not.toMatch(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u);
  const open: string[] = [];
  const rest = svg.replace(/<(\/?)([a-z]+)((?: [a-zA-Z0-9:-]+="[^"<]*")*)>/g, (_, ends, name, attributes) => {
    const names = [...attributes.matchAll(/ ([a-zA-Z0-9:-]+)=/g)].map(([, each]) => each);
    expect(new Set(names).size).toBe(names.length);
    if (ends) expect(open.pop()).toBe(name);
    else open.push(name);
    return '';
  });
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>"]/);
  expect(svg.replaceAll(/&(amp|lt|gt|quot);/g, '')).not.toContain('&');
}

const NUMBERS = / (?:x|y|x1|x2|y1|y2|width|height|rx|points)="([^"]*)"/g;

describe('what was measured', () => {
  it('is drawn as XML within its own bounds, with a description that Slack takes', () => {
    fc.assert(
      fc.property(deploy, series, (known, curve) => {
        const drawn = pictureOf(known, curve);
        if (!drawn) return;
        expect(drawn.alt.length).toBeLessThanOrEqual(1_000);
        expect(drawn.alt.isWellFormed()).toBe(true);
        expect(drawn.alt.trim()).not.toBe('');
        expect(drawn.title.length).toBeLessThanOrEqual(120);
        expectXml(drawn.svg);
        expect(drawn.svg.length).toBeLessThan(400_000);
        for (const [, numbers = ''] of drawn.svg.matchAll(NUMBERS)) {
          for (const number of numbers.split(/[ ,]/))
            expect(Math.abs(Number(number)), number).toBeLessThanOrEqual(1_000);
        }
      }),
      cases(40, 5),
    );
  });

  it('is a chart that Slack takes', () => {
    fc.assert(
      fc.property(deploy, series, (known, curve) => {
        const chart = chartOf(known, curve);
        if (!chart) return;
        expectSafe(chart);
        expectSafe(plainBlocks(chart));
        const drawn = chart.blocks.find(isChart);
        const categories = drawn?.chart.axis_config.categories ?? [];
        expect(categories.length).toBeLessThanOrEqual(20);
        expect(new Set(categories).size).toBe(categories.length);
        const names = drawn?.chart.series.map(({ name }) => name) ?? [];
        expect(new Set(names).size, names.join()).toBe(names.length);
        for (const { data } of drawn?.chart.series ?? []) {
          expect(data.map(({ label }) => label)).toEqual(categories);
          for (const { value } of data) expect(value >= 0 && value <= 100).toBe(true);
        }
      }),
      cases(60, 5),
    );
  });

  it('is counted over any deploys, with no number that is none', () => {
    const later = fc.tuple(deploy, fc.nat(100)).map(([known, days]): Deploy => {
      const moved = (at: string): string => new Date(Date.parse(at) - days * 86_400_000).toISOString();
      const facts = known.facts.map((fact): Fact => ({ ...fact, at: moved(fact.at) }));
      return { ...known, startedAt: moved(known.startedAt), facts };
    });
    fc.assert(
      fc.property(fc.array(later, { maxLength: 30 }), named, fc.nat(200), (all, app, days) => {
        const newestFirst = all.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
        const stats = statsOf(newestFirst, STARTED_AT + days * 86_400_000);
        const shown = statsShown(app, stats);
        expectSafe(shown);
        expect(stats.undone).toBeLessThanOrEqual(stats.released);
        for (const spread of [stats.lead, stats.restore, stats.window, stats.toServe]) {
          if (spread)
            expect([spread.median, spread.most, spread.longest].toSorted((a, b) => a - b)).toEqual(
              Object.values(spread),
            );
        }
        expect(JSON.stringify(shown.blocks).replaceAll(JSON.stringify(app).slice(1, -1), '')).not.toMatch(NO_NUMBER);
      }),
      cases(60, 5),
    );
  });
});

const counts = fc.dictionary(fc.oneof(fc.constantFrom('H12', 'H13', '5xx', 'H80'), foreignText), fc.nat(10_000), {
  maxKeys: 30,
});
const times = fc.dictionary(fc.constantFrom('10', '51', '1709', '49876'), fc.nat(1_000), { maxKeys: 4 });
const sample: fc.Arbitrary<Sample> = fc.record({
  ...{ from: fc.option(fc.constant(STARTED_AT)), to: fc.option(fc.constant(STARTED_AT + 60_000)) },
  ...{ requests: fc.nat(10_000), failures: counts, service: times, probes: fc.nat(500), failed: fc.nat(500) },
  ...{ lost: fc.nat(500), latency: times, memory: counts, crashes: counts },
});
const peak = fc.option(fc.record({ used: fc.nat(), limit: fc.nat(), at: fc.constant(STARTED_AT) }));
const met = fc.record({ before: fc.option(sample), window: sample, since: sample, peak });

const dyno = fc.oneof(
  fc.constantFrom('web.1', 'web.2', 'worker.1', 'run.7'),
  foreignText.map(text => text.slice(0, 60)),
);
const routed = fc.tuple(
  fc.constantFrom('H12', 'H13', 'H27', 'H80', ''),
  fc.constantFrom(200, 500, 503),
  fc.nat(40_000),
);
/** Lines as Heroku writes them, of dynos of any name. */
const line = fc.oneof(
  dyno.map(name => `heroku[${name}]: State changed from up to crashed`),
  fc.tuple(dyno, fc.constantFrom('R14', 'R15')).map(([name, code]) => `heroku[${name}]: Error ${code} (Memory quota)`),
  routed.map(([code, status, ms]) => `heroku[router]: at=info code=${code} status=${status} service=${ms}ms path="/"`),
  foreignText,
);
const SERVED = { at: STARTED_AT + 1, from: STARTED_AT, oldAt: null } as const;
const EVIDENCE = { by: 'log', stopped: [] } as const;

describe('how well new code is', () => {
  it('is told in any numbers', () => {
    const verdict = fc.constantFrom('well' as const, 'not well' as const, 'not judged' as const);
    fc.assert(
      fc.property(met, fc.array(foreignText, { maxLength: 40 }), verdict, deploy, (seen, words, said, known) => {
        const seq = known.facts.length;
        const at = new Date(STARTED_AT + 3_600_000).toISOString();
        const ill = [...words, ...(seen.before ? illBefore(seen.before) : [])];
        const complaints = words.map(now => ({ now, against: now }));
        const facts = [
          { kind: 'before', sample: seen.before ?? NO_SAMPLE, ill },
          { kind: 'not well', complaints, backIn: words.length % 2 === 0 ? null : 30 },
          { kind: 'judged', verdict: said, why: words.join(', '), met: seen },
        ] as const;
        const told = facts.map((fact, index): Fact => ({ ...fact, seq: seq + index, at }));
        const watched = { ...known, facts: [...known.facts, ...told] };
        expectSafe(rootMessage(watched));
        for (const fact of told) {
          const reply = replyTo(fact, watched);
          if (reply) expectSafe(reply.message);
        }
      }),
      cases(60, 5),
    );
  });

  it('is judged of any log without a word that breaks a message', () => {
    const goal = {
      ...{ ours: 42, slug: 'new', commit: null, oldCommit: null, oldWeb: ['web.1'], web: 2 },
      ...{ releasedAt: STARTED_AT, windowMs: 180_000 },
    };
    fc.assert(
      fc.property(fc.option(sample), fc.array(line, { maxLength: 80 }), (before, lines) => {
        let watch = observe(beginWatch({ ...goal, before }), {
          kind: 'log opened',
          at: STARTED_AT,
          oldest: STARTED_AT,
        });
        watch = { ...watch, served: { ...SERVED, evidence: EVIDENCE } as unknown as typeof watch.served };
        for (const [index, text] of lines.entries()) {
          const at = STARTED_AT + 10_000 + index * 1_000;
          const event = readLogLine(`${new Date(at).toISOString()} ${text}`);
          if (event) watch = observe(watch, { kind: 'line', at, event });
        }
        const verdict = verdictOf(watch);
        if (verdict.kind !== 'ill') return;
        const card = deployOf([[300, { kind: 'not well', complaints: verdict.complaints, backIn: 30 }]]);
        for (const fact of card.facts) expectSafe(replyTo(fact, card)?.message ?? { text: '', blocks: [] });
        expect(JSON.stringify(verdict.complaints)).not.toMatch(/NaN|Infinity|undefined/);
      }),
      cases(60, 5),
    );
  });
});
