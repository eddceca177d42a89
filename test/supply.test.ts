import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

// What comes from others: exactly these versions, as they were when somebody looked, and running nothing when they come.

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
