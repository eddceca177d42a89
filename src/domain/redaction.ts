import { patternSpans } from './secret-patterns.ts';

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
const SECRET_NAME = /KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|AUTH/i;
const HIDDEN = '•••';

/** The values of an app's config vars, and the passwords in them. */
export const configSecrets = (config: Readonly<Record<string, string>>): Secret[] =>
  Object.entries(config).map(([name, value]) => ({ name, value }));

/** Hides what an app's config vars hold, and what they are known to have held, as `redacting` does. */
export const redactingConfig = (config: Readonly<Record<string, string>>, seen: readonly Secret[]): Redact =>
  redacting([...configSecrets(config), ...seen]);

/**
 * Hides these secrets, in the spellings that are usual for them, also broken by line ends, and whatever looks like one:
 * tokens of known kinds, passwords in addresses, private keys, `PASSWORD=…`. Of a text in which a value would still be
 * found nothing is shown.
 */
export function redacting(secrets: readonly Secret[]): Redact {
  const needles = secrets.flatMap(({ name, value }) => wordsOf(name, value).map(word => ({ word, name })));
  const placeholder = (name: string | null): string => {
    const shown = name === null ? HIDDEN : `[${name}]`;
    return needles.some(({ word }) => shown.includes(word)) ? HIDDEN : shown;
  };
  return text => {
    const bare = squeezed(text);
    const spans = merged([...needles.flatMap(needle => spansOf(bare, needle)), ...patternSpans(text)]);
    if (spans.length === 0) return text;
    let shown = '';
    let at = 0;
    for (const { from, to, name } of spans) {
      shown += text.slice(at, from) + placeholder(name);
      at = to;
    }
    shown += text.slice(at);
    const left = withoutLineEnds(shown);
    return needles.some(({ word }) => left.includes(word)) ? HIDDEN : shown;
  };
}

/** The value as it may be met: as it is, line by line, and as programs write it into addresses, JSON and headers. */
function wordsOf(name: string | null, value: string): string[] {
  const least = name === null || SECRET_NAME.test(name) ? SHORT_SECRET : LONG_ENOUGH;
  const whole = [value, value.trim(), ...passwordsIn(value)].filter(word => word.length >= SHORT_SECRET);
  const [first = '', ...passwords] = [...new Set(whole)];
  const parts = [first, ...first.split(/\r?\n/)].filter(part => part.length >= least).concat(passwords);
  const spelt = parts.flatMap(part => [part, ...spellings(part)]).map(withoutLineEnds);
  return [...new Set(spelt)].filter(word => word.length >= SHORT_SECRET);
}

function passwordsIn(value: string): string[] {
  const password = URL.parse(value)?.password ?? '';
  return password === '' ? [] : [password, unescaped(password)];
}

function spellings(value: string): string[] {
  const escaped = encodeURIComponent(value.toWellFormed());
  return [
    ...[escaped, escaped.replace(/%[0-9A-F]{2}/g, code => code.toLowerCase()), encodeURI(value.toWellFormed())],
    JSON.stringify(value).slice(1, -1),
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

const withoutLineEnds = (text: string): string => text.replace(/[\r\n]/g, '');

/** A text without line ends, and where each of its characters stood. */
type Squeezed = { bare: string; at: Uint32Array };

function squeezed(text: string): Squeezed {
  const at = new Uint32Array(text.length);
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] !== '\n' && text[index] !== '\r') at[length++] = index;
  }
  return { bare: withoutLineEnds(text), at };
}

/** Where a word stands, whatever line ends are in it. */
function spansOf({ bare, at }: Squeezed, { word, name }: { word: string; name: string | null }): Span[] {
  const spans: Span[] = [];
  for (let found = bare.indexOf(word); found >= 0; found = bare.indexOf(word, found + 1)) {
    spans.push({ from: at[found] ?? 0, to: (at[found + word.length - 1] ?? 0) + 1, name });
  }
  return spans;
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
