// What is a secret by its looks. Each pattern takes linear time, whatever it is given: anybody's output goes through it.

/** Tokens that say of themselves what they are. */
const TOKENS =
  /(?<![A-Za-z0-9])(?:xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}|gh[a-z]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|HRKU-[\w-]{8,}|npm_\w{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|[srp]k_(?:live|test)_\w{8,}|whsec_\w{8,}|sk-[\w-]{20,}|SG\.[\w-]{16,}|eyJ[\w-]{8,}\.eyJ[\w-]*(?:\.[\w-]*)*)/dg;

/** `postgres://user:pass@host`, and `https://token@host`. */
const IN_ADDRESSES =
  /(?<=[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/)(?:[^\s/?#@:'"]{0,200}:)?(?<secret>[^\s/?#@'"]{1,500})(?=@)/dg;

const HEADERS = /(?<![A-Za-z])(?:Bearer|Basic)\s+(?<secret>(?=[A-Za-z]*[\d._~+/=-])[\w.~+/=-]{8,})/dgi;

/** `STRIPE_KEY=…`, `"password": "…"`, `--token …`. A bare word such as `key` names too much. */
const NAMED =
  /(?<![A-Za-z0-9_])(?:[A-Z0-9_]{0,60}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?)[A-Z0-9_]{0,30}|[\w-]{0,60}(?:password|passwd|secret|token|(?:api|access|private|auth|secret)[_-]?[kK]ey)(?:[_-]\w{0,30})?)["']?\s{0,5}(?:=>?|:)\s{0,5}(?:"(?<quoted>[^"\n]{4,2000})"|'(?<single>[^'\n]{4,2000})'|(?<bare>[^\s"'`,;()[\]{}<>]{4,2000}))/dg;

/** `ALTER ROLE till PASSWORD '…'` (Postgres, CREATE ROLE). */
const IN_SQL = /\bPASSWORD\s{1,20}E?'(?<secret>(?:[^']|''){1,500})'/dgi;

const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/g;
const KEY_ENDS = /-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/g;
/** A line inside of one; its last one may be shorter. */
const OF_A_KEY = /^[A-Za-z0-9+/=]{32,100}$/;
const LAST_OF_A_KEY = /^[A-Za-z0-9+/=]{1,100}$/;
/** What stands in the place of a value without being one. */
const NO_VALUE = /^(?:true|false|null|undefined|none|process\.env\b.*|\$.*|\*+|•+)$/i;

type Span = { from: number; to: number; name: null };

/** Where something stands that looks like a secret. */
export function patternSpans(text: string): Span[] {
  const spans = [TOKENS, IN_ADDRESSES, HEADERS, NAMED, IN_SQL].flatMap(pattern =>
    [...text.matchAll(pattern)].flatMap(match => {
      const named = match.indices?.groups ?? {};
      const [from, to] = Object.values(named).find(at => at !== undefined) ?? match.indices?.[0] ?? [0, 0];
      return NO_VALUE.test(text.slice(from, to)) ? [] : [{ from, to, name: null }];
    }),
  );
  return [...spans, ...keySpans(text)];
}

/** Private keys, also those of which an output shows only the beginning or the end. */
function keySpans(text: string): Span[] {
  const ends = [...text.matchAll(KEY_ENDS)].map(match => ({ from: match.index, to: match.index + match[0].length }));
  const spans: Span[] = [];
  for (const { index } of text.matchAll(KEY_BEGINS)) {
    if (index < (spans.at(-1)?.to ?? 0)) continue;
    const end = ends.find(({ from }) => from > index);
    spans.push({ from: index, to: end?.to ?? text.length, name: null });
  }
  for (const { from, to } of ends) {
    if (spans.some(span => span.from < from && span.to >= to)) continue;
    spans.push({ from: beginningOf(text, from), to, name: null });
  }
  return spans;
}

/** Where the lines begin that belong to a key which ends here. */
function beginningOf(text: string, end: number): number {
  let at = end;
  while (at > 0) {
    const before = text.lastIndexOf('\n', at - 2) + 1;
    const pattern = at === end ? LAST_OF_A_KEY : OF_A_KEY;
    if (before >= at || !pattern.test(text.slice(before, at).trim())) break;
    at = before;
  }
  return at;
}
