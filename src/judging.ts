import { latest, type Met } from './domain/deploy.ts';
import { verdictOf } from './domain/health-gate.ts';
import type { Watch } from './domain/watch.ts';
import { followDeploy } from './following.ts';
import type { Run } from './run.ts';

/** Keeps what came of the watching before a deploy ends or asks for its approval: once, unless it was ill since. */
export async function judge(run: Run): Promise<void> {
  const { deploy } = run;
  if (deploy.plan.maintenance || !latest(deploy, 'released')) return;
  const known = latest(deploy, 'judged');
  if (known && known.seq > (latest(deploy, 'not well')?.seq ?? 0)) return;
  const following = followDeploy(run);
  await following.when(() => true, run.signal);
  const { watch } = following;
  await run.record(
    { kind: 'judged', ...conclusion(run, watch), met: metBy(watch) },
    `judged ${known?.seq ?? ''}`.trim(),
  );
}

function conclusion(run: Run, watch: Watch): { verdict: 'well' | 'not well' | 'not judged'; why: string } {
  const kept = latest(run.deploy, 'kept');
  const complaint = latest(run.deploy, 'not well')
    ?.complaints.map(({ now }) => now)
    .join(', ');
  if (complaint && kept?.by !== null) return { verdict: 'not well', why: complaint };
  const verdict = verdictOf(watch);
  switch (verdict.kind) {
    case 'well':
      return {
        verdict: 'well',
        why: verdict.unjudged.length > 0 ? `too few ${verdict.unjudged.join(', ')} to compare` : '',
      };
    case 'ill':
    case 'suspicious':
      return { verdict: 'not well', why: complaint ?? 'there were signs of it to the end' };
    case 'not judged':
      return { verdict: 'not judged', why: verdict.why };
    default:
      return verdict satisfies never;
  }
}

const metBy = ({ goal, health: { window, since, peak } }: Watch): Met => ({
  before: goal.before ?? null,
  window,
  since,
  peak,
});
