import { type Deploy, type FactOf, latest } from '../src/domain/deploy.ts';
import { isDoubted } from '../src/domain/phase.ts';
import { oldCode, servedSince } from '../src/domain/readings.ts';
import { withoutLogin } from '../src/domain/redaction.ts';
import { answeredBy, evidenceOf, probesOf, routerOf, silenceOf, windowOf } from './evidence.ts';
import { duration, foreign, mention, plural, sha, time } from './text.ts';
import { loud, quiet, type Reply } from './thread.ts';

/** What the thread says when the watch of the deploy's own release says something new. */
export function switchReply(fact: FactOf<'phase'>, then: Deploy, before: Deploy): Reply | null {
  const { plan, startedBy } = then;
  const { phase, version, tally } = fact;
  const app = foreign(plan.app);
  const old = oldCode(then);
  const live = `v${old.version}`;
  const earlier = before.facts.filter(
    (known): known is FactOf<'phase'> => known.kind === 'phase' && known.of === 'deploy',
  );
  switch (phase.kind) {
    case 'booting':
      return null;
    case 'old serves': {
      const windows = earlier.map(known => known.phase).filter(known => known.kind === 'old serves');
      if (windows.some(known => known.expectedSwitch === phase.expectedSwitch)) return null;
      const since = latest(then, 'released')?.releasedAt;
      const again = windows.length > 0 ? 'Another release of the same code began the window anew. ' : '';
      const silence = silenceOf(phase);
      const headline = silence
        ? `New dynos wait: old code (${live}) should still be serving`
        : `Old code is still serving: ${live} answers everybody`;
      return quiet(headline, ':hourglass_flowing_sand:', [
        silence ?? '',
        `${again}v${version} is up${since === undefined ? '' : `, released at ${time(since)},`} and gets no visitors yet. Heroku is expected to switch about ${time(phase.expectedSwitch)}; it does not say when it does.`,
        'Do nothing yet that needs the new code. The announcement comes when it is proved to serve.',
      ]);
    }
    case 'mixed':
      if (!phase.corrected) return null;
      return loud(`Correction: ${app} still answers with old code`, ':warning:', [
        `${mention(startedBy)} It was announced that v${version} serves. ${live} has answered since then, so that was too early: treat the switch as *not done*. It will be announced again when it is proved anew.`,
        probesOf(tally),
      ]);
    case 'new serves': {
      if (earlier.at(-1)?.phase.kind === 'new serves') return silenced(fact, earlier, then);
      const again = earlier.some(known => known.phase.kind === 'new serves');
      const changes = plan.back
        ? `: the code of v${plan.back.version} again`
        : plan.changes
          ? `, ${plural(plan.changes.total, 'commit')} after ${live}`
          : '';
      return loud(
        again ? `New code serves again: ${app} runs v${version}` : `New code serves: ${app} runs v${version}`,
        ':large_green_circle:',
        [
          `${mention(startedBy)} ${sha(plan.commit.sha)} ${foreign(plan.commit.subject)} (${foreign(plan.commit.author, 60)})${changes}`,
          evidenceOf(phase.evidence, `v${version}`),
          windowOf(tally, old.version),
          probesOf(tally),
          routerOf(tally),
          aheadWords(tally, phase),
          `The dynos of ${live} are being stopped now and may still finish old requests. This thread says when they are gone.`,
        ],
      );
    }
    case 'old gone':
      return quiet(`Old code is gone: only v${version} of ${app} is left`, ':white_check_mark:', [
        `*Proved by logs*: ${foreign(phase.dynos.join(', '), 300)} of ${live} were stopped and have left, no dyno of any type is on an older release, and no old answer came since.`,
      ]);
    case 'crashed':
      return quiet(`New code of ${app} is not well: going back to ${live}`, ':x:', [
        `${mention(startedBy)} ${foreign(`${phase.dyno} of v${version} ${phase.what}`, 400)}. ${answeredBy(tally, live)} \`heroku logs -a ${app}\` shows why.`,
        probesOf(tally),
      ]);
    case 'superseded': {
      const since = servedSince(before);
      const until = since === null ? ` while v${version} was switching over` : '';
      const ours = since === null ? '' : `v${version} went live at ${time(since)}. `;
      const when = phase.at === undefined || since === null ? '' : ` at ${time(phase.at)}`;
      return loud(`${app} was released by somebody else: v${phase.version}`, ':twisted_rightwards_arrows:', [
        `${mention(startedBy)} ${ours}${foreign(`${phase.by} released v${phase.version} (${phase.what})`, 500)}${when}${until}${since === null ? '.' : ', so it was not watched to the end.'} v${phase.version} takes its place, and this deploy does nothing more. Talk to them, look what serves, then \`/deploy ${app}\` again if your code should be live.`,
      ]);
    }
    case 'not proved': {
      const what = phase.missing === 'new serves' ? `that v${version} serves` : `that all old code (${live}) is gone`;
      const look =
        phase.missing === 'new serves'
          ? `Ask ${foreign(withoutLogin(plan.url), 200)} several times and see whose code answers. Then press *It serves* or *Roll back* on the first message.`
          : `\`heroku ps -a ${app}\` must show no older release, and the log that the old web dynos exited. Then press *Old code is gone* on the first message.`;
      const told = earlier.findLast(known => known.phase.kind === 'new serves' || isDoubted(known.phase));
      const isCorrection = phase.missing === 'new serves' && told?.phase.kind === 'new serves';
      const [tell, headline, why] = isCorrection
        ? [
            loud,
            `Correction: ${app} still answers with old code`,
            `It was announced that v${version} serves. ${live} has answered since then, so that was too early: treat the switch as *not done*.`,
          ]
        : [quiet, `A person must look: it could not be proved ${what}`, ''];
      return tell(headline, isCorrection ? ':warning:' : ':grey_question:', [
        `${mention(startedBy)} ${why}`.trim(),
        `*What is known*: ${foreign(phase.known.join(' '), 1_000) || 'nothing that tells.'}`,
        `*What to do*: ${look} The bot goes on looking meanwhile.`,
        probesOf(tally),
      ]);
    }
    default:
      return phase satisfies never;
  }
}

/** For how long workers ran new code while web still ran old code. */
function aheadWords({ ahead }: FactOf<'phase'>['tally'], { at }: { at: number }): string {
  if (!ahead) return '';
  return `${foreign(ahead.dynos.join(', '), 200)} ran new code ${duration((at - ahead.since) / 1000)} before web did, since ${time(ahead.since)}.`;
}

/** It was announced already: told is only, and once, that the answers no longer show it. */
function silenced({ phase, version, tally }: FactOf<'phase'>, earlier: readonly FactOf<'phase'>[], { plan }: Deploy) {
  const silence = silenceOf(phase);
  if (!silence || earlier.some(known => known.phase.kind === 'new serves' && silenceOf(known.phase))) return null;
  return quiet(`${foreign(plan.app)} no longer says which release answers`, ':grey_question:', [
    `It was proved that v${version} serves everybody. ${silence} Ask ${foreign(withoutLogin(plan.url), 200)} and see.`,
    probesOf(tally),
  ]);
}
