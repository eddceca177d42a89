import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { type Freeze, freezeShape, frozenAt } from '../src/domain/freeze.ts';

const BERLIN = 'Europe/Berlin';
const at = (text: string, zone = BERLIN): number => DateTime.fromFormat(text, 'yyyy-MM-dd HH:mm', { zone }).toMillis();
const WEEKEND: Freeze = { weekly: { from: 'fri 16:00', to: 'mon 08:00' }, zone: BERLIN, reason: 'Nobody is here' };
const XMAS: Freeze = { dates: { from: '2026-12-20', to: '2027-01-03' }, zone: BERLIN, reason: 'Holidays' };

describe('a freeze', () => {
  it.each<[string, Freeze, string, string | null]>([
    ['holds from its beginning', WEEKEND, '2026-11-27 16:00', '2026-11-30 08:00'],
    ['goes over the end of the week', WEEKEND, '2026-11-29 23:59', '2026-11-30 08:00'],
    ['holds on Monday before it ends', WEEKEND, '2026-11-30 07:59', '2026-11-30 08:00'],
    ['does not hold at its end', WEEKEND, '2026-11-30 08:00', null],
    ['does not hold before it', WEEKEND, '2026-11-27 15:59', null],
    ['ends by the clock on the wall when clocks are put back', WEEKEND, '2026-10-24 12:00', '2026-10-26 08:00'],
    ['by date holds on its first day', XMAS, '2026-12-20 00:00', '2027-01-04 00:00'],
    ['by date holds on all of its last day', XMAS, '2027-01-03 23:59', '2027-01-04 00:00'],
    ['by date is over then', XMAS, '2027-01-04 00:00', null],
    [
      'by date may end at a time',
      { ...XMAS, dates: { from: '2026-12-20 18:00', to: '2026-12-21 06:00' } },
      '2026-12-21 05:59',
      '2026-12-21 06:00',
    ],
  ])('%s', (_, freeze, now, until) => {
    const frozen = frozenAt([freeze], at(now));
    expect(frozen && DateTime.fromMillis(frozen.until, { zone: BERLIN }).toFormat('yyyy-MM-dd HH:mm')).toBe(until);
  });

  it('is told by the one that ends last', () => {
    expect(frozenAt([WEEKEND, XMAS], at('2026-12-25 20:00'))?.reason).toBe('Holidays');
  });

  it('always ends after now, and does not hold at its own end', () => {
    const days = fc.constantFrom('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun');
    const clock = fc
      .integer({ min: 0, max: 1439 })
      .map(m => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);
    const weekly = fc
      .tuple(days, clock, days, clock)
      .map(([a, b, c, d]) => ({ from: `${a} ${b}`, to: `${c} ${d}` }))
      .filter(({ from, to }) => from !== to);
    const now = fc.integer({ min: at('2026-01-01 00:00'), max: at('2027-12-31 00:00') });
    fc.assert(
      fc.property(weekly, now, fc.constantFrom(BERLIN, 'UTC', 'America/New_York'), (when, time, zone) => {
        const freeze: Freeze = { weekly: when, zone, reason: 'x' };
        const frozen = frozenAt([freeze], time);
        if (!frozen) return;
        expect(frozen.until).toBeGreaterThan(time);
        expect(frozen.until - time).toBeLessThanOrEqual((7 * 24 + 1) * 3_600_000);
        expect(frozenAt([freeze], frozen.until)).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    { weekly: { from: 'friday', to: 'mon 08:00' }, reason: 'x' },
    { dates: { from: '2026-13-01', to: '2027-01-03' }, reason: 'x' },
    { dates: { from: '2026-12-01', to: '2027-01-03' }, reason: 'x', zone: 'Mars/Base' },
    { weekly: { from: 'fri 16:00', to: 'mon 08:00' } },
  ])('%j is refused in a settings file', freeze => {
    expect(freezeShape.safeParse(freeze).success).toBe(false);
  });

  it('without a zone is in UTC', () => {
    expect(freezeShape.parse({ weekly: { from: 'fri 16:00', to: 'mon 08:00' }, reason: 'x' }).zone).toBe('UTC');
  });
});
