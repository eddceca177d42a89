import { type Deploy, latest } from '../src/domain/deploy.ts';
import { oldCode } from '../src/domain/readings.ts';
import { answersIn, namesIn, type Series } from '../src/domain/series.ts';

/** Whoever answered, with a name for people, a colour, and how many answers came from there. */
export type Voice = { name: string; label: string; colour: string; answers: number };

/** Told apart by lightness too: in grey, and by whoever does not see colours. */
const COLOURS = {
  old: '#9fb0c3',
  back: '#5d738c',
  new: '#0b6e69',
  other: '#b7791f',
  silent: '#d9dde3',
  failed: '#c62828',
} as const;
type Role = keyof typeof COLOURS;
const ROLES = Object.keys(COLOURS) as Role[];

/** Everybody who answered, old code first. */
export function voicesOf(deploy: Deploy, series: Series): Voice[] {
  return namesIn(series)
    .map(name => {
      const role = roleOf(deploy, name);
      const answers = series.buckets.reduce((sum, { by }) => sum + (by[name] ?? 0), 0);
      return { name, role, label: labelOf(deploy, name, role), colour: COLOURS[role], answers };
    })
    .sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role))
    .map(({ role: _, ...voice }) => voice);
}

export const answersOf = ({ buckets }: Series): number => buckets.reduce((sum, bucket) => sum + answersIn(bucket), 0);

function roleOf(deploy: Deploy, name: string): Role {
  const version = Number(/^v(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  if (Number.isNaN(version)) return ROLES.find(role => role === name) ?? (name === 'unknown' ? 'silent' : 'other');
  const ours = latest(deploy, 'released')?.version ?? Number.POSITIVE_INFINITY;
  if (version === ours) return 'new';
  if (version < ours) return 'old';
  return version === latest(deploy, 'rollback released')?.version ? 'back' : 'other';
}

function labelOf(deploy: Deploy, name: string, role: Role): string {
  switch (role) {
    case 'old':
      return name === 'old' ? `old code (v${oldCode(deploy).version})` : name;
    case 'new':
      return name === 'new' ? 'new code' : name;
    case 'back':
      return `${name} (the code of v${oldCode(deploy).version})`;
    case 'silent':
      return 'told no release';
    case 'failed':
      return 'failed';
    case 'other':
      return name === 'other' ? 'others' : name;
    default:
      return role satisfies never;
  }
}
