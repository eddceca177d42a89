/** A word where it stands in a text. */
export type Found = { word: string; from: number; to: number };

/** No word may be shorter. */
const BEGINNING = 4;
const MARKS = 2 ** 16;

/** What some words have in common, and by the next character how those go on that are longer. */
type Branch = { common: string; isWord: boolean; next: Map<number, Branch> };

/**
 * Looks for many words, each of at least 4 characters, in one pass over a text, however many they are. Of those that begin
 * at the same place the longest is given.
 */
export function searching(words: Iterable<string>): (text: string) => Found[] {
  const byBeginning = grouped(words, word => {
    let key = 0;
    for (let at = 0; at < BEGINNING; at++) key = shifted(key, word.charCodeAt(at));
    return key;
  });
  const branches = new Map([...byBeginning].map(([key, alike]) => [key, branchOf(alike)]));
  // Most places of a text begin none: that is told without a look into the map.
  const marks = new Uint8Array(MARKS);
  for (const key of branches.keys()) marks[markOf(key)] = 1;
  return text => {
    const found: Found[] = [];
    let key = 0;
    for (let at = 0; at < text.length; at++) {
      key = shifted(key, text.charCodeAt(at));
      const from = at - BEGINNING + 1;
      if (marks[markOf(key)] === 0 || from < 0) continue;
      const to = longest(text, from, branches.get(key));
      if (to > from) found.push({ word: text.slice(from, to), from, to });
    }
    return found;
  };
}

/** Where the longest word ends that begins there, or where it would begin. */
function longest(text: string, from: number, branch: Branch | undefined): number {
  let to = from;
  let at = from;
  while (branch && text.startsWith(branch.common, at)) {
    at += branch.common.length;
    if (branch.isWord) to = at;
    branch = branch.next.get(text.charCodeAt(at));
  }
  return to;
}

function branchOf(words: readonly string[]): Branch {
  const common = words.reduce(commonOf);
  const longer = words.filter(word => word.length > common.length).map(word => word.slice(common.length));
  const next = grouped(longer, word => word.charCodeAt(0));
  return {
    ...{ common, isWord: longer.length < words.length },
    next: new Map([...next].map(([code, alike]) => [code, branchOf(alike)])),
  };
}

function commonOf(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return one.slice(0, length);
}

function grouped(words: Iterable<string>, keyOf: (word: string) => number): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const word of words) {
    const group = groups.get(keyOf(word));
    if (group) group.push(word);
    else groups.set(keyOf(word), [word]);
  }
  return groups;
}

/** The low bytes of the last four characters. */
const shifted = (key: number, code: number): number => (key >>> 8) | (code << 24);

const markOf = (key: number): number => (key ^ (key >>> 16)) & (MARKS - 1);
