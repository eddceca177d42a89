import { describe, expect, it } from 'vitest';
import { isMet, type Report } from './bench/bench.ts';
import { markdown, markdownTable, plainTable, shown } from './bench/document.ts';
import { observe } from './bench/observed.ts';
import { plot } from './bench/plot.ts';
import { alternating, median, quantile, randomFrom } from './bench/statistics.ts';
import { seenIn } from './bench/visits.ts';

describe('the bench’s statistics', () => {
  it('give values that were measured: the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0, 0.5, 0.95, 0.99, 1].map(share => quantile(hundred, share))).toEqual([1, 50, 95, 99, 100]);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBeNaN();
  });

  it('measure both sides in turn, and the other way round every second time', async () => {
    const order: string[] = [];
    const found = await alternating(['ours', 'theirs'], 3, async (side, round) => {
      order.push(side);
      return round;
    });
    expect(order).toEqual(['ours', 'theirs', 'theirs', 'ours', 'ours', 'theirs']);
    expect(found).toEqual({ ours: [0, 1, 2], theirs: [0, 1, 2] });
  });

  it('draw the same chances from the same seed', () => {
    const draw = (seed: number) => Array.from({ length: 1_000 }, randomFrom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(3).every(value => value >= 0 && value < 1)).toBe(true);
    expect(draw(4).reduce((sum, value) => sum + value, 0) / 1_000).toBeCloseTo(0.5, 1);
  });
});

const table = {
  title: 'Answers',
  columns: [{ name: '' }, { name: 'p99', unit: 'ms', digits: 1 }, { name: 'peak', unit: 'MB' }],
  rows: [
    ['this | bot', 1234.56, null],
    ['theirs', 2, 12.345],
  ],
};

describe('the bench’s document', () => {
  it('shows numbers with their units, and says what is not known', () => {
    expect(markdownTable(table).split('\n')).toEqual([
      '|  | p99, ms | peak, MB |',
      '|---|---:|---:|',
      '| this \\| bot | 1,234.6 | – |',
      '| theirs | 2.0 | 12.3 |',
    ]);
    expect(plainTable(table).split('\n')).toEqual([
      '            p99, ms  peak, MB',
      'this | bot  1,234.6         –',
      'theirs          2.0      12.3',
    ]);
    expect(shown(Number.NaN)).toBe('–');
  });

  it('names each target, whether it is met, and what was left out', () => {
    const target = { what: 'too early', unit: 's', measured: 4.2 };
    const rest = { number: 2, title: 'Truth', compares: 'This and that.', skipped: null, tables: [table], seconds: 5 };
    const report: Report = {
      ...rest,
      notes: ['A note.'],
      targets: [
        { ...target, most: 4 },
        { ...target, least: 1 },
      ],
    };
    const text = markdown([report], { Node: 'v1' }, ['8 (Segal)']);
    expect(text).toContain('| 2 | too early | ≤ 4 s | 4.20 s | **missed** |');
    expect(text).toContain('| 2 | too early | ≥ 1 s | 4.20 s | met |');
    expect(text).toContain('1 missed.');
    expect(text).toContain('Not run this time: 8 (Segal).');
    expect(text).toContain('| Node | v1 |');
  });

  it('takes what could not be measured for missed', () => {
    const target = { what: 'late', unit: 's', most: 4 };
    expect(isMet({ ...target, measured: 4 })).toBe(true);
    expect(isMet({ ...target, measured: Number.NaN })).toBe(false);
  });
});

describe('what visitors saw', () => {
  const answer = (due: number, ms: number, status: number | null) => ({ due, ms, status, headers: {} });

  it('has its longest gap between two good answers', () => {
    const seen = seenIn([answer(0, 10, 200), answer(100, 10, 500), answer(200, 10, null), answer(900, 50, 200)]);
    expect(seen.gapMs).toBe(940);
    expect(seen.answers.filter(({ isGood }) => isGood)).toHaveLength(2);
  });

  it('begins with the first question, and is no number when nothing was good', () => {
    expect(seenIn([answer(0, 3_000, 200)]).gapMs).toBe(3_000);
    expect(seenIn([answer(0, 1, 503)]).gapMs).toBeNaN();
  });

  it('is drawn, the longest wait with its seconds', () => {
    const points = [
      { x: 0, y: 5 },
      { x: 10, y: 35_000 },
    ];
    const svg = plot([{ name: 'no <preboot>', points, reference: { name: 'he measured 28.99 s', y: 28_990 } }]);
    expect(svg).toContain('no &lt;preboot>: longest 35.00 s (he measured 28.99 s)');
    expect(svg).not.toMatch(/NaN|undefined/);
  });
});

describe('an announcement', () => {
  it('is the broadcast that names the app and its release, as soon as Slack took it', () => {
    const observed = observe();
    const call = { at: '', method: 'chat.postMessage', ok: true, status: 200, error: null, answer: { ts: '12.5' } };
    const text = 'New code serves: shop-1 runs v5';
    observed.onSlack({ ...call, args: { text } });
    observed.onSlack({ ...call, ok: false, args: { text, reply_broadcast: true } });
    expect(observed.announcedAt('shop-1', 5)).toBeUndefined();
    observed.onSlack({ ...call, args: { text, reply_broadcast: true } });
    expect(observed.announcedAt('shop-1', 5)).toBe(12_500);
    expect(observed.announcedAt('shop-1', 4)).toBeUndefined();
  });
});
