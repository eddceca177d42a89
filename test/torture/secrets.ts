import type pg from 'pg';
import { type Leak, type Marked, scanForSecrets, watchProcesses } from '../secret-scan.ts';

/** It costs the machine that it looks at, and what the bot starts lives for longer. */
const LOOK_MS = 400;

/** What of a world may hold secrets. */
export type Looked = {
  stage: {
    secrets: readonly Marked[];
    slack: { calls: readonly { args: unknown }[]; transcript(): string };
    database: Pick<pg.Pool, 'query'>;
  };
  apps: readonly { name: string; heroku: { config: Readonly<Record<string, string>> } }[];
  bots: { all: readonly { name: string; process: { log: string; pid: number } }[] };
};

export type Secrets = {
  /** Where they stand now, and where they were seen meanwhile. */
  leaks(): Promise<Leak[]>;
  stop(): Promise<unknown>;
};

/** Watches over what nobody may read: the bots' own secrets, and what stands in the config of apps, whose code prints it. */
export function watchSecrets({ stage, apps, bots }: Looked): Secrets {
  const ofApps = apps.flatMap(({ name, heroku: { config } }) => [
    { name: `CHARGE_KEY of ${name}`, value: config.CHARGE_KEY ?? '' },
    { name: `the database password of ${name}`, value: new URL(config.DATABASE_URL ?? '').password },
  ]);
  const marked = [...stage.secrets, ...ofApps];
  const empty = marked.find(({ value }) => value === '');
  if (empty) throw new Error(`The world has no ${empty.name} to look for`);
  const watched = watchProcesses(marked, () => bots.all.map(({ process }) => process.pid), LOOK_MS);
  return {
    stop: watched.stop,
    leaks: async () => {
      const texts = {
        ...Object.fromEntries(bots.all.map(({ name, process }) => [`the log of ${name}`, process.log])),
        'what Slack was sent': JSON.stringify(stage.slack.calls.map(({ args }) => args)),
        'what Slack shows': stage.slack.transcript(),
      };
      return [...watched.found(), ...(await scanForSecrets({ marked, texts, database: stage.database }))];
    },
  };
}
