import type { Node } from 'libpg-query';
import { parse } from './parser.ts';

/** A statement of a migration file. `line` counts from 1; `comments` are those above it and behind it on its line. */
export type Piece = { line: number; sql: string; node: Node; comments: string[] };

/** A file taken apart. `unparsed` is where Postgres's parser stopped, and then there are no pieces. */
export type Source = {
  header: string[];
  pieces: Piece[];
  unparsed: { line: number; sql: string; message: string } | null;
};

const COMMENT = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
const HEADER = /^(?:\s|--[^\n]*|\/\*[\s\S]*?\*\/)*/;

/** Takes the forward part of a migration apart, as node-pg-migrate would run it. */
export function readSource(text: string): Source {
  const header = commentsIn(HEADER.exec(text)?.[0] ?? '');
  const { from, sql } = forwardPart(text);
  const firstLine = linesIn(text.slice(0, from));
  const parsed = parse(sql);
  if (parsed.kind === 'unparsed') {
    const before = [...sql].slice(0, parsed.at).join('');
    const line = firstLine + linesIn(before);
    return { header, pieces: [], unparsed: { line: line + 1, sql: lineOf(text, line), message: parsed.message } };
  }
  // Locations are bytes of UTF-8, not characters.
  const bytes = Buffer.from(sql);
  const pieces: Piece[] = [];
  let line = firstLine;
  let read = 0;
  for (const { stmt, stmt_location: start = 0, stmt_len: length = 0 } of parsed.statements) {
    if (!stmt) continue;
    const gap = bytes.toString('utf8', read, start);
    const [behind = '', ...above] = pieces.length > 0 ? gap.split('\n') : ['', gap];
    pieces.at(-1)?.comments.push(...commentsIn(behind));
    const written = bytes.toString('utf8', start, length > 0 ? start + length : bytes.length);
    line += linesIn(gap);
    const lead = written.length - written.trimStart().length;
    pieces.push({
      line: line + linesIn(written.slice(0, lead)) + 1,
      sql: written.trim(),
      node: stmt,
      comments: commentsIn(above.join('\n')),
    });
    line += linesIn(written);
    read = start + Buffer.byteLength(written);
  }
  const [behind = ''] = bytes.toString('utf8', read).split('\n');
  pieces.at(-1)?.comments.push(...commentsIn(behind));
  return { header, pieces, unparsed: null };
}

/** node-pg-migrate 9 runs what stands between its own two markers (`getActions` in sqlMigration). */
function forwardPart(text: string): { from: number; sql: string } {
  const up = markerAt(text, 'up');
  const down = markerAt(text, 'down');
  if (up < 0) return { from: 0, sql: text };
  return { from: up, sql: text.slice(up, down < up ? undefined : down) };
}

/**
 * Where node-pg-migrate finds `/^\s*--[\s-]*up\s+migration/im`, but for blank lines above it; -1 when nowhere. Looked for from
 * its words, since that pattern takes as many steps as a file has blank lines, squared.
 */
function markerAt(text: string, word: 'up' | 'down'): number {
  for (const { index } of text.matchAll(new RegExp(`${word}\\s+migration`, 'gi'))) {
    let from = index;
    while (from > 0 && /[\s-]/.test(text.charAt(from - 1))) from--;
    // With the character before it, which may be what keeps its first line from being dashes alone.
    const before = Math.max(from - 1, 0);
    const dashes = text.slice(before, index).search(/^[^\S\n\r\u2028\u2029]*--/m);
    if (dashes >= 0) return before + dashes;
  }
  return -1;
}

/** What comments say, without their dashes. */
function commentsIn(text: string): string[] {
  return (text.match(COMMENT) ?? []).map(comment => comment.replace(/^--|^\/\*|\*\/$/g, '').trim());
}

const linesIn = (text: string): number => text.split('\n').length - 1;

const lineOf = (text: string, line: number): string => (text.split('\n')[line] ?? '').replaceAll('\0', '␀').trim();
