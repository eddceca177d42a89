import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

// What a deploy was like for visitors, computed from records alone: what the router did, what visitors saw, what the
// bot said in Slack and when. It shares nothing with the bot, so that the bot cannot fool it.

const when = z.coerce.date().transform(date => date.getTime());
const request = z.strictObject({
  record: z.literal('request'),
  app: z.string(),
  id: z.string(),
  at: when,
  router: z.number(),
  method: z.string(),
  path: z.string(),
  status: z.number(),
  code: z.string().nullable(),
  dyno: z.strictObject({ id: z.string(), name: z.string(), release: z.number() }).nullable(),
  connectMs: z.number(),
  serviceMs: z.number(),
  totalMs: z.number(),
  bytes: z.number(),
});
const truth = z.object({ record: z.literal('truth'), kind: z.string(), at: when, release: z.number() });
const visit = z.strictObject({
  id: z.string(),
  at: z.number(),
  ms: z.number(),
  status: z.number().nullable(),
  release: z.string().nullable(),
});
const slackCall = z.object({ at: when, method: z.string(), ok: z.boolean(), args: z.record(z.string(), z.unknown()) });

export type Account = {
  requests: number;
  failed: number;
  slowestMs: number;
  /** From the first new dyno's start to the last router's change, s. */
  windowSeconds: number;
  /** From the last router's change to the broadcast in the channel, s. Negative: too early. */
  announcedAfterSwitchSeconds: number;
  /** When each release first and last answered a visitor, s since the first visit. */
  answers: { release: string; count: number; first: number; last: number }[];
};

/** Computes the account from the files of a `--record` folder. Throws when they are broken or contradict each other. */
export async function account(dir: string): Promise<Account> {
  const routerLines = await readLines(join(dir, 'router.jsonl'), z.union([request, truth]));
  const visits = await readLines(join(dir, 'traffic.jsonl'), visit);
  const slack = await readLines(join(dir, 'slack.jsonl'), slackCall);
  const requests = new Map(routerLines.flatMap(line => (line.record === 'request' ? [[line.id, line]] : [])));
  const truths = routerLines.flatMap(line => (line.record === 'truth' ? [line] : []));

  for (const { id, status, release } of visits) {
    const routed = requests.get(id);
    if (!routed) throw new Error(`A visitor made the request ${id}, and the router knows nothing of it`);
    if (status !== null && status !== routed.status)
      throw new Error(`Visitor and router differ on the status of ${id}`);
    if (release && release !== `v${routed.dyno?.release}`)
      throw new Error(`Visitor and router differ on who answered ${id}`);
  }
  const known = new Set(visits.map(({ id }) => id));
  const unseen = [...requests.values()].filter(line => line.path === '/' && !known.has(line.id));
  if (unseen.length > 0) throw new Error(`The router carried ${unseen.length} requests that no visitor knows of`);

  const switched = truths.findLast(line => line.kind === 'switched');
  if (!switched) throw new Error('The routers never changed over');
  const started = truths.find(line => line.kind === 'dyno-started' && line.release === switched.release);
  if (!started) throw new Error(`No dyno of v${switched.release} was started`);
  const broadcast = slack.find(
    call => call.ok && call.method === 'chat.postMessage' && isTrue(call.args.reply_broadcast),
  );
  if (!broadcast) throw new Error('Nothing was announced in the channel');

  const begun = Math.min(...visits.map(({ at }) => at));
  const releases = [...new Set(visits.flatMap(({ release }) => release ?? []))].sort();
  return {
    requests: visits.length,
    failed: visits.filter(({ status }) => status === null || status >= 400).length,
    slowestMs: Math.max(...visits.map(({ ms }) => ms)),
    windowSeconds: (switched.at - started.at) / 1000,
    announcedAfterSwitchSeconds: (broadcast.at - switched.at) / 1000,
    answers: releases.map(release => {
      const times = visits.filter(seen => seen.release === release).map(({ at }) => (at - begun) / 1000);
      return { release, count: times.length, first: Math.min(...times), last: Math.max(...times) };
    }),
  };
}

/** `requests=… failed=… slowest_ms=… window_s=… announced_after_switch_s=…` */
export function accountLine(found: Account): string {
  const seconds = (value: number): string => value.toFixed(1);
  return [
    `requests=${found.requests}`,
    `failed=${found.failed}`,
    `slowest_ms=${found.slowestMs}`,
    `window_s=${seconds(found.windowSeconds)}`,
    `announced_after_switch_s=${seconds(found.announcedAfterSwitchSeconds)}`,
  ].join(' ');
}

const isTrue = (value: unknown): boolean => value === true || value === 'true';

async function readLines<T extends z.ZodType>(file: string, shape: T): Promise<z.infer<T>[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  return lines.map((line, i) => {
    try {
      return shape.parse(JSON.parse(line));
    } catch (cause) {
      throw new Error(`Line ${i + 1} of ${file} is broken`, { cause });
    }
  });
}
