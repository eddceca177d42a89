import { patternSpans } from './secret-patterns.ts';
import { searching } from './word-search.ts';

// What an app prints, and its SQL, may hold its secrets: it is kept and shown only as it comes out of here.

/** A secret and what is shown in its place: the name of a config var, or nothing that tells what it was. */
export type Secret = { name: string | null; value: string };

/** Gives a text without secrets. */
export type Redact = (text: string) => string;

type Span = { from: number; to: number; name: string | null };

/** A shorter value stands in too many places that have nothing to do with it (`true`, `3000`, `staging`). */
const LONG_ENOUGH = 8;
/** What is called a secret is one even if it is short. */
const SHORT_SECRET = 4;
const SECRET_NAME = /KEY(?!CLOAK|WORD|SPACE|BOARD)|TOKEN|SECRET|PASS(?!ENGER)|PWD|CREDENTIAL|AUTH(?!ORS?(?:$|_))/i;
/** Hidden, an approval would not show what becomes of a column. */
const SWITCH = /^\s*(?:true|false|null|none|auto|enabled|disabled)\s*$/i;
const HIDDEN = '•••';

/** A word, also of camel case; letters at random seldom look so. */
const WORD = '(?:[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]+)';
/** `v1` in one way only: two would be two to the power of how many there are. */
const NUMBERED = `(?:${WORD}\\d?|\\d{1,10}|v\\d{2,10})`;
/** Words and numbers as in the names of tables, files, paths and hosts; `hunter2` alone may be a password. */
const ORDINARY = new RegExp(
  `^(?!\\W*[A-Za-z]+\\d\\W*$)(?:[a-z]+://)?[*./]*${NUMBERED}(?:[._/-]+${NUMBERED})*(?::\\d{1,5})?/?$`,
);

/** The values of an app's config vars, and the passwords in them. */
export const configSecrets = (config: Readonly<Record<string, string>>): Secret[] =>
  Object.entries(config).map(([name, value]) => ({ name, value }));

/** Hides what an app's config vars hold, and what they are known to have held, as `redacting` does. */
export const redactingConfig = (config: Readonly<Record<string, string>>, seen: readonly Secret[]): Redact =>
  redacting([...configSecrets(config), ...seen]);

/**
 * Hides these secrets, in the spellings that are usual for them, also broken by line ends, indentation or colours, and
 * whatever looks like one: tokens of known kinds, passwords in addresses, private keys, `PASSWORD=…`. Of a text in which a
 * value would still be found nothing is shown.
 */
export function redacting(secrets: readonly Secret[]): Redact {
  const names = new Map<string, string | null>();
  for (const { name, value } of secrets) {
    for (const word of wordsOf(name, value)) if (!names.has(word)) names.set(word, name);
  }
  const search = searching(names.keys());
  const spansIn = (text: string): Span[] =>
    squeezes(text).flatMap(({ bare, at }) =>
      search(bare).map(({ word, from, to }) => ({ from: at(from), to: at(to - 1) + 1, name: names.get(word) ?? null })),
    );
  const placeholder = (name: string | null): string => {
    const shown = name === null ? HIDDEN : `[${name}]`;
    return search(shown).length > 0 ? HIDDEN : shown;
  };
  return text => {
    const spans = merged([...spansIn(text), ...patternSpans(text)]);
    if (spans.length === 0) return text;
    let shown = '';
    let at = 0;
    for (const { from, to, name } of spans) {
      shown += text.slice(at, from) + placeholder(name);
      at = to;
    }
    shown += text.slice(at);
    return spansIn(shown).length > 0 ? HIDDEN : shown;
  };
}

/** The value and what is in it, as they may be met: as they are, line by line, and as programs write them elsewhere. */
function wordsOf(name: string | null, value: string): string[] {
  if (SWITCH.test(value)) return [];
  const secret = name === null || SECRET_NAME.test(name);
  const least = secret ? SHORT_SECRET : LONG_ENOUGH;
  const within = partsIn(value, secret);
  const passwords = [value, ...within].flatMap(passwordsIn);
  const parts = [
    ...linesOf(value).filter(part => part.length >= least),
    ...within.flatMap(linesOf).filter(part => part.length >= LONG_ENOUGH),
    ...passwords.filter(part => part.length >= SHORT_SECRET),
  ];
  const spelt = [...new Set(parts)].flatMap(part => [part, ...spellings(part)]);
  return [...new Set(spelt.flatMap(word => [withoutLineEnds(word), word.replace(GAPS, '')]))].filter(
    word => word.length >= SHORT_SECRET,
  );
}

const linesOf = (value: string): string[] => [value, ...value.split(/\r?\n/)].flatMap(line => [line, line.trim()]);

/**
 * The texts in a value of JSON, or what commas part. What is ordinary is one only where its name is a secret's: a list of
 * tables is not to hide on an approval which of them is dropped.
 */
function partsIn(value: string, secret: boolean): string[] {
  if (/^\s*[{[]/.test(value)) {
    try {
      return textsIn(JSON.parse(value), secret);
    } catch {
      // It only looks so, or is nested too deeply to be a setting.
    }
  }
  return value.includes(',')
    ? textsIn(
        value.split(',').map(item => item.trim()),
        secret,
      )
    : [];
}

function textsIn(json: unknown, secret: boolean): string[] {
  if (typeof json === 'string') return secret || !ORDINARY.test(json) ? [json] : [];
  if (Array.isArray(json)) return json.flatMap(item => textsIn(item, secret));
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, member]) => textsIn(member, secret || SECRET_NAME.test(name)));
}

/** Of several hosts, as MongoDB has them, URL makes nothing. Where an address has no password, its user's name is a key. */
function passwordsIn(value: string): string[] {
  const [, plain = ''] = /^[a-z][\w+.-]*:\/\/[^\s/?#@:]*:([^\s/?#]*)@/i.exec(value.trim()) ?? [];
  const { password = '', username = '' } = URL.parse(value) ?? {};
  const isKey = password === '' && username.length >= LONG_ENOUGH && !ORDINARY.test(username);
  return [plain, password, isKey ? username : ''].flatMap(word => [word, unescaped(word)]);
}

function spellings(value: string): string[] {
  const escaped = encodeURIComponent(value.toWellFormed());
  // So Postgres shows bytes.
  const hex = Buffer.from(value).toString('hex');
  return [
    ...[escaped, escaped.replace(/%[0-9A-F]{2}/g, code => code.toLowerCase()), encodeURI(value.toWellFormed())],
    JSON.stringify(value).slice(1, -1),
    value.replaceAll("'", "''"),
    ...[hex, hex.toUpperCase()],
    ...base64(value),
  ];
}

/** In base64 the same bytes look otherwise by where they begin; what neighbours decide is left out. */
function base64(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap(before => {
    const coded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const sure = coded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    // Shorter, it would be met by chance.
    return sure.length < LONG_ENOUGH ? [] : [sure, sure.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const LINE_ENDS = /[\r\n]+/g;
/** Line ends with what indents the next line, and what a terminal is told (ECMA-48, control sequences). */
const GAPS = /[\r\n](?:[\r\n\t ]|\x1b\[[0-?]*[ -/]*[@-~])*|\x1b\[[0-?]*[ -/]*[@-~]/g;

const withoutLineEnds = (text: string): string => text.replace(LINE_ENDS, '');

/** A text without what may stand in the middle of a word, and where each of its characters stood. */
type Squeezed = { bare: string; at: (index: number) => number };

/** Indentation may belong to a value, too: so it is looked for with and without. */
function squeezes(text: string): Squeezed[] {
  const strict = squeezed(text, LINE_ENDS);
  const loose = squeezed(text, GAPS);
  return loose.bare.length === strict.bare.length ? [strict] : [strict, loose];
}

function squeezed(text: string, gaps: RegExp): Squeezed {
  if (text.search(gaps) < 0) return { bare: text, at: index => index };
  const places = new Uint32Array(text.length);
  let bare = '';
  let from = 0;
  const keep = (to: number) => {
    for (let at = from; at < to; at++) places[bare.length + at - from] = at;
    bare += text.slice(from, to);
  };
  for (const { index, 0: gap } of text.matchAll(gaps)) {
    keep(index);
    from = index + gap.length;
  }
  keep(text.length);
  return { bare, at: index => places[index] ?? 0 };
}

/** In their order, those that overlap as one. */
function merged(spans: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    const before = found.at(-1);
    if (!before || span.from >= before.to) found.push({ ...span });
    else before.to = Math.max(before.to, span.to);
  }
  return found;
}

/** An address as people may see it: an app behind a password has that in its settings. */
export function withoutLogin(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/?#]*@/, '$1');
}
