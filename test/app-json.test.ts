import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readUsableConfig } from '../src/config.ts';

const text = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

/** Of Heroku's schema (devcenter.heroku.com, articles/app-json-schema) what ours has. */
const appJson = z.strictObject({
  name: z.string().max(300),
  description: z.string(),
  keywords: z.string().array(),
  stack: z.string().regex(/^heroku-\d\d$/),
  buildpacks: z.strictObject({ url: z.string() }).array(),
  addons: z.strictObject({ plan: z.string() }).array(),
  formation: z.record(z.string(), z.strictObject({ quantity: z.number().min(1), size: z.string() })),
  env: z.record(
    z.string().regex(/^[A-Z][A-Z0-9_]*$/),
    z.strictObject({
      description: z.string().min(1),
      value: z.string().optional(),
      required: z.boolean().optional(),
    }),
  ),
});

const read = appJson.safeParse(JSON.parse(text('app.json')));
const env = read.data?.env ?? {};
const asked = Object.keys(env).filter(name => env[name]?.required !== false && env[name]?.value === undefined);

describe('app.json', () => {
  it('is one that Heroku takes', () => {
    expect(read.error?.issues).toBeUndefined();
  });

  it('asks for every variable without which the bot does not start on Heroku, and for no other', () => {
    const needed = readUsableConfig({ DYNO: 'web.1' }).problems.map(({ name }) => name);
    expect(needed).toContain('DATABASE_URL');
    const fromAddon = read.data?.addons.some(({ plan }) => plan.startsWith('heroku-postgresql:'))
      ? ['DATABASE_URL']
      : [];
    expect([...asked, ...fromAddon].sort()).toEqual(needed.sort());
  });

  it('gives only values that the bot takes, and names only variables that it or npm reads', () => {
    const values = Object.entries(env).flatMap(([name, { value }]) => (value === undefined ? [] : [[name, value]]));
    const good = Object.fromEntries(asked.map(name => [name, 'x']));
    const wrong = readUsableConfig({ ...good, ...Object.fromEntries(values) }).problems.map(({ name }) => name);
    expect(wrong.filter(name => !asked.includes(name))).toEqual([]);
    const sample = [...text('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect([...sample, 'NPM_CONFIG_PRODUCTION', 'NPM_CONFIG_OMIT']).toEqual(expect.arrayContaining(Object.keys(env)));
  });

  it('starts process types that the Procfile has, on dynos that may have preboot', () => {
    const types = [...text('Procfile').matchAll(/^(\w+):/gm)].map(([, type]) => type);
    for (const [type, { size }] of Object.entries(read.data?.formation ?? {})) {
      expect(types).toContain(type);
      expect(size).toMatch(/^(standard|performance)-/);
    }
    // It brings the tables up to date, so no postdeploy script has to.
    expect(text('Procfile')).toMatch(/^release: node src\/migrate\.ts$/m);
  });
});
