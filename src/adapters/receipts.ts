import type pg from 'pg';
import { type FactBody, latest } from '../domain/deploy.ts';
import { type Claimed, digestOfFacts, type Link, linkBehind, NOTHING, receiptFor } from '../domain/receipts.ts';
import { usualSteps } from '../domain/usual.ts';
import { readDeploys } from './deploy-rows.ts';

/** The app's deploys that tell how long its steps usually take. */
const LOOKED_AT = 20;

type End = Extract<FactBody, { kind: 'ended' }>;

/**
 * Writes the receipt of a deploy that ends in this transaction, and gives what its end says of it. One chain for all
 * apps: its newest hash, kept elsewhere, vouches for all of them. To be called last: whoever holds the chain waits for
 * nothing more.
 */
export async function writeReceipt(client: pg.PoolClient, id: string, end: End, at: string): Promise<End> {
  const [deploy] = await readDeploys(client, 'WHERE id = $1', [id]);
  if (!deploy) throw new Error(`There is no deploy ${id}`);
  const before = await readDeploys(
    client,
    'WHERE app = $1 AND id <> $2 AND ended_at IS NOT NULL ORDER BY started_at DESC, id DESC LIMIT $3',
    [deploy.plan.app, id, LOOKED_AT],
  );
  const usual = usualSteps(before);
  const body = JSON.stringify(receiptFor(deploy, { outcome: end.outcome, why: end.why, at }, usual));
  await client.query("SELECT pg_advisory_xact_lock(hashtext('the chain of receipts'))");
  const { rows } = await client.query<{ number: number; hash: string }>(
    'SELECT number::int, hash FROM receipts ORDER BY number DESC LIMIT 1',
  );
  const { number, previous, hash } = linkBehind(rows[0] ?? NOTHING, id, body);
  await client.query('INSERT INTO receipts (number, deploy_id, body, previous, hash) VALUES ($1, $2, $3, $4, $5)', [
    ...[number, id, body, previous, hash],
  ]);
  return { ...end, usual, receipt: { number, hash } };
}

/** The whole chain, and what the deploys that have ended say of themselves: as of one moment. */
export async function readChain(pool: pg.Pool): Promise<{ links: Link[]; deploys: Claimed[] }> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows: links } = await client.query<Link>(
      'SELECT number::int, deploy_id AS deploy, body, previous, hash FROM receipts ORDER BY number',
    );
    const { rows: ends } = await client.query<{ id: string; outcome: string | null }>(
      'SELECT id, outcome FROM deploys WHERE ended_at IS NOT NULL ORDER BY ended_at, id',
    );
    const deploys: Claimed[] = [];
    for (const { id, outcome } of ends) {
      const [deploy] = await readDeploys(client, 'WHERE id = $1', [id]);
      if (!deploy) continue;
      const ended = latest(deploy, 'ended');
      const said = ended && ended.outcome !== outcome ? `${ended.outcome} and ${outcome}` : outcome;
      deploys.push({ deploy: id, outcome: said, facts: digestOfFacts(deploy), receipt: ended?.receipt ?? null });
    }
    await client.query('COMMIT');
    return { links, deploys };
  } finally {
    client.release();
  }
}
