import type { HerokuRecord } from '../stage/heroku/heroku.ts';
import type { Call } from '../stage/slack/slack.ts';

/** What really happened, and what was said of it, by app and release; ms since 1970. */
export type Observed = {
  onHeroku: (record: HerokuRecord) => void;
  onSlack: (call: Call) => void;
  /** When the last router changed over to it. */
  switchedAt: (app: string, release: number) => number | undefined;
  /** When Slack took the message that says that it serves. */
  announcedAt: (app: string, release: number) => number | undefined;
};

const ANNOUNCEMENT = /New code serves: \W*([\w-]+)\W* runs v(\d+)/;

export function observe(): Observed {
  const switched = new Map<string, number>();
  const announced = new Map<string, number>();
  const keyOf = (app: string, release: number | string): string => `${app} v${release}`;
  return {
    onHeroku: record => {
      if (record.record !== 'truth' || record.kind !== 'switched') return;
      switched.set(keyOf(record.app, record.release), record.at.getTime());
    },
    onSlack: call => {
      if (!call.ok || call.method !== 'chat.postMessage' || !isTrue(call.args.reply_broadcast)) return;
      const [, app, release] = ANNOUNCEMENT.exec(JSON.stringify(call.args)) ?? [];
      if (app && release) announced.set(keyOf(app, release), Number(call.answer?.ts) * 1000);
    },
    switchedAt: (app, release) => switched.get(keyOf(app, release)),
    announcedAt: (app, release) => announced.get(keyOf(app, release)),
  };
}

const isTrue = (value: unknown): boolean => value === true || value === 'true';
