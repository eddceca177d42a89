import type pg from 'pg';

/** False when this request has had its effect. To be asked in the transaction that has it, right before. */
export async function isFirst(client: Pick<pg.Pool, 'query'>, request: string): Promise<boolean> {
  const { rowCount } = await client.query('INSERT INTO effects (id) VALUES ($1) ON CONFLICT DO NOTHING', [request]);
  return rowCount === 1;
}
