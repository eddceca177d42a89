import { z } from 'zod';
import { isOwnPath, type Probe } from './app.ts';

const path = z.string().refine(isOwnPath, 'must be a path of the app itself, such as "/health"');
const probe: z.ZodType<Probe> = z.union(
  [z.strictObject({ path, header: z.string().min(1) }), z.strictObject({ path, json: z.string().min(1) })],
  'must be {"path": "/…", "header": "…"} or {"path": "/…", "json": "…"}, the path one of the app itself',
);

/** Where a commit keeps its migrations, as paths from its root, and the tables that say which have run. */
export type MigrationPlace = { dir: string; contractDir: string; table: string; contractTable: string };

/** Files that we read and run, or the app's own commands, run in a dyno of its own. */
export type Migrations =
  | { kind: 'files'; place: MigrationPlace; maintenance: boolean }
  | { kind: 'commands'; expand: string; contract?: string | undefined; plan?: string | undefined };

const folder = z
  .string()
  .refine(
    path => !path.includes('\\') && !path.split('/').some(part => ['', '.', '..'].includes(part)),
    'must be a folder inside the repository, such as "db/migrations"',
  );

// By its name whoever lints or reviews a file sees that it waits, without this file beside it.
const contractFolder = folder.refine(
  path => /(^|\/)(contract|post|post_migrate)$/.test(path),
  'must be called "contract", "post" or "post_migrate"',
);

// The longest name in Postgres has 63 bytes, and the contract table is named after this one.
const table = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,53}$/, 'must be lower case letters, digits and _, at most 54 of them');

const ASK = 'must be a command, such as "bin/rails db:migrate"';
const command = z.string(ASK).trim().min(1, ASK);

const commands = z.strictObject({ expand: command, contract: command.optional(), plan: command.optional() });

const files = z.strictObject({
  dir: folder.default('migrations'),
  contractDir: contractFolder.optional(),
  table: table.default('pgmigrations'),
  /** Contract migrations run while the app is closed. */
  maintenance: z.boolean().default(false),
});

// Told apart by their keys first, so that a mistake in one form is not answered with what is missing for the other.
const migrations = z.unknown().transform((value, context): Migrations => {
  const isCommands =
    typeof value === 'object' && value !== null && ['expand', 'contract', 'plan'].some(key => key in value);
  const read = isCommands ? commands.safeParse(value) : files.safeParse(value);
  if (!read.success) {
    context.issues.push(...read.error.issues.map(issue => ({ ...issue, code: 'custom' as const, input: value })));
    return z.NEVER;
  }
  return 'expand' in read.data
    ? { kind: 'commands', ...read.data }
    : { kind: 'files', place: placeOf(read.data), maintenance: read.data.maintenance };
});

function placeOf({ dir, contractDir, table }: z.infer<typeof files>): MigrationPlace {
  return { dir, contractDir: contractDir ?? `${dir}/contract`, table, contractTable: `${table}_contract` };
}

const soak = z.number('must be seconds').int().min(0).max(86_400).default(300);

const status = z.number('must be a status such as 200').int().min(100).max(599);
const smokeTest = z.strictObject({
  path,
  status: z
    .union([status, z.array(status).min(1)], 'must be a status such as 200, or a list of them')
    .default(200)
    .transform(given => [given].flat()),
});

const SHARE = 'must be a number, or the name of a config var that holds it, such as "DB_POOL"';
const share = z.union([z.number().int().min(1), z.string().regex(/^[A-Z_][A-Z0-9_]*$/, SHARE)], SHARE);

const file = z.strictObject({
  probe: probe.optional(),
  soakSeconds: soak,
  /** Asked as soon as new code serves. */
  smoke: z.array(smokeTest).max(20, 'must be 20 at most').default([]),
  /** How many connections to its database one dyno may hold. */
  connections: share.optional(),
  migrations: migrations.default(migrations.parse({})),
});

/** A path of the app, and the statuses that it may answer with. */
export type SmokeTest = z.infer<typeof smokeTest>;

export type SwitchoverFile = {
  probe?: Probe | undefined;
  /** How long new code serves alone before anything is destroyed. */
  soakSeconds: number;
  smoke: SmokeTest[];
  connections?: number | string | undefined;
  migrations: Migrations;
  problems: string[];
};

/** `switchover.json` at the root of a commit: how this app, at this commit, is deployed. Every problem at once. */
export function readSwitchoverFile(text: string | null): SwitchoverFile {
  const absent = file.parse({});
  if (text === null) return { ...absent, problems: [] };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    return { ...absent, problems: [`switchover.json is not JSON (${why}). Mend it and push.`] };
  }
  const read = file.safeParse(json);
  if (read.success) return { ...read.data, problems: [] };
  const problems = read.error.issues.map(({ path, message }) => `\`${path.join('.') || 'the file'}\`: ${message}`);
  return { ...absent, problems: problems.map(problem => `switchover.json, ${problem}. Mend it and push.`) };
}
