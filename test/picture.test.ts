import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderPng } from '../src/adapters/render.ts';
import { EMPTY } from '../src/domain/series.ts';
import { chartOf, isChart } from '../views/chart.ts';
import { pictureOf } from '../views/picture.ts';
import { deploys } from './sample-deploys.ts';
import { migrating } from './sample-migrations.ts';
import { seriesOf, switched, undone, withGap } from './sample-series.ts';
import { validateBlocks } from './stage/slack/blocks.ts';

const picture = (name: keyof typeof deploys, series = switched) => {
  const drawn = pictureOf(deploys[name], series);
  if (!drawn) throw new Error(`no picture of ${name}`);
  return drawn;
};

const wordsIn = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '');

describe('the picture of a deploy', () => {
  it('shows who answered, when it switched, and how long each step took', () => {
    const { svg, title } = picture('succeeded');
    expect(title).toBe('shop: v41 to v42, deployed');
    expect(wordsIn(svg)).toEqual(
      expect.arrayContaining([
        ...['shop: v41 to v42', 'deployed', 'v42 released', 'new dynos up', 'first answer of v42'],
        ...['v42 proved to serve', 'old code gone', 'Build', '1 min 7 s', 'Old code still serving', '0:30', '3:30'],
        'None: no probe failed, and the router logged no failed request',
      ]),
    );
  });

  it('says in its description all that it shows in numbers', () => {
    expect(picture('rolled back too late', undone).alt).toBe(
      'shop: v41 to v42, rolled back. 235 probes: 222 v41, 7 v43 (the code of v41), 4 v42, 2 failed; the slowest took 121 ms. ' +
        '6 failed requests logged by the router. Moments: v42 released 12:01:16 UTC, new dynos up 12:01:24 UTC, ' +
        'web.1 crashed 12:01:55 UTC, rollback decided 12:01:55 UTC, v43 released, with the code of v41 12:02:03 UTC, ' +
        'v43 serves 12:05:10 UTC. Steps: Upload the source 3 s, Build 1 min 7 s, Release 6 s, New dynos boot 39 s (failed), ' +
        'Old code still serving 3 min 46 s, Roll back 8 s, Rollback serves 3 min 7 s.',
    );
  });

  it('does not take a log that nobody could read for one without failures', () => {
    const unread = {
      ...deploys.succeeded,
      facts: deploys.succeeded.facts.map(fact =>
        fact.kind === 'phase' ? { ...fact, tally: { ...fact.tally, log: null } } : fact,
      ),
    };
    const drawn = pictureOf(unread, switched);
    expect(drawn?.alt).toContain("The router's log could not be read.");
    expect(drawn?.alt).not.toContain('logged by the router');
    expect(drawn?.svg).toContain("No probe failed. The router's log could not be read");
  });

  it('hatches the time in which nobody looked', () => {
    const hatched = (svg: string): number => svg.split('url(#unseen)').length - 1;
    expect(hatched(picture('nobody answered', withGap).svg)).toBe(3);
    expect(hatched(picture('succeeded').svg)).toBe(0);
    const late = seriesOf(76, 130, at => (at % 9 === 0 ? null : { by: 'v41', tookMs: 5 }));
    expect(hatched(picture('succeeded', late).svg), 'a second between two questions').toBe(0);
  });

  it('is not there where nothing was released or nothing was watched', () => {
    expect(pictureOf(deploys['build failed'], EMPTY)).toBeNull();
    expect(pictureOf(deploys['build failed'], switched)).toBeNull();
    expect(pictureOf(deploys.succeeded, EMPTY)).toBeNull();
  });

  it('of any deploy is XML within its own bounds, whatever its app is called', () => {
    const samples = Object.values({ ...deploys, ...migrating });
    const names = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('"/><script>', ']]>', '&lt;'));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.constantFrom(switched, undone, withGap),
        names,
        (deploy, series, app) => {
          const drawn = pictureOf({ ...deploy, plan: { ...deploy.plan, app } }, series);
          if (!drawn) return;
          expect(drawn.alt.length).toBeLessThanOrEqual(1_000);
          expect(drawn.svg).not.toMatch(/NaN|Infinity|undefined|<script|\u0000/);
          expect(drawn.svg.replace(/<\/?[a-z]+( [a-zA-Z0-9-]+="[^"<]*")*>/g, '')).not.toMatch(/[<>"]/);
          for (const [, x] of drawn.svg.matchAll(/ (?:x|x1|x2)="([^"]+)"/g)) {
            expect(Number(x)).toBeGreaterThanOrEqual(0);
            expect(Number(x)).toBeLessThanOrEqual(960);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the chart of a deploy', () => {
  it('is one that Slack takes, of any deploy, with 20 points at most', () => {
    for (const deploy of Object.values({ ...deploys, ...migrating })) {
      for (const series of [switched, undone, withGap]) {
        const chart = chartOf(deploy, series);
        expect(validateBlocks(chart?.blocks, 'message')).toEqual([]);
      }
    }
  });

  it('gives shares of the answers by release', () => {
    const [, chart] = chartOf(deploys.succeeded, switched)?.blocks ?? [];
    expect(chart).toMatchObject({
      title: 'Who answered for shop',
      chart: { type: 'line', series: [{ name: 'v41' }, { name: 'v42' }], axis_config: { y_label: '% of answers' } },
    });
    expect(chart && isChart(chart) && chart.chart.series.map(({ data }) => data.map(({ value }) => value))).toEqual([
      [...Array(12).fill(100), 13, 0, 0],
      [...Array(12).fill(0), 88, 100, 100],
    ]);
  });

  it('puts those together who answered least, where they are too many', () => {
    const many = seriesOf(76, 300, at => ({ by: at < 200 ? 'v41' : `v${42 + (at % 7)}`, tookMs: 5 }));
    const [, chart] = chartOf(deploys.succeeded, many)?.blocks ?? [];
    const names = chart && isChart(chart) ? chart.chart.series.map(({ name }) => name) : [];
    expect(names).toHaveLength(6);
    expect(names.slice(-1)).toEqual(['all others']);
  });

  it('is no curve of one point', () => {
    expect(
      chartOf(
        deploys.succeeded,
        seriesOf(76, 77, () => ({ by: 'v41', tookMs: 5 })),
      ),
    ).toBeNull();
    expect(chartOf(deploys.succeeded, EMPTY)).toBeNull();
  });
});

describe('the PNG', () => {
  it('has the words in it: without its font they would be missing, and nobody would say so', async () => {
    const { svg } = picture('succeeded');
    const [png, bare, again] = await Promise.all([renderPng(svg, 800), renderPng(svg, 800, []), renderPng(svg, 800)]);
    const wordless = await renderPng(svg.replace(/<text[^>]*>[^<]*<\/text>/g, ''), 800);
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(800);
    expect(bare.equals(wordless)).toBe(true);
    expect(png.length).toBeGreaterThan(bare.length * 1.5);
    expect(again.equals(png)).toBe(true);
  });

  it('that cannot be drawn is a failure, and the next one is drawn all the same', async () => {
    await expect(renderPng('<svg', 800)).rejects.toThrow();
    expect((await renderPng(picture('succeeded').svg, 100)).readUInt32BE(16)).toBe(100);
  });
});
