import { type Deploy, type FactOf, latest } from '../src/domain/deploy.ts';
import { buriedInWords, exposureOf, oldCode, serves } from '../src/domain/readings.ts';
import { evidenceOf, probesOf, routerOf } from './evidence.ts';
import { duration, foreign, mention, prose, sentence, sha, time } from './text.ts';
import { loud, quiet, type Reply } from './thread.ts';

/** How going back ended, once. */
export function rollbackReply({ phase, version }: FactOf<'phase'>, then: Deploy, before: Deploy): Reply | null {
  if (phase.kind !== 'new serves' && phase.kind !== 'old gone') return null;
  const told = before.facts.some(
    fact =>
      fact.kind === 'phase' &&
      fact.of === 'rollback' &&
      (fact.phase.kind === 'new serves' || fact.phase.kind === 'old gone'),
  );
  if (told) return null;
  const { plan, startedBy } = then;
  return loud(
    `Rolled back: ${foreign(plan.app)} serves the code of v${oldCode(then).version} again`,
    ':leftwards_arrow_with_hook:',
    [
      `${mention(startedBy)} It is v${version} now. ${sha(plan.commit.sha)} ${foreign(plan.commit.subject)} is not live.`,
      phase.kind === 'new serves' ? evidenceOf(phase.evidence, `v${version}`) : '',
      ...exposureWords(then),
      prose(buriedInWords(then).trim(), 1_000),
      'Mend it, push, then `/deploy` again.',
    ],
  );
}

/** What visitors met of the release that was undone: never more than was seen. */
function exposureWords(deploy: Deploy): string[] {
  const bad = `v${latest(deploy, 'released')?.version}`;
  const exposure = exposureOf(deploy);
  const tally = latest(deploy, 'phase')?.tally;
  const probes = tally ? probesOf(tally) : '';
  const seen = tally ? [probes, routerOf(tally)] : [];
  switch (exposure.kind) {
    case 'none seen':
      return [
        `*Users saw nothing of ${bad}, as far as could be seen*: none of ${exposure.answers} answers came from it, and the router logged no failed request.`,
        probes,
      ];
    case 'seen':
      if (serves(deploy))
        return [`*Users had ${bad}* from the switch until now: ${exposure.signs.join(', and ')}.`, ...seen];
      return [`*Users may have met ${bad}*: ${exposure.signs.join(', and ')}.`, ...seen];
    case 'unknown':
      return [`*What users saw of ${bad} is not known*: ${exposure.why.join(', and ')}.`, ...seen];
    default:
      return exposure satisfies never;
  }
}

/** That it goes back, and until when that surely comes in time. */
export function rollingBack({ safeUntil, at, config = [] }: FactOf<'rollback intended'>, then: Deploy): Reply {
  const { plan, startedBy } = then;
  const asked = latest(then, 'rollback asked');
  const bad = `v${latest(then, 'released')?.version}`;
  const by = asked?.by
    ? `${mention(asked.by)} asked for it (${foreign(asked.why, 200)}).`
    : sentence(foreign(asked?.why ?? 'New code crashed', 400));
  const late = Date.parse(at) > safeUntil;
  const race = serves(then)
    ? `${bad} serves, and visitors get it until the routers have switched back: a rollback has a window of its own, about ${duration(plan.windowSeconds)} after its release.`
    : late
      ? `The last safe moment to ask for it was ${time(safeUntil)}, and it has passed: *users may see ${bad}* until the rollback has succeeded.`
      : `A rollback is a release of its own, in a race against the switch. It is asked for in time: the last safe moment was ${time(safeUntil)}. If its release phase takes longer than the last one did, users may still see ${bad} for a while.`;
  return quiet(`Rolling ${foreign(plan.app)} back to the code of v${oldCode(then).version}`, ':rewind:', [
    `${asked?.by === startedBy ? '' : `${mention(startedBy)} `}${by}`,
    plan.maintenance ? 'Visitors see the closed page until old code is up again, and then it opens.' : race,
    config.length > 0 ? `:warning: *Config vars go back too*. Set again what is still wanted: ${undone(config)}` : '',
  ]);
}

/** What was done to config vars since, in a sentence. */
export const undone = (config: readonly string[]): string => sentence(foreign(config.slice(0, 10).join(', '), 600));

export function rollbackFailed(fact: FactOf<'rollback failed'>, deploy: Deploy): Reply {
  return loud(`Going back to the code of v${oldCode(deploy).version} failed`, ':x:', [
    `${mention(deploy.startedBy)} Why: ${sentence(foreign(fact.why, 600))}`,
    `${deploy.plan.maintenance ? 'It is still closed: the next card asks what to do.' : 'The release that was to be undone goes live, or is live.'} Act now by hand: \`heroku releases -a ${foreign(deploy.plan.app, 40)}\` shows what there is.`,
  ]);
}
