/**
 * What somebody probably meant: the candidate that differs in one or two letters, rather one of the same length (`stauts` is
 * `status` before `stats`); null when none does, or several.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const [first, second] = nearestOnes(word, candidates);
  return first !== undefined && second === undefined ? first : null;
}

/** What somebody may have meant: those that differ in the fewest letters, one or two. */
export function nearestOnes(word: string, candidates: readonly string[]): string[] {
  const most = word.length > 4 ? 2 : 1;
  const near = candidates
    .map(candidate => ({ candidate, apart: distance(word, candidate) }))
    .filter(({ apart }) => apart > 0 && apart <= most)
    .map(({ candidate, apart }) => ({ candidate, apart: apart + (candidate.length === word.length ? 0 : 0.5) }))
    .sort((a, b) => a.apart - b.apart);
  return near.filter(({ apart }) => apart === near[0]?.apart).map(({ candidate }) => candidate);
}

/** Letters to add, drop, change or swap with the next one (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
      rows[i]?.push(swapped ? Math.min(least, at(i - 2, j - 2) + 1) : least);
    }
  }
  return at(a.length, b.length);
}
