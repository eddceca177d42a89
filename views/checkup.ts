import type { Finding, Level } from '../src/domain/checkup.ts';

const MARK = { green: '✔', yellow: '!', red: '✘' } as const satisfies Record<Level, string>;
const ORDER: readonly Level[] = ['red', 'yellow', 'green'];

/** What the doctor prints: a line for each finding, what to do below it, and the sum. `paint` colours a mark. */
export function checkupText(findings: readonly Finding[], paint: (level: Level, text: string) => string): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const lines = findings.flatMap(({ level, what, found, todo }) => [
    `${paint(level, `${MARK[level]} ${level.padEnd(6)}`)} ${what.padEnd(width)}  ${found}`,
    ...(todo ? [`${' '.repeat(width + 10)} → ${todo}`] : []),
  ]);
  const sum = ORDER.map(level => `${findings.filter(finding => finding.level === level).length} ${level}`).join(', ');
  const isWell = !findings.some(({ level }) => level === 'red');
  return [...lines, '', isWell ? `${sum}. The bot can work.` : `${sum}. Mend what is red, then ask again.`].join('\n');
}
