import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

// What a deploy was like for visitors, computed from records alone: what the routers did, what visitors and the probe
// saw, what the bot said in Slack and when. It shares nothing with the bot, so that the bot cannot fool it; and what one
// file says is held against the others, so that no broken record can.

const when = z.coerce.date().transform(date => date.getTime());
const ms = z.number().min(0);
const request = z.strictObject({
  record: z.literal('request'),
  app: z.string(),
  id: z.uuid(),
  at: when,
  router: z.number(),
  method: z.string(),
  path: z.string(),
  status: z.number(),
  code: z.string().nullable(),
  dyno: z.strictObject({ id: z.string(), name: z.string(), release: z.number() }).nullable(),
  connectMs: ms,
  serviceMs: ms,
  totalMs: ms,
  bytes: z.number(),
});
const truth = { record: z.literal('truth'), app: z.string(), at: when, release: z.number() };
const router = z.discriminatedUnion('kind', [
  z.strictObject({ ...truth, kind: z.literal('router-flipped'), router: z.number() }),
  z.strictObject({ ...truth, kind: z.literal('switched') }),
  z.strictObject({
    ...truth,
    kind: z.enum(['dyno-started', 'dyno-up', 'dyno-sigterm', 'dyno-exited']),
    id: z.string(),
    name: z.string(),
  }),
]);
const visit = z.strictObject({
  id: z.uuid(),
  at: z.number(),
  ms,
  status: z.number().nullable(),
  release: z.string().nullable(),
  wrote: z.boolean(),
});
const herokuCall = z.strictObject({
  record: z.literal('call'),
  at: when,
  method: z.string(),
  path: z.string(),
  status: z.number().nullable(),
  counted: z.boolean(),
});
const slackCall = z.object({
  at: when,
  method: z.string(),
  ok: z.boolean(),
  args: z.record(z.string(), z.unknown()),
  answer: z.looseObject({ ts: z.coerce.number().optional() }).nullable(),
});

type Truth = z.infer<typeof router>;
type Flip = Extract<Truth, { kind: 'router-flipped' }>;

export type Account = {
  requests: number;
  failed: number;
  slowestMs: number;
  /** From the first new web dyno's start to the last router's change, s. */
  windowSeconds: number;
  /** From the last router's change to the broadcast in the channel, s. Negative: too early. */
  announcedAfterSwitchSeconds: number;
  /** When each release first and last answered a visitor, s since the first visit. */
  answers: { release: string; count: number; first: number; last: number }[];
};

/** Two clocks read one after the other in one process, a timer late under load: as far as two records may be apart, ms. */
const APART_MS = 250;

/** Computes the account from the files of a `--record` folder. Throws when they are broken or contradict each other. */
export async function account(dir: string): Promise<Account> {
  const lines = await readLines(dir, 'router', z.union([request, router]));
  const visits = await readLines(dir, 'traffic', visit);
  const probes = await readLines(dir, 'probe', request);
  const calls = await readLines(dir, 'heroku', herokuCall);
  const slack = await readLines(dir, 'slack', slackCall);
  const carried = lines.filter(line => line.record === 'request');
  const truths = lines.filter(line => line.record === 'truth');

  checkVisits(visits, carried);
  checkRouting([...carried, ...probes], truths);
  if (probes.length === 0) throw new Error('The bot never probed the app');
  const builds = calls.filter(call => call.method === 'POST' && /^\/apps\/[^/]+\/builds$/.test(call.path));
  if (builds.length !== 1 || builds[0]?.status !== 201) throw new Error(`${builds.length} builds, not one, were taken`);

  const { switched, started } = switchIn(truths);
  const broadcast = slack.find(
    call => call.ok && call.method === 'chat.postMessage' && isTrue(call.args.reply_broadcast),
  );
  if (!broadcast) throw new Error('Nothing was announced in the channel');
  const { ts = Number.NaN } = broadcast.answer ?? {};
  if (!(Math.abs(ts * 1000 - broadcast.at) < APART_MS)) throw new Error('The announcement has two different times');
  if (!JSON.stringify(broadcast.args).includes(`v${switched.release}`))
    throw new Error(`The announcement is not of v${switched.release}`);

  const begun = Math.min(...visits.map(({ at }) => at));
  const releases = [...new Set(visits.flatMap(({ release }) => release ?? []))].sort();
  return {
    requests: visits.length,
    failed: visits.filter(({ status }) => status === null || status >= 400).length,
    slowestMs: Math.max(...visits.map(seen => seen.ms)),
    windowSeconds: (switched.at - started.at) / 1000,
    announcedAfterSwitchSeconds: (broadcast.at - switched.at) / 1000,
    answers: releases.map(release => {
      const times = visits.filter(seen => seen.release === release).map(({ at }) => (at - begun) / 1000);
      return { release, count: times.length, first: Math.min(...times), last: Math.max(...times) };
    }),
  };
}

/** Each visit was carried once, at its time, and both sides saw the same answer; nothing was carried unseen. */
function checkVisits(visits: z.infer<typeof visit>[], carried: z.infer<typeof request>[]): void {
  const routed = new Map(carried.map(line => [line.id, line]));
  const known = new Set(visits.map(({ id }) => id));
  if (known.size !== visits.length || routed.size !== carried.length) throw new Error('A request is recorded twice');
  for (const seen of visits) {
    const line = routed.get(seen.id);
    if (!line) throw new Error(`A visitor made the request ${seen.id}, and the router knows nothing of it`);
    if (seen.status !== null && seen.status !== line.status)
      throw new Error(`Visitor and router differ on the status of ${seen.id}`);
    if (seen.release && seen.release !== `v${line.dyno?.release}`)
      throw new Error(`Visitor and router differ on who answered ${seen.id}`);
    const isWithin = line.at >= seen.at - APART_MS && line.at + line.totalMs <= seen.at + seen.ms + APART_MS;
    if (!isWithin) throw new Error(`Visitor and router differ on the time of ${seen.id}`);
  }
  const unseen = carried.filter(line => !known.has(line.id));
  if (unseen.length > 0) throw new Error(`The router carried ${unseen.length} requests that no visitor knows of`);
}

/** Each request went where its router pointed at that time, and to a dyno that was up. */
function checkRouting(requests: z.infer<typeof request>[], truths: Truth[]): void {
  const flips = truths.filter(line => line.kind === 'router-flipped');
  const times = new Map<string, number>();
  for (const line of truths) if ('id' in line) times.set(`${line.id} ${line.kind}`, line.at);
  for (const { id, at, totalMs, router, dyno, status, code } of requests) {
    if (!dyno) {
      if (status < 500 || code === null) throw new Error(`Nobody answered ${id}, and the router has no word for it`);
      continue;
    }
    const early = pointedTo(flips, router, at - APART_MS);
    const late = pointedTo(flips, router, at + APART_MS);
    if (dyno.release !== early && dyno.release !== late)
      throw new Error(`v${dyno.release} answered ${id} when router ${router} pointed to v${late}`);
    const timeOf = (kind: Truth['kind']): number => times.get(`${dyno.id} ${kind}`) ?? Number.POSITIVE_INFINITY;
    const isUp = at + totalMs >= Math.max(timeOf('dyno-started'), timeOf('dyno-up')) - APART_MS;
    if (!isUp || at > timeOf('dyno-exited') + APART_MS) throw new Error(`${id} went to a dyno that was not up`);
  }
}

/** Where a router pointed at a time; undefined before its first change. */
function pointedTo(flips: Flip[], router: number, at: number): number | undefined {
  return flips.filter(flip => flip.router === router && flip.at <= at).at(-1)?.release;
}

function switchIn(truths: Truth[]) {
  const switched = truths.findLast(line => line.kind === 'switched');
  if (!switched) throw new Error('The routers never changed over');
  const flips = truths.filter(line => line.kind === 'router-flipped' && line.release === switched.release);
  const last = Math.max(...flips.map(({ at }) => at));
  if (!(Math.abs(last - switched.at) < APART_MS)) throw new Error('The last router changed over at another time');
  const started = truths.find(
    line => line.kind === 'dyno-started' && line.release === switched.release && line.name.startsWith('web.'),
  );
  if (!started) throw new Error(`No web dyno of v${switched.release} was started`);
  return { switched, started };
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

async function readLines<T extends z.ZodType>(dir: string, name: string, shape: T): Promise<z.infer<T>[]> {
  const file = join(dir, `${name}.jsonl`);
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  return lines.map((line, i) => {
    try {
      return shape.parse(JSON.parse(line));
    } catch (cause) {
      throw new Error(`Line ${i + 1} of ${file} is broken`, { cause });
    }
  });
}
