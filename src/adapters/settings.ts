import type pg from 'pg';
import type { AppSettings } from '../domain/app.ts';
import { type SettingChange, settingsChanges } from '../domain/settings-changes.ts';
import type { Notice, SettingsStore, SettingsVersion } from '../team.ts';
import { putNotices } from './notices.ts';
import { inTransaction } from './transaction.ts';

/** What is said in an app's channel of its new settings. */
type Words = (change: { settings: AppSettings; version: number; by: string; changes: SettingChange[] }) => Notice[];

/** Settings of apps with all their versions. A version is kept with what is said of it, or neither is. */
export function connectSettings(pool: pg.Pool, words: Words): SettingsStore {
  const newest = async (on: pg.Pool | pg.PoolClient, app: string): Promise<SettingsVersion | null> =>
    (
      await on.query<SettingsVersion>(
        `SELECT version, settings, by, to_json(at) #>> '{}' AS at FROM app_versions WHERE app = $1
         ORDER BY version DESC LIMIT 1`,
        [app],
      )
    ).rows[0] ?? null;

  return {
    newest: app => newest(pool, app),

    save: (settings, by, known) =>
      inTransaction(pool, async client => {
        await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`settings of ${settings.name}`]);
        const last = await newest(client, settings.name);
        if (known !== null && (last?.version ?? 0) !== known) return { kind: 'changed meanwhile', by: last?.by ?? '' };
        const changes = settingsChanges(last?.settings ?? null, settings);
        if (changes.length === 0) return { kind: 'same' };
        const version = (last?.version ?? 0) + 1;
        await client.query(
          `INSERT INTO apps (name, settings) VALUES ($1, $2)
           ON CONFLICT (name) DO UPDATE SET settings = EXCLUDED.settings, updated_at = now()`,
          [settings.name, settings],
        );
        await client.query('INSERT INTO app_versions (app, version, settings, by) VALUES ($1, $2, $3, $4)', [
          settings.name,
          version,
          settings,
          by,
        ]);
        await putNotices(client, words({ settings, version, by, changes }));
        return { kind: 'saved', version, changes };
      }),

    async history(app) {
      const { rows } = await pool.query<SettingsVersion>(
        `SELECT version, settings, by, to_json(at) #>> '{}' AS at FROM app_versions WHERE app = $1 ORDER BY version`,
        [app],
      );
      return rows;
    },
  };
}
