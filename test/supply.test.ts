import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

// What comes from others: exactly these versions, as they were when somebody looked, and running nothing when they come.

const root = fileURLToPath(new URL('..', import.meta.url));
const json = (name: string): unknown => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const versions = z.record(z.string(), z.string()).default({});
const about = z
  .looseObject({
    dependencies: versions,
    devDependencies: versions,
    optionalDependencies: versions,
    allowScripts: z.record(z.string(), z.boolean()),
  })
  .parse(json('package.json'));
const lock = z
  .looseObject({
    lockfileVersion: z.number(),
    packages: z.record(
      z.string(),
      z.looseObject({
        version: z.string().optional(),
        resolved: z.string().optional(),
        integrity: z.string().optional(),
        link: z.boolean().optional(),
        hasInstallScript: z.boolean().optional(),
        inBundle: z.boolean().optional(),
        dev: z.boolean().optional(),
      }),
    ),
  })
  .parse(json('package-lock.json'));
const asked = { ...about.dependencies, ...about.devDependencies, ...about.optionalDependencies };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('a package of others', () => {
  it('is asked for in exactly one version, and that one is locked', () => {
    for (const [name, version] of Object.entries(asked)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
    expect(lock.packages['']).toMatchObject({
      dependencies: about.dependencies,
      devDependencies: about.devDependencies,
    });
  });

  it('is known by its contents, and comes from the registry', () => {
    expect(locked.length).toBeGreaterThan(100);
    for (const [path, { integrity, resolved, inBundle }] of locked) {
      if (inBundle) continue;
      expect(integrity, path).toMatch(/^sha512-/);
      if (resolved !== undefined) expect(resolved, path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
    }
  });

  it('runs nothing when it is installed, unless that was allowed', () => {
    const running = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
    expect(running.length).toBeGreaterThan(0);
    expect(running.filter(name => !(name in about.allowScripts))).toEqual([]);
    // Nothing is allowed for what is not there.
    const here = new Set(locked.map(([path]) => nameOf(path)));
    expect(Object.keys(about.allowScripts).filter(name => !here.has(name))).toEqual([]);
  });
});

describe('what a production install holds', () => {
  const shipped = locked.filter(([, { dev }]) => !dev);
  const namesOf = (packages: typeof locked): string[] =>
    [...new Set(packages.map(([path, { version }]) => `${nameOf(path)}@${version}`))].sort();

  it('is at most 150 MB on this machine, with the private Postgres', () => {
    const here = shipped.filter(([path]) => existsSync(join(root, path)));
    expect(here.length).toBeGreaterThan(100);
    const bytes = here.reduce((sum, [path]) => sum + bytesIn(join(root, path)), 0);
    expect(bytes).toBeGreaterThan(20 * 1024 ** 2);
    expect(bytes / 1024 ** 2).toBeLessThanOrEqual(150);
  });

  it('is all that the bot imports', () => {
    const imported = new Set(['src', 'views', 'commands'].flatMap(packagesIn));
    expect(imported).toContain('pg');
    expect([...imported].filter(name => name in about.devDependencies)).toEqual([]);
  });

  it('is told whole by npm sbom, beside what is marked as for development', () => {
    // With `--omit=dev` npm 11 would also leave out what both need, such as yaml.
    const words = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
    const properties = z.array(z.looseObject({ name: z.string() }));
    const { bomFormat, components } = z
      .looseObject({
        bomFormat: z.string(),
        components: z.array(z.looseObject({ name: z.string(), version: z.string(), properties })),
      })
      .parse(JSON.parse(execFileSync('npm', words, { cwd: root, encoding: 'utf8', maxBuffer: 100_000_000 })));
    expect(bomFormat).toBe('CycloneDX');
    const forUs = components.filter(({ properties }) => !properties.some(({ name }) => name === DEVELOPMENT));
    expect([...new Set(forUs.map(({ name, version }) => `${name}@${version}`))].sort()).toEqual(namesOf(shipped));
  });
});

const DEVELOPMENT = 'cdx:npm:package:development';

/** On the disk, in blocks as `du` counts them; what is installed below it is a package of its own. */
function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? sum : sum + bytesIn(path);
    return entry.isFile() ? sum + statSync(path).blocks * 512 : sum;
  }, 0);
}

/** The packages that programs in a folder import, types and what is loaded later too. */
function packagesIn(folder: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.ts'),
  );
  return files.flatMap(name => {
    const text = readFileSync(join(root, folder, name), 'utf8');
    const from = text.matchAll(/(?:from|import|import\(|resolve\()\s*'((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^']*)?'/g);
    return [...from].map(([, each = '']) => each);
  });
}
