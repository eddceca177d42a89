import type { AppSettings } from './app.ts';
import { connectionsShort } from './connections.ts';
import { gateReasons } from './gate.ts';
import { lockRefusals } from './lock.ts';
import { withoutMentions } from './refusal.ts';
import type { HerokuSituation, Situation } from './situation.ts';

// Why an app cannot be deployed as things are: all reasons at once, each with the way out.

/** Preboot: Common Runtime, standard and performance dynos only (preboot article, 2024-10). */
const PREBOOT_SIZES = /^(standard|performance)/i;

/** Why nothing can be asked of an app that Heroku does not show to us. */
export function noSuchApp({ name }: AppSettings): string {
  return `Heroku shows no app named ${name} to this bot's account. Check the name in the app's settings, or give the account access with \`heroku access:add\`.`;
}

/** What the commit, its files and the locks on the app have against it. */
export function reasonsOfSource({
  settings,
  ref,
  commit,
  problems,
  migrations,
  locks,
  asker,
  maintenance,
}: Situation): string[] {
  const gated = migrations ? gateReasons(migrations, { closed: maintenance }) : [];
  const reasons = [...problems, ...gated];
  if (!commit) {
    reasons.push(
      `${settings.repository} has no branch, tag or commit ${ref}. Check the spelling, or push it, then try again.`,
    );
  }
  return [...lockRefusals(locks, asker), ...reasons.map(withoutMentions)];
}

/** What the app as Heroku shows it has against it. */
export function reasonsOfHeroku(
  heroku: HerokuSituation,
  { settings: { name }, isNext, maintenance, connections }: Situation,
): string[] {
  const reasons: string[] = [];
  const web = heroku.formation.find(entry => entry.type === 'web');
  if (heroku.space || heroku.generation !== 'cedar') {
    const where = heroku.space ? `in the Private Space ${heroku.space}` : `on ${heroku.generation}`;
    reasons.push(
      `${name} runs ${where}. Heroku replaces dynos there one by one (rolling) and has no preboot; this bot cannot deploy that way yet. Deploy it as before.`,
    );
  }
  if (!web || web.quantity === 0) {
    reasons.push(
      `${name} has no web dynos running, so there is nothing to switch over. Scale it with \`heroku ps:scale web=2 -a ${name}\`, then try again.`,
    );
  } else if (!maintenance && !PREBOOT_SIZES.test(web.size)) {
    reasons.push(
      `${name} runs ${web.size.toLowerCase()} dynos. Preboot needs standard or performance: change the type with \`heroku ps:type web=standard-1x -a ${name}\`, or deploy behind a closed page with \`--maintenance\`.`,
    );
  }
  if (maintenance && heroku.preboot) {
    reasons.push(
      `Preboot is on for ${name}: its hidden old dynos would serve on for minutes, and Heroku's dyno list does not show them. Turn it off for this deploy with \`heroku features:disable preboot -a ${name}\` (it restarts nothing), or leave \`--maintenance\` out.`,
    );
  }
  if (!maintenance && !heroku.preboot && !heroku.space) {
    reasons.push(
      `Preboot is off for ${name}, so a release would stop the old dynos before new ones serve. Turn it on with \`heroku features:enable preboot -a ${name}\` (it restarts nothing), then try again; or deploy behind a closed page with \`--maintenance\`.`,
    );
  }
  if (heroku.maintenance && isNext) {
    reasons.push(
      `${name} is in maintenance mode: visitors see a closed page, so nothing could be proved. Open it with \`/maintenance ${name} off\` when whoever closed it agrees, then try again.`,
    );
  }
  if (!heroku.live) {
    reasons.push(
      `${name} has no release with code yet, so there is no old code that could keep serving. Make the first deploy with \`git push heroku\`, then use this bot.`,
    );
  }
  const short = connections && !maintenance ? connectionsShort(connections, name) : null;
  if (short?.kind === 'refused') reasons.push(short.text);
  for (const build of isNext ? heroku.openBuilds : []) {
    reasons.push(
      `${build.by} is building ${name} just now. Heroku builds one at a time: wait until it has ended, then try again.`,
    );
  }
  for (const release of isNext ? heroku.openReleases : []) {
    reasons.push(
      `Release v${release.version} of ${name} by ${release.by} has not finished its release phase. Wait until it has, then try again.`,
    );
  }
  return reasons;
}
