/** Pieces of a line, at least one, none longer than that, none cut in a letter of two characters: Postgres keeps no half of one. */
export function piecesOf(line: string, longest: number): string[] {
  const pieces: string[] = [];
  let at = 0;
  while (line.length - at > longest) {
    const to = at + longest - (/[\ud800-\udbff]/.test(line.charAt(at + longest - 1)) ? 1 : 0);
    pieces.push(line.slice(at, to));
    at = to;
  }
  return [...pieces, line.slice(at)];
}
