import { once } from 'node:events';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { HerokuRecord } from './heroku/heroku.ts';
import type { Visit } from './traffic.ts';

/** Everything that happened on the stage, as JSON lines: `router`, `probe`, `heroku`, `slack`, `traffic`. */
export type Records = {
  heroku(record: HerokuRecord): void;
  slack(call: object): void;
  visit(visit: Visit): void;
  close(): Promise<void>;
};

/** The bot's probes carry this in their query. */
const PROBE = /[?&]switchover=/;

export function writeRecords(dir: string): Records {
  mkdirSync(dir, { recursive: true });
  const files = new Map<string, WriteStream>();
  const write = (name: string, record: object): void => {
    const file = files.get(name) ?? createWriteStream(join(dir, `${name}.jsonl`));
    files.set(name, file);
    file.write(`${JSON.stringify(record)}\n`);
  };
  for (const name of ['router', 'probe', 'heroku', 'slack', 'traffic']) {
    files.set(name, createWriteStream(join(dir, `${name}.jsonl`)));
  }
  return {
    heroku: record => {
      if (record.record === 'call') write('heroku', record);
      else write(record.record === 'request' && PROBE.test(record.path) ? 'probe' : 'router', record);
    },
    slack: call => write('slack', call),
    visit: visit => write('traffic', visit),
    close: async () => {
      await Promise.all([...files.values()].map(file => once(file.end(), 'close')));
    },
  };
}
