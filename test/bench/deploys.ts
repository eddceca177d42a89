import type { Stage } from '../stage/stage.ts';
import { until } from './bench.ts';

/** Minutes that a deploy may take at most, whatever its window. */
export const LONGEST_MS = 10 * 60_000;

/** ann asks for a plan in Slack and starts it; gives the deploy's id. */
export async function startDeploy(
  stage: Stage,
  { app, ref = '', channel = app }: { app: string; ref?: string; channel?: string },
): Promise<string> {
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${app} ${ref}`.trim(), { channel });
  const plan = await ann.sees(
    message =>
      new RegExp(`Deploy ${app}\\?`).test(message.plain) && message.buttons().some(({ label }) => label === 'Start'),
    { withinMs: 120_000 },
  );
  await ann.presses('Start', { on: plan });
  let id = '';
  await until(`${app} is started`, 60_000, async () => {
    const { rows } = await stage.database.query<{ id: string }>(
      'SELECT id FROM deploys WHERE app = $1 AND ended_at IS NULL',
      [app],
    );
    id = rows[0]?.id ?? '';
    return id !== '';
  }).catch(cause => {
    throw new Error(
      `${app} was not started:\n${stage.slack.channel(channel).transcript()}\n${ann.messages().findLast(message => message.channel === channel)}`,
      {
        cause,
      },
    );
  });
  return id;
}

/** Waits for a fact of a deploy: its kind, or the phase that it tells. Gives when it was stored, ms since 1970. */
export async function factOf(stage: Stage, deploy: string, fact: string, withinMs = LONGEST_MS): Promise<number> {
  let at = 0;
  const isThere = async (): Promise<boolean> => {
    const { rows } = await stage.database.query<{ at: Date; kind: string; data: { why?: string } }>(
      `SELECT at, kind, data FROM facts
       WHERE deploy_id = $1 AND coalesce(data -> 'phase' ->> 'kind', kind) IN ($2, 'ended') ORDER BY seq`,
      [deploy, fact],
    );
    const found = fact === 'ended' ? rows[0] : rows.find(({ kind }) => kind !== 'ended');
    if (!found && rows[0]) throw new Error(`The deploy ended without ${fact}: ${rows[0].data.why}`);
    at = found?.at.getTime() ?? 0;
    return found !== undefined;
  };
  await until(`${fact} of ${deploy}`, withinMs, isThere, 200);
  return at;
}

/** Starts a deploy and waits until that fact of it is there; gives its id. */
export async function deployUntil(stage: Stage, ask: { app: string; ref: string; fact: string }): Promise<string> {
  const id = await startDeploy(stage, ask);
  await factOf(stage, id, ask.fact);
  return id;
}
