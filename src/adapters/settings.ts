import type pg from 'pg';
import type { AppSettings } from '../domain/app.ts';
import type { Freeze } from '../domain/freeze.ts';
import { freezeLine } from '../domain/freeze-lines.ts';
import { type SettingChange, settingsChanges } from '../domain/settings-changes.ts';
import type { Notice, SettingsStore, SettingsVersion, TeamVersion } from '../team.ts';
import { putNotices } from './notices.ts';
import { inTransaction } from './transaction.ts';

/** What is said in an app's channel of its new settings, and in those of all apps of what holds for all. */
type Words = {
  app: (change: { settings: AppSettings; version: number; by: string; changes: SettingChange[] }) => Notice[];
  team: (change: TeamVersion & { before: readonly Freeze[]; channels: readonly string[] }) => Notice[];
};

const TEAM = `version, freezes, by, to_json(at) #>> '{}' AS at FROM team_versions ORDER BY version`;

/** Settings of apps with all their versions. A version is kept with what is said of it, or neither is. */
export function connectSettings(pool: pg.Pool, words: Words): SettingsStore {
  const team = async (on: pg.Pool | pg.PoolClient): Promise<TeamVersion | null> =>
    (await on.query<TeamVersion>(`SELECT ${TEAM} DESC LIMIT 1`)).rows[0] ?? null;

  const newest = async (on: pg.Pool | pg.PoolClient, app: string): Promise<SettingsVersion | null> =>
    (
      await on.query<SettingsVersion>(
        `SELECT version, settings, by, to_json(at) #>> '{}' AS at FROM app_versions WHERE app = $1
         ORDER BY version DESC LIMIT 1`,
        [app],
      )
    ).rows[0] ?? null;

  /** The same words of the same person were kept as that version already: they are worked again after a bot died. */
  const isKept = async (client: pg.PoolClient, settings: AppSettings, by: string, version: number): Promise<boolean> =>
    (
      await client.query('SELECT 1 FROM app_versions WHERE app = $1 AND version = $2 AND by = $3 AND settings = $4', [
        ...[settings.name, version, by],
        JSON.stringify(settings),
      ])
    ).rowCount === 1;

  return {
    newest: app => newest(pool, app),

    save: (settings, by, known) =>
      inTransaction(pool, async client => {
        await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`settings of ${settings.name}`]);
        const last = await newest(client, settings.name);
        if (known !== null && (await isKept(client, settings, by, known + 1))) {
          return { kind: 'saved', version: known + 1, changes: [] };
        }
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
        await putNotices(client, words.app({ settings, version, by, changes }));
        return { kind: 'saved', version, changes };
      }),

    team: () => team(pool),

    saveTeam: (freezes, by, known) =>
      inTransaction(pool, async client => {
        await client.query("SELECT pg_advisory_xact_lock(hashtext('settings of the team'))");
        const last = await team(client);
        const before = last?.freezes ?? [];
        const isSame = JSON.stringify(before.map(freezeLine)) === JSON.stringify(freezes.map(freezeLine));
        // Worked again after a bot died.
        if (known !== null && last?.version === known + 1 && last.by === by && isSame) {
          return { kind: 'saved', version: last.version };
        }
        if (known !== null && (last?.version ?? 0) !== known) return { kind: 'changed meanwhile', by: last?.by ?? '' };
        if (isSame) return { kind: 'same' };
        const json = JSON.stringify(freezes);
        await client.query('UPDATE team SET freezes = $1', [json]);
        await client.query('INSERT INTO team_versions (version, freezes, by) VALUES ($1, $2, $3)', [
          (last?.version ?? 0) + 1,
          json,
          by,
        ]);
        const { rows } = await client.query<{ channel: string }>(
          "SELECT DISTINCT settings ->> 'channel' AS channel FROM apps ORDER BY 1",
        );
        const saved = await team(client);
        const channels = rows.map(row => row.channel);
        if (saved) await putNotices(client, words.team({ ...saved, before, channels }));
        return { kind: 'saved', version: saved?.version ?? 0 };
      }),

    async teamHistory() {
      return (await pool.query<TeamVersion>(`SELECT ${TEAM}`)).rows;
    },

    async history(app) {
      const { rows } = await pool.query<SettingsVersion>(
        `SELECT version, settings, by, to_json(at) #>> '{}' AS at FROM app_versions WHERE app = $1 ORDER BY version`,
        [app],
      );
      return rows;
    },
  };
}
