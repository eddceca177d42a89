import { z } from 'zod';
import type { Recording } from '../domain/migration-file.ts';
import { contain, type End } from './contained.ts';

const message = z.union([
  z.object({ path: z.string(), reading: z.literal(true) }),
  z.object({ path: z.string(), failed: z.string() }),
  z.object({
    path: z.string(),
    recording: z.object({
      steps: z.array(z.string()),
      transaction: z.boolean(),
      phase: z.string().nullable(),
      reason: z.string().nullable(),
      asked: z.array(z.string()),
    }),
  }),
]);

/** What became of a program: what it would do, or why nobody knows. */
export type ProgramReading = { recording: Recording } | { failed: string };

const RECORD = new URL('migrations/record.ts', import.meta.url);
/** For one program. The first also waits for the compiler. */
const EACH_MS = 10_000;
/** Programs that had to be ended before the rest is given up. */
const PATIENCE = 3;

/**
 * Runs migrations of a commit unpacked in `dir` without a database, and gives what each would do. `earlier` are those
 * before them that named types may come from. They are somebody else's code: see `contain`.
 */
export async function readPrograms(
  dir: string,
  { earlier, wanted }: { earlier: readonly string[]; wanted: readonly string[] },
  signal?: AbortSignal,
): Promise<Map<string, ProgramReading>> {
  const readings = new Map<string, ProgramReading>();
  for (let tries = 0; tries < PATIENCE && readings.size < wanted.length; tries++) {
    let reading: string | null = null;
    const begun = new Set<string>();
    const child = contain(RECORD, dir, {
      signal,
      onMessage: said => {
        const read = message.safeParse(said).data;
        if (!read || !wanted.includes(read.path)) return;
        if (!('reading' in read)) readings.set(read.path, read);
        else if (!begun.has(read.path)) {
          // Once for each: somebody else's code could say so again and again.
          begun.add(read.path);
          reading = read.path;
          child.mustAnswerIn(EACH_MS);
        }
      },
    });
    child.mustAnswerIn(EACH_MS);
    child.tell({ dir, earlier, wanted: wanted.filter(path => !readings.has(path)) });
    const end = await child.ended;
    signal?.throwIfAborted();
    const stuck = reading ?? wanted.find(path => !readings.has(path));
    if (stuck !== undefined && !readings.has(stuck)) readings.set(stuck, { failed: whyItEnded(end) });
  }
  for (const path of wanted) {
    if (!readings.has(path)) readings.set(path, { failed: 'It was not read: others before it had to be ended.' });
  }
  return readings;
}

function whyItEnded({ by, code, said }: End): string {
  if (by !== null) return `It was ended because ${by}.`;
  const last = said.split('\n').at(-1) ?? '';
  return `It ended itself${code === null ? '' : ` with ${code}`}${last === '' ? '' : `, and said: ${last}`}.`;
}
