import { type Cell, type Column, isMet, type Report, type Table, type Target } from './bench.ts';

/** Where and when it was measured, line by line. */
export type Machine = Readonly<Record<string, string>>;

/** The whole document: the targets first, then each bench with its tables. */
export function markdown(reports: readonly Report[], machine: Machine, skipped: readonly string[]): string {
  const missed = reports.flatMap(report => report.targets.filter(target => !isMet(target)));
  return [
    '# Benchmarks',
    'Written by `npm run bench`, never by hand. Everything runs on loopback: the real bot, a local Heroku that runs apps as ' +
      'real processes behind real routers, a local Slack. Both sides of a comparison are measured in the same run, in turn.',
    tableOf(
      ['', ''],
      Object.entries(machine).map(([name, value]) => [name, value]),
    ),
    ...(skipped.length > 0 ? [`Not run this time: ${skipped.join('; ')}.`] : []),
    '## Targets',
    missed.length === 0 ? 'All are met.' : `${missed.length} missed.`,
    tableOf(
      ['', 'What', 'Target', 'Measured', ''],
      reports.flatMap(({ number, targets }) => targets.map(target => [String(number), ...targetCells(target)])),
    ),
    ...reports.flatMap(sectionOf),
    '',
  ].join('\n\n');
}

function sectionOf({ number, title, compares, tables, notes, seconds }: Report): string[] {
  return [
    `## ${number}. ${title}`,
    compares,
    ...tables.flatMap(table => [`### ${table.title}`, markdownTable(table)]),
    [...notes, `Took ${Math.round(seconds)} s.`].map(note => `* ${note}`).join('\n'),
  ];
}

export const targetCells = (target: Target): string[] => [
  target.what,
  [
    ...(target.least === undefined ? [] : [`≥ ${shown(target.least)}`]),
    ...(target.most === undefined ? [] : [`≤ ${shown(target.most)}`]),
  ].join(', ') + unitOf(target.unit),
  shown(target.measured) + unitOf(target.unit),
  isMet(target) ? 'met' : '**missed**',
];

const unitOf = (unit: string): string => (unit === '' ? '' : ` ${unit}`);

export function markdownTable({ columns, rows }: Table): string {
  return tableOf(columns.map(headOf), cellsOf(columns, rows), columns.map(isNumber(rows)));
}

/** The same for a terminal: columns of one width. */
export function plainTable({ columns, rows }: Table): string {
  const lines = [columns.map(headOf), ...cellsOf(columns, rows)];
  const widths = columns.map((_, i) => Math.max(...lines.map(line => line[i]?.length ?? 0)));
  const right = columns.map(isNumber(rows));
  return lines
    .map(line =>
      line
        .map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const headOf = ({ name, unit }: Column): string => (unit === undefined ? name : `${name}, ${unit}`);

const isNumber = (rows: Table['rows']) => (_: Column, index: number) =>
  rows.some(row => typeof row[index] === 'number');

const cellsOf = (columns: readonly Column[], rows: Table['rows']): string[][] =>
  rows.map(row => columns.map(({ digits }, index) => shown(row[index] ?? null, digits)));

/** A number with as many digits as it is worth, and a comma at the thousands. */
export function shown(value: Cell, digits?: number): string {
  if (value === null) return '–';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '–';
  const places = digits ?? (Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
  return value.toLocaleString('en', { minimumFractionDigits: places, maximumFractionDigits: places });
}

function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map((_, i) => (right[i] ? '---:' : '---')).join('|')}|`, ...rows.map(line)].join('\n');
}
