import type { AppSettings } from './app.ts';
import { freezeLine } from './freeze-lines.ts';
import { withoutLogin } from './redaction.ts';

/** One setting that is different: its name, and both as they are written. */
export type SettingChange = { name: string; from: string; to: string };

const NOTHING = 'nothing';

/** What is different between two versions of an app's settings; of a new app, all that was said. */
export function settingsChanges(from: AppSettings | null, to: AppSettings): SettingChange[] {
  const names = new Set([...Object.keys(from ?? {}), ...Object.keys(to)]);
  return [...names].flatMap(name => {
    const [was, is] = [from, to].map(settings =>
      name === 'freezes'
        ? written((settings?.freezes ?? []).map(freezeLine))
        : written(Object.entries(settings ?? {}).find(([known]) => known === name)?.[1]),
    );
    return was === undefined || is === undefined || was === is
      ? []
      : [{ name, from: withoutLogin(was), to: withoutLogin(is) }];
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
