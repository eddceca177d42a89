import type pg from 'pg';
import type { Deploy, Fact } from '../domain/deploy.ts';
import type { Plan } from '../domain/plan.ts';

type DeployRow = { id: string; plan: Plan; startedBy: string; startedAt: Date; facts: Fact[] | null };

const DEPLOYS = `SELECT id, plan, started_by AS "startedBy", started_at AS "startedAt",
    (SELECT jsonb_agg(data || jsonb_build_object('kind', kind, 'seq', seq,
       'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY seq)
     FROM facts WHERE deploy_id = deploys.id) AS facts
  FROM deploys`;

/** Deploys with their facts; `which` is what stands behind FROM, such as `WHERE id = $1`. */
export async function readDeploys(
  database: Pick<pg.Pool | pg.PoolClient, 'query'>,
  which: string,
  values: readonly unknown[],
): Promise<Deploy[]> {
  const { rows } = await database.query<DeployRow>(`${DEPLOYS} ${which}`, [...values]);
  return rows.map(({ startedAt, facts, ...row }) => ({
    ...row,
    startedAt: startedAt.toISOString(),
    facts: facts ?? [],
  }));
}
