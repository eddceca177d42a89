import { z } from 'zod';
import type { Probe } from './app.ts';

const probe: z.ZodType<Probe> = z.union(
  [
    z.strictObject({ path: z.string().startsWith('/'), header: z.string().min(1) }),
    z.strictObject({ path: z.string().startsWith('/'), json: z.string().min(1) }),
  ],
  'must be {"path": "/…", "header": "…"} or {"path": "/…", "json": "…"}',
);

const file = z.strictObject({ probe: probe.optional() });

/** `switchover.json` at the root of a commit: how this app, at this commit, is deployed. Every problem at once. */
export function readSwitchoverFile(text: string | null): { probe?: Probe | undefined; problems: string[] } {
  if (text === null) return { problems: [] };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return {
      problems: [`switchover.json is not JSON (${error instanceof Error ? error.message : error}). Mend it and push.`],
    };
  }
  const read = file.safeParse(json);
  if (read.success) return { probe: read.data.probe, problems: [] };
  const problems = read.error.issues.map(({ path, message }) => `\`${path.join('.') || 'the file'}\`: ${message}`);
  return { problems: problems.map(problem => `switchover.json, ${problem}. Mend it and push.`) };
}
