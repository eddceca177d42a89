import type { AppSettings } from './app.ts';

/** One setting that is different: its name, and both as they are written. */
export type SettingChange = { name: string; from: string; to: string };

const NOTHING = 'nothing';

/** What is different between two versions of an app's settings; of a new app, all that was said. */
export function settingsChanges(from: AppSettings | null, to: AppSettings): SettingChange[] {
  const [before, after] = [Object.entries(from ?? {}), Object.entries(to)];
  const names = new Set([...before, ...after].map(([name]) => name));
  return [...names].flatMap(name => {
    const [was, is] = [before, after].map(entries => written(entries.find(([known]) => known === name)?.[1]));
    return was === undefined || is === undefined || was === is ? [] : [{ name, from: was, to: is }];
  });
}

function written(value: unknown): string {
  if (value === undefined || value === null) return NOTHING;
  if (Array.isArray(value))
    return value.length > 0
      ? [...value]
          .map(item => plain(item))
          .toSorted()
          .join(', ')
      : NOTHING;
  return plain(value);
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
