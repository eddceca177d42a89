import { type Phase, strictest } from './rule.ts';

/** What a file says of itself: a phase, perhaps with a reason, and whether it runs outside a transaction. */
export type Header = { phase: Phase | null; reason: string | null; transaction: boolean };

const WORDS: Readonly<Record<string, Phase>> = {
  expand: 'expand',
  pre: 'expand',
  before: 'expand',
  contract: 'contract',
  post: 'contract',
  after: 'contract',
};

/** One that is longer is not read, and so makes nothing looser. */
const LONGEST = 1_000;

/** From the comments above the first statement: `phase: expand -- reason: …` and `no-transaction`. */
export function readHeader(all: readonly string[]): Header {
  const comments = all.filter(comment => comment.length <= LONGEST);
  const said = comments.flatMap(comment => /^phase:\s*(\w+)(?:\s*--\s*reason:\s*(.+))?$/i.exec(comment) ?? []);
  return {
    phase: WORDS[said[1]?.toLowerCase() ?? ''] ?? null,
    reason: said[2]?.trim() ?? null,
    transaction: !comments.some(comment => /^no-transaction$/i.test(comment)),
  };
}

export type FilePhase = {
  phase: Phase;
  by: 'header' | 'folder' | 'name' | 'verdict';
  loosened: string | null;
  problem: string | null;
};

const FOLDERS = new Set(['contract', 'post', 'post_migrate']);

/** The phase a file is run in: its header, its folder, its name or the verdict; only a reason makes it looser. */
export function phaseOfFile(file: string, header: Header, verdict: Phase): FilePhase {
  const { phase: declared, by } = declaredPhase(file, header);
  const phase = strictest([declared ?? 'neutral', verdict]);
  if (declared === null) return { phase, by: 'verdict', loosened: null, problem: null };
  if (declared !== 'expand' || verdict !== 'contract') return { phase, by, loosened: null, problem: null };
  if (header.reason !== null) return { phase: 'expand', by, loosened: header.reason, problem: null };
  const problem =
    'It says `-- phase: expand`, but it must wait until old code is gone. If you know better, say why: `-- phase: expand -- reason: …`.';
  return { phase, by: 'verdict', loosened: null, problem };
}

/** What a file says of itself by its header, its folder or its name. */
export function declaredPhase(file: string, header: Header): { phase: Phase | null; by: FilePhase['by'] } {
  if (header.phase) return { phase: header.phase, by: 'header' };
  const [name = '', folder = ''] = file.split(/[/\\]/).reverse();
  if (FOLDERS.has(folder)) return { phase: 'contract', by: 'folder' };
  return name.includes('.contract.') ? { phase: 'contract', by: 'name' } : { phase: null, by: 'verdict' };
}

/** The rules that comments acknowledge, with the reason: `allow: RULE reason`. One without a reason is none. */
export function readAllowed(comments: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    comments.flatMap(comment => {
      const [, rule, reason] = /^allow:\s*([\w-]+)\s+(\S.*)$/i.exec(comment) ?? [];
      return rule && reason ? [[rule, reason] as const] : [];
    }),
  );
}
