import type { MigrationPlace } from './switchover-file.ts';

/** What the app's own release phase could do to migrations that must wait. */
export type ReleasePhase = { kind: 'clear' } | { kind: 'warned'; text: string } | { kind: 'refused'; text: string };

/**
 * Heroku runs the Procfile's `release:` before the new dynos boot, so while old code serves. `destructive` are the paths
 * of pending migrations that must come after it; `scripts` those of the commit's package.json.
 */
export function judgeReleasePhase({
  procfile,
  scripts,
  destructive,
  place,
}: {
  procfile: string | null;
  scripts: Readonly<Record<string, string>>;
  destructive: readonly string[];
  place: MigrationPlace;
}): ReleasePhase {
  const command = /^release:\s*(\S.*)$/m.exec(procfile ?? '')?.[1]?.trim();
  if (command === undefined || destructive.length === 0) return { kind: 'clear' };
  const reach = reachOf(written(command, scripts));
  if (reach === null) {
    return {
      kind: 'warned',
      text: `The Procfile's \`release: ${command}\` runs while old code still serves, and nobody here knows what it does. If it runs migrations, it does not wait for an approval: ${list(destructive)} must come later.`,
    };
  }
  const exposed = destructive.filter(reach);
  if (exposed.length === 0) return { kind: 'clear' };
  return {
    kind: 'refused',
    text: `The Procfile's \`release: ${command}\` would run ${list(exposed)} while old code still serves, without waiting for an approval. Move it to \`${place.contractDir}/\`, or take the command out of the Procfile: Switchover runs the migrations.`,
  };
}

const list = (paths: readonly string[]): string => paths.map(path => `\`${path}\``).join(', ');

/** `npm run migrate up` with what package.json calls `migrate`. */
function written(command: string, scripts: Readonly<Record<string, string>>): string {
  const [, name = '', rest = ''] =
    /^(?:npm run(?:-script)?|yarn(?: run)?|pnpm(?: run)?)\s+([\w:.-]+)(.*)$/.exec(command) ?? [];
  const script = scripts[name];
  return script === undefined ? command : `${script} ${rest}`;
}

/** Which files a command could run as migrations; null when nobody knows. */
function reachOf(command: string): ((path: string) => boolean) | null {
  // More than one command, or one that a shell puts together, may do anything.
  if (/[;&|`$<>\n]/.test(command) || !/(?:^|[\s/])node-pg-migrate\s/.test(command)) return null;
  if (!/\s(?:up|redo)(?:\s|$)/.test(command)) return null;
  if (/--use-glob|--config-file/.test(command)) return () => true;
  // As node-pg-migrate 9 reads its command line; folders below are not looked into.
  const given = /\s(?:-m|--migrations-dir)[\s=]+(\S+)/.exec(command)?.[1] ?? 'migrations';
  const dir = given.replace(/^\.\//, '').replace(/\/$/, '');
  return path => path.slice(0, path.lastIndexOf('/')) === dir;
}
