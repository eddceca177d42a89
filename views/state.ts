import { type Deploy, type FactOf, latest, type Outcome } from '../src/domain/deploy.ts';
import { goesBackAt, isDoubtedAgain, oldCode, openComplaint, phaseFact } from '../src/domain/readings.ts';
import { closedState } from './closed-deploy.ts';
import { silenceOf } from './evidence.ts';
import { placeWords } from './queue.ts';
import { expectedSwitch } from './step-words.ts';
import { foreign, plural, prose, sentence, sha, time } from './text.ts';
import type { State } from './thread.ts';

/** How the deploy stands, from its facts. */
export function stateOf(deploy: Deploy): State {
  const ended = latest(deploy, 'ended');
  if (ended) return endState(deploy, ended);
  return (
    queueState(deploy) ??
    closedState(deploy) ??
    rollbackState(deploy) ??
    notWellState(deploy) ??
    contractState(deploy) ??
    switchState(deploy) ??
    buildState(deploy)
  );
}

const ENDS = {
  succeeded: { mark: ':white_check_mark:', headline: app => `${app} is deployed` },
  unfinished: { mark: ':warning:', headline: app => `${app} is deployed, its contract migrations are not done` },
  failed: { mark: ':x:', headline: app => `The deploy of ${app} failed` },
  cancelled: { mark: ':octagonal_sign:', headline: app => `The deploy of ${app} was cancelled` },
  'rolled back': { mark: ':leftwards_arrow_with_hook:', headline: app => `${app} was rolled back` },
  superseded: {
    mark: ':twisted_rightwards_arrows:',
    headline: app => `Another release took the place of this deploy of ${app}`,
  },
  'not proved': { mark: ':grey_question:', headline: app => `The deploy of ${app} ended without proof` },
  stopped: { mark: ':octagonal_sign:', headline: app => `The deploy of ${app} was stopped` },
} as const satisfies Record<Outcome, { mark: string; headline: (app: string) => string }>;

function endState({ plan }: Deploy, { outcome, why }: FactOf<'ended'>): State {
  const { mark, headline } = ENDS[outcome];
  return { mark, headline: headline(foreign(plan.app)), words: prose(why) };
}

function queueState(deploy: Deploy): State | null {
  const queued = latest(deploy, 'queued');
  const again = latest(deploy, 'planned again');
  const app = foreign(deploy.plan.app);
  if (again?.news.length && !latest(deploy, 'agreed')) {
    const words = 'Things changed while it waited. The thread asks whether to go on.';
    return { mark: ':raised_hand:', headline: `${app}: its turn has come`, words };
  }
  if (!queued || again) return null;
  const words = latest(deploy, 'turn came') ? 'Its turn has come: it is planned again.' : placeWords(queued);
  return { mark: ':hourglass:', headline: `${app}: queued`, words };
}

function rollbackState(deploy: Deploy): State | null {
  const { plan } = deploy;
  const asked = latest(deploy, 'rollback asked');
  if (!asked && !latest(deploy, 'rollback intended')) return null;
  const to = `the code of v${oldCode(deploy).version}`;
  const headline = `${foreign(plan.app)} is going back to ${to}`;
  const failed = latest(deploy, 'rollback failed');
  if (failed)
    return {
      mark: ':x:',
      headline: `Going back to ${to} failed`,
      words: `Why: ${sentence(foreign(failed.why, 1_000))}`,
    };
  const released = latest(deploy, 'rollback released');
  if (released) {
    return { mark: ':rewind:', headline, words: `v${released.version} has it; waiting for the proof that it serves.` };
  }
  const started = latest(deploy, 'rolling back');
  const intended = latest(deploy, 'rollback intended');
  const until = intended ? ` The last safe moment to ask was ${time(intended.safeUntil)}.` : '';
  return {
    mark: ':rewind:',
    headline,
    words: `${started ? `Heroku makes v${started.version} of it.` : 'Asking Heroku.'}${until}`,
  };
}

/** New code serves, and somebody has to decide, or it is only watched. */
function notWellState(deploy: Deploy): State | null {
  const app = foreign(deploy.plan.app);
  const asked = openComplaint(deploy);
  if (asked) {
    const backAt = goesBackAt(asked);
    const next =
      backAt === null
        ? 'The card in the thread asks what to do.'
        : `It goes back by itself at ${time(backAt)}, unless somebody keeps it.`;
    const words = `${asked.complaints.map(({ now }) => foreign(now, 150)).join(', ')}. ${next}`;
    return { mark: ':rotating_light:', headline: `${app}: new code is not well`, words };
  }
  const watching = latest(deploy, 'watching');
  return watching && !isDoubtedAgain(deploy)
    ? {
        mark: ':large_green_circle:',
        headline: `${app}: new code is being watched`,
        words: `It serves everybody, until ${time(watching.until)} it is compared with what was before.`,
      }
    : null;
}

/** After old code is gone: the end of the schema's change. */
function contractState(deploy: Deploy): State | null {
  const soaking = latest(deploy, 'soaking');
  if (!soaking || isDoubtedAgain(deploy)) return null;
  const app = foreign(deploy.plan.app);
  const mark = ':large_green_circle:';
  const serves = 'New code serves everybody, and old code is gone.';
  const left = latest(deploy, 'left closed');
  const answered = latest(deploy, 'closed app answered');
  if (left && (answered?.seq ?? 0) < left.seq) {
    const words = 'Its contract migrations failed half-way. The card in the thread asks what to do.';
    return { mark: ':rotating_light:', headline: `${app} is closed: visitors are turned away`, words };
  }
  const held = latest(deploy, 'held');
  if (held) return { mark, headline: `${app}: contract migrations are held`, words: foreign(held.why, 500) };
  const asked = latest(deploy, 'approval asked')?.seq ?? 0;
  if ((latest(deploy, 'approved')?.seq ?? 0) > Math.max(asked, soaking.seq)) {
    return { mark, headline: `${app}: contract migrations run`, words: serves };
  }
  if (asked > soaking.seq) {
    return {
      mark: ':lock:',
      headline: `${app}: waiting for an approval`,
      words: `${serves} The card is in the thread.`,
    };
  }
  return {
    mark,
    headline: `${app}: new code is being watched`,
    words: `${serves} Until ${time(soaking.until)}, then an approver is asked.`,
  };
}

function switchState(deploy: Deploy): State | null {
  const released = latest(deploy, 'released');
  if (!released) return null;
  const { plan } = deploy;
  const app = foreign(plan.app);
  const live = `v${oldCode(deploy).version}`;
  const { phase, version = released.version } = phaseFact(deploy, 'deploy') ?? {};
  const silence = silenceOf(phase);
  const old = silence ?? `Old code (${live}) still serves everybody.`;
  switch (phase?.kind) {
    case undefined:
    case 'booting': {
      const up = phase ? `${phase.up} of ${plural(phase.of, 'new web dyno')} up.` : 'New web dynos boot.';
      return {
        mark: ':hourglass_flowing_sand:',
        headline: `${app}: new dynos boot`,
        words: `${old} v${version}: ${up}`,
      };
    }
    case 'old serves': {
      const waits = `v${version} is up and has waited since ${time(released.releasedAt)}.`;
      const words = `The switch is expected about ${time(expectedSwitch(deploy, released.releasedAt))}.`;
      const mark = ':hourglass_flowing_sand:';
      return silence
        ? { mark, headline: `${app}: new dynos wait for the switch`, words: `${waits} ${silence} ${words}` }
        : { mark, headline: `${app}: old code is still serving`, words: `${live} serves everybody; ${waits} ${words}` };
    }
    case 'mixed':
      return phase.corrected
        ? {
            mark: ':warning:',
            headline: `${app}: old code answers again`,
            words: `It had been announced that v${version} serves. ${live} has answered since: treat the switch as not done.`,
          }
        : {
            mark: ':hourglass_flowing_sand:',
            headline: `${app}: the routers change over`,
            words: `${silence ?? `${live} and v${version} both answer.`} The announcement comes when only v${version} does.`,
          };
    case 'new serves': {
      const rest = `The dynos of ${live} are being stopped.`;
      if (silence) {
        const words = `It was proved at ${time(phase.at)} that v${version} serves everybody. ${silence} ${rest}`;
        return { mark: ':grey_question:', headline: `${app}: new code was proved to serve`, words };
      }
      const words = `v${version} serves everybody since ${time(phase.at)}. ${rest}`;
      return { mark: ':large_green_circle:', headline: `${app}: new code serves`, words };
    }
    case 'old gone':
      return {
        mark: ':large_green_circle:',
        headline: `${app}: old code is gone`,
        words: `v${version} serves everybody.`,
      };
    case 'crashed': {
      const words = `${foreign(`${phase.dyno} of v${version} ${phase.what}`, 300)}. Going back to the code of ${live} before the routers switch.`;
      return { mark: ':x:', headline: `${app}: new code crashed`, words };
    }
    case 'superseded': {
      const words = `${foreign(`${phase.by} released v${phase.version} (${phase.what})`, 400)}.`;
      return { mark: ':twisted_rightwards_arrows:', headline: `${app}: another release came between`, words };
    }
    case 'not proved': {
      const what = phase.missing === 'new serves' ? `that v${version} serves` : 'that old code is gone';
      const words = `It could not be proved ${what}. ${foreign(phase.known.join(' '), 800)} Please look, then press a button below.`;
      return { mark: ':grey_question:', headline: `${app}: a person must look`, words };
    }
    default:
      return phase satisfies never;
  }
}

function buildState(deploy: Deploy): State {
  const { plan } = deploy;
  const app = foreign(plan.app);
  const old = `Old code (v${plan.live.version}) serves everybody.`;
  const mark = ':hourglass_flowing_sand:';
  const failed = latest(deploy, 'build failed') ?? latest(deploy, 'release failed');
  if (failed) {
    const what = failed.kind === 'build failed' ? 'the build failed' : `the release phase of v${failed.version} failed`;
    return { mark: ':x:', headline: `${app}: ${what}`, words: old };
  }
  const broken = latest(deploy, 'migration failed');
  if (broken) return { mark: ':x:', headline: `${app}: ${foreign(broken.failure.file, 80)} failed`, words: old };
  const release = latest(deploy, 'release started');
  if (release) return { mark, headline: `${app}: release phase of v${release.version}`, words: old };
  if (latest(deploy, 'built')) return { mark, headline: `${app}: releasing`, words: old };
  if (latest(deploy, 'uploaded')) return { mark, headline: `${app}: building ${sha(plan.commit.sha)}`, words: old };
  if (plan.back) return { mark, headline: `${app}: asking Heroku for the code of v${plan.back.version}`, words: old };
  const last = deploy.facts.at(-1)?.kind;
  if (last === 'migrating' || last === 'migrated')
    return { mark, headline: `${app}: migrations that only add`, words: old };
  return { mark, headline: `${app}: fetching the source of ${sha(plan.commit.sha)}`, words: old };
}
