import type { HomeView } from '@slack/types';
import { WebClient } from '@slack/web-api';
import type pg from 'pg';
import { clientOptions, type SlackAccess } from './slack-client.ts';
import { told } from './slack-refusals.ts';

/** Who looks at their Home, kept in the table `homes`. */
export function connectHomes(pool: pg.Pool) {
  return {
    async opened(user: string): Promise<void> {
      await pool.query(
        'INSERT INTO homes (user_id) VALUES ($1) ON CONFLICT (user_id) DO UPDATE SET opened_at = now()',
        [user],
      );
    },
    async viewers(): Promise<string[]> {
      const { rows } = await pool.query<{ user_id: string }>(
        "SELECT user_id FROM homes WHERE opened_at > now() - interval '7 days' ORDER BY opened_at DESC LIMIT 100",
      );
      return rows.map(row => row.user_id);
    },
  };
}

/** Publishes a Home; rejects with `retryAfterMs` when Slack takes none for so long. */
export function homePublisher(access: SlackAccess): (user: string, view: HomeView) => Promise<void> {
  const client = new WebClient(access.botToken, clientOptions(access));
  return async (user, view) => {
    await client.views.publish({ user_id: user, view }).catch(error => {
      throw told(error);
    });
  };
}
