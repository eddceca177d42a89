import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Freeze } from '../src/domain/freeze.ts';
import { freezeLine, readFreezes } from '../src/domain/freeze-lines.ts';

const BERLIN = 'Europe/Berlin';

describe('a freeze as it is typed', () => {
  it.each<[string, Freeze]>([
    [
      'fri 16:00 - mon 08:00 Europe/Paris: Weekend',
      { weekly: { from: 'fri 16:00', to: 'mon 08:00' }, zone: 'Europe/Paris', reason: 'Weekend' },
    ],
    [
      'Fri 16:00  to  Mon 08:00: at: home',
      { weekly: { from: 'fri 16:00', to: 'mon 08:00' }, zone: BERLIN, reason: 'at: home' },
    ],
    [
      '2026-12-20 – 2026-12-27: Holidays',
      { dates: { from: '2026-12-20', to: '2026-12-27' }, zone: BERLIN, reason: 'Holidays' },
    ],
    [
      '2026-12-20 18:00 - 2026-12-27 06:00 UTC: Holidays',
      { dates: { from: '2026-12-20 18:00', to: '2026-12-27 06:00' }, zone: 'UTC', reason: 'Holidays' },
    ],
    [
      '2026-12-20 - 2026-12-21 Etc/GMT+3: x',
      { dates: { from: '2026-12-20', to: '2026-12-21' }, zone: 'Etc/GMT+3', reason: 'x' },
    ],
  ])('%s', (line, freeze) => {
    expect(readFreezes(line, BERLIN)).toEqual({ freezes: [freeze], problems: [] });
    expect(readFreezes(freezeLine(freeze), 'UTC').freezes).toEqual([freeze]);
  });

  it('that is none is named, with all others that are none', () => {
    const text = [
      '',
      'fri 16:00 - mon 8:00: x',
      'weekends',
      '2026-02-30 - 2026-03-01: x',
      '2026-12-27 - 2026-12-20: x',
      'fri 16:00 - mon 08:00 Mars/Base: x',
      'fri 16:00 - mon 08:00:',
    ];
    const { freezes, problems } = readFreezes(text.join('\n'), BERLIN);
    expect(freezes).toEqual([]);
    expect(problems.map(problem => /^“(.*?)” is none/.exec(problem)?.[1])).toEqual(text.slice(1));
    expect(readFreezes(' \n ', BERLIN)).toEqual({ freezes: [], problems: [] });
  });

  it('is read in no time, whatever is typed', () => {
    fc.assert(fc.property(fc.string({ maxLength: 3_000 }), text => void readFreezes(text, 'UTC')));
    const from = performance.now();
    readFreezes(`fri ${' - '.repeat(1_000)}`, 'UTC');
    expect(performance.now() - from).toBeLessThan(500);
  });
});
