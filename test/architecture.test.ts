import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Which parts each part may import. `main` stands for the files that wire or start: they know everyone. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: ['domain'],
  views: ['views', 'domain'],
  commands: ['commands', 'views', 'bot', 'domain'],
  bot: ['bot', 'asking', 'domain', 'outside'],
  recipe: ['recipe', 'asking', 'domain', 'outside'],
  asking: ['asking', 'domain', 'outside'],
  outside: ['domain'],
  adapters: ['adapters', 'outside', 'domain'],
  main: ['main', 'bot', 'recipe', 'commands', 'views', 'adapters', 'asking', 'outside', 'domain'],
};

const PART_OF_FILE: Record<string, string> = {
  'src/outside.ts': 'outside',
  'src/team.ts': 'outside',
  'src/bot.ts': 'bot',
  'src/access.ts': 'bot',
  'src/planning.ts': 'bot',
  'src/administration.ts': 'bot',
  'src/situation.ts': 'asking',
  'src/situation-back.ts': 'asking',
  'src/pending.ts': 'asking',
  'src/narrator.ts': 'bot',
  'src/pace.ts': 'bot',
  'src/lane.ts': 'bot',
  'src/post-queue.ts': 'bot',
  'src/editing.ts': 'bot',
  'src/late.ts': 'bot',
  'src/posting.ts': 'bot',
  'src/unheard.ts': 'bot',
  'src/pictures.ts': 'bot',
  'src/notifier.ts': 'bot',
  'src/locking.ts': 'bot',
  'src/reports.ts': 'bot',
  'src/homes.ts': 'bot',
  'src/home-look.ts': 'bot',
  'src/live-releases.ts': 'bot',
  'src/starting.ts': 'bot',
  'src/not-begun.ts': 'bot',
  'src/presses.ts': 'bot',
  'src/scheduling.ts': 'bot',
  'src/closings.ts': 'bot',
  'src/closing-moves.ts': 'bot',
  'src/trouble.ts': 'bot',
  'src/run.ts': 'recipe',
  'src/recipe.ts': 'recipe',
  'src/output.ts': 'recipe',
  'src/unseen.ts': 'recipe',
  'src/watching.ts': 'recipe',
  'src/rollback.ts': 'recipe',
  'src/before.ts': 'recipe',
  'src/old-code.ts': 'recipe',
  'src/superseding.ts': 'recipe',
  'src/following.ts': 'recipe',
  'src/illness.ts': 'recipe',
  'src/judging.ts': 'recipe',
  'src/new-code.ts': 'recipe',
  'src/migrations.ts': 'recipe',
  'src/migration-progress.ts': 'recipe',
  'src/migration-failures.ts': 'recipe',
  'src/migration-commands.ts': 'recipe',
  'src/approval.ts': 'recipe',
  'src/alone.ts': 'recipe',
  'src/cancelling.ts': 'recipe',
  'src/queue.ts': 'recipe',
  'src/in-flight.ts': 'recipe',
  'src/needed.ts': 'recipe',
  'src/maintenance.ts': 'recipe',
  'src/parking.ts': 'recipe',
  'src/closed-deploy.ts': 'recipe',
  'src/closed-dynos.ts': 'recipe',
};

function partOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  if (top === 'views' || top === 'commands' || top === 'test') return top;
  if (second === 'domain' || second === 'adapters') return second;
  return PART_OF_FILE[file] ?? 'main';
}

type Sources = Record<string, string>;

/** The files that a file imports, types too, by path from the root. */
function importsOf(file: string, text: string): string[] {
  const found = text.matchAll(/(?:^|\n)\s*(?:import|export)[^'"]*?from\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'/g);
  return [...found].map(([, from, lazy]) => join(dirname(file), from ?? lazy ?? ''));
}

function wrongImports(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([file, text]) =>
    importsOf(file, text)
      .filter(target => !MAY_IMPORT[partOf(file)]?.includes(partOf(target)))
      .map(target => `${file} imports ${target}`),
  );
}

function cycles(sources: Sources): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '));
    else if (!done.has(file)) for (const target of importsOf(file, sources[file] ?? '')) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of Object.keys(sources)) visit(file, []);
  return found;
}

function shipped(): Sources {
  const files = ['src', 'commands', 'views'].flatMap(top =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
      .map(entry => relative(root, join(entry.parentPath, entry.name))),
  );
  return Object.fromEntries(files.map(file => [file, readFileSync(join(root, file), 'utf8')]));
}

describe('the parts', () => {
  it('import inward only', () => {
    expect(Object.keys(shipped()).length).toBeGreaterThan(20);
    expect(wrongImports(shipped())).toEqual([]);
  });

  it('have no cycles', () => {
    expect(cycles(shipped())).toEqual([]);
  });

  it('would be caught when a view reached for an adapter, or two files for each other', () => {
    const bad = {
      'views/plan.ts': "import { Store } from '../src/adapters/store.ts';\n",
      'src/domain/a.ts': "import type { B } from './b.ts';\n",
      'src/domain/b.ts': "import { a } from './c.ts';\n",
      'src/domain/c.ts': "export * from './a.ts';\n",
      'src/recipe.ts': "const heroku = await import('./adapters/heroku.ts');\nimport { x } from '../test/x.ts';\n",
    };
    expect(wrongImports(bad).sort()).toEqual([
      'src/recipe.ts imports src/adapters/heroku.ts',
      'src/recipe.ts imports test/x.ts',
      'views/plan.ts imports src/adapters/store.ts',
    ]);
    expect(cycles(bad)).toEqual(['src/domain/a.ts → src/domain/b.ts → src/domain/c.ts → src/domain/a.ts']);
  });

  it('keep DBOS, heroku-client, octokit and the SQL parser in one file each', () => {
    const users = (name: string) =>
      Object.entries(shipped())
        .filter(([, text]) => new RegExp(`from '${name}`).test(text))
        .map(([file]) => file);
    expect(users('heroku-client')).toEqual(['src/adapters/heroku.ts']);
    expect(users('@octokit/')).toEqual(['src/adapters/github.ts']);
    // A pure function in wasm, so the domain may use it; its types name what the rest of the domain reads.
    const loaders = Object.entries(shipped()).filter(([, text]) => /import (?!type).* from 'libpg-query'/.test(text));
    expect(loaders.map(([file]) => file)).toEqual(['src/domain/migration/parser.ts']);
    expect(users('@dbos-inc/dbos-sdk').every(file => /engine|liveness/.test(file))).toBe(true);
  });
});
