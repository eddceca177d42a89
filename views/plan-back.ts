import type { KnownBlock, StaticSelect } from '@slack/types';
import type { Back } from '../src/domain/back.ts';
import type { Plan } from '../src/domain/plan.ts';
import { section } from './blocks.ts';
import { code, dayAndTime, foreign, literal, plural, sha } from './text.ts';

const COMMITS_SHOWN = 10;
const CONFIG_SHOWN = 10;
/** Slack takes 100 options. */
const RELEASES_SHOWN = 25;

/** Of a plan that goes back: to which release, and what would go away with it. */
export function backSections(plan: Plan, { version, gone, config, candidates }: Back): KnownBlock[] {
  const { app, commit, live } = plan;
  const known = commit.sha ? `${sha(commit.sha)} ` : '';
  return [
    section(
      `${known}${foreign(commit.subject)} (${foreign(commit.author, 60)})`,
      `was v${version} of ${foreign(app)}. A new release with its code and its config vars takes the place of v${live.version} (${sha(live.commit)}).`,
    ),
    section(...goneLines(gone, live.version)),
    section(
      config.length > 0
        ? '*Config vars* go back too. Done to them since, and undone:'
        : '*Config vars* go back too. Nothing was done to them since.',
      ...config.slice(0, CONFIG_SHOWN).map(line => `• ${foreign(line, 200)}`),
      ...(config.length > CONFIG_SHOWN ? [`and ${config.length - CONFIG_SHOWN} more`] : []),
      'Add-ons and the schema stay as they are.',
    ),
    ...(candidates.length > 1 ? [others(plan, version, candidates)] : []),
  ];
}

function goneLines(gone: Back['gone'], live: number): string[] {
  if (!gone) return [`*Commits*: cannot be compared with v${live}.`];
  const more = gone.total - Math.min(gone.commits.length, COMMITS_SHOWN);
  return [
    `*${plural(gone.total, 'commit')} would go away*:`,
    ...gone.commits
      .slice(0, COMMITS_SHOWN)
      .map(commit => `• ${sha(commit.sha)} ${foreign(commit.subject, 90)} (${foreign(commit.author, 40)})`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}

/** The other releases that one can go back to; choosing one plans it. */
function others({ app, maintenance }: Plan, version: number, candidates: Back['candidates']): KnownBlock {
  const shown = candidates.slice(0, RELEASES_SHOWN);
  const select: StaticSelect = {
    type: 'static_select',
    action_id: 'plan-back',
    placeholder: { type: 'plain_text', text: 'Another release' },
    options: shown.map(release => ({
      text: { type: 'plain_text', text: literal(`v${release.version} ${release.description}`, 75) },
      value: `${app} ${release.version}${maintenance ? ' maintenance' : ''}`,
    })),
  };
  const newest = shown.find(release => release.version === version);
  return {
    ...section(
      newest ? `v${version} was made by ${foreign(newest.by, 80)}, ${dayAndTime(newest.createdAt)}.` : '',
      `${plural(candidates.length, 'release')} of ${code(app)} can be gone back to.`,
    ),
    accessory: select,
  };
}
